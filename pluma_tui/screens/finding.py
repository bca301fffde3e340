"""Finding words in the conversation: the bar to type them, and the hits in the transcript."""

from pluma_tui.screens.commands import Command
from pluma_tui.widgets.findbar import FindBar
from pluma_tui.widgets.statusline import StatusLine
from pluma_tui.widgets.transcript import Found, Transcript


class Finding:
    """The bar takes the place of the status line, so that nothing else on the screen moves."""

    def __init__(self, transcript: Transcript, bar: FindBar, status: StatusLine) -> None:
        self._transcript = transcript
        self._bar = bar
        self._status = status
        self._looked_for = ""
        self.commands: dict[str, Command] = {
            "find": self.open,
            "read.find": self.open,
            "read.find_next": lambda _: self.step(1),
            "read.find_previous": lambda _: self.step(-1),
        }

    def open(self, words: str = "") -> None:
        """Take words to look for."""
        self._show()
        self._looked_for = ""
        self._bar.open(words)

    def wanted(self, words: str) -> None:
        """Look for these."""
        self._looked_for = words
        self._tell(self._transcript.find(words))

    def step(self, step: int) -> None:
        """Go to another hit: of what is in the bar now, or of the search before."""
        words = self._bar.words
        if not words:
            return
        if words != self._looked_for or not self._bar.display:
            self._show()
            self.wanted(words)
        else:
            self._tell(self._transcript.find_next(step))

    def close(self) -> bool:
        """Close the bar and take the highlights away; the reader stays there. False if it was not open."""
        if not self._bar.display:
            return False
        self._bar.close()
        self._status.display = True
        self._transcript.find_end()
        self._transcript.focus()
        return True

    def _show(self) -> None:
        self._status.display = False
        self._bar.display = True

    def _tell(self, found: Found) -> None:
        if not self._looked_for:
            self._bar.tell("")
        else:
            self._bar.tell(f"{found.at:,} of {found.of:,}" if found.of else "not found")
