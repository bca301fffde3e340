"""The queue above the composer: words that are sent when the answer has come."""

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from pluma_tui.core.text import clean_line

SHOWN = 3  # of those that wait


class Waiting(Widget):
    """Each of those that wait on a line, in short, below a line that says what becomes of them."""

    DEFAULT_CSS = """
    Waiting { height: auto; padding: 0 1; color: $text-muted; display: none; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._texts: Sequence[str] = ()
        self._held = False

    def show(self, texts: Sequence[str], *, held: bool) -> None:
        """These wait; `held`: until the person says so."""
        resized = len(texts) != len(self._texts)
        self._texts, self._held = texts, held
        self.display = bool(texts)
        self.refresh(layout=resized)

    def render(self) -> Content:
        """All on lines that fit."""
        width = max(1, self.content_size.width)
        what = "held · enter sends · ↑ edits the last" if self._held else "waiting · ↑ edits the last"
        lines = [Content.assemble((f"{len(self._texts)} ", "$accent"), what)]
        lines += [Content(f"  {clean_line(text)}") for text in self._texts[:SHOWN]]
        if len(self._texts) > SHOWN:
            lines.append(Content(f"  … and {len(self._texts) - SHOWN} more"))
        return Content("\n").join(line.truncate(width, ellipsis=True) for line in lines)
