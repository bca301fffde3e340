"""Text that is shown as it was written (not Markdown), in stretches; and counting words as they come."""

from pluma_tui.core.text import Cleaner
from pluma_tui.widgets.transcript.blocks import Plain

STRETCH = 32  # lines that are rendered at once
LINE_MAX = 8_192  # characters; a longer line is cut


def plain_blocks(text: str, *, faint: bool = False) -> list[Plain]:
    """Safe text as blocks, without empty lines at its ends."""
    lines = cut_lines(text.strip("\n").rstrip().expandtabs(4)).split("\n")
    return [Plain("\n".join(lines[at : at + STRETCH]), faint=faint) for at in range(0, len(lines), STRETCH)]


class Thoughts:
    """Reasoning as it streams in: its safe text, and how many words it has."""

    def __init__(self, raw: str = "") -> None:
        self.words = 0
        self._cleaner = Cleaner()
        self._parts: list[str] = []
        self._in_word = False
        self.feed(raw)

    @property
    def text(self) -> str:
        """All of it so far."""
        if len(self._parts) > 1:
            self._parts = ["".join(self._parts)]
        return self._parts[0] if self._parts else ""

    def feed(self, raw: str) -> None:
        """More of it."""
        piece = self._cleaner.feed(raw)
        if piece:
            self.words += len(piece.split()) - (self._in_word and not piece[0].isspace())
            self._in_word = not piece[-1].isspace()
            self._parts.append(piece)


def cut_lines(text: str) -> str:
    """The text without lines beyond all measure: they are cut."""
    if len(text) <= LINE_MAX:
        return text
    return "\n".join(
        line[at : at + LINE_MAX] for line in text.split("\n") for at in range(0, max(1, len(line)), LINE_MAX)
    )
