"""How much of something has come, on one line of a terminal's stderr; nothing elsewhere."""

import sys
import time
from types import TracebackType

from pluma_tui.core.text import clean_line
from pluma_tui.local.models import size_text

_EVERY = 0.1  # seconds between two states of the line
_WORDS = 60  # characters of what is being done


class Meter:
    """The line. It goes when the block ends."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._last = 0.0
        self._width = 0

    def __enter__(self) -> "Meter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._width:
            self._write("")
            sys.stderr.write("\r")

    def __call__(self, done: int, total: int | None, words: str = "") -> None:
        """Show `done` of `total` bytes (None or 0: unknown), after what is being done."""
        now = time.monotonic()
        if not self._shown or (now - self._last < _EVERY and done != total):
            return
        self._last = now
        of = f" of {size_text(total)}, {100 * done // total} %" if total else ""
        came = f"{size_text(done)}{of}" if done or total else ""
        self._write(" ".join(part for part in (clean_line(words, _WORDS), came) if part))

    def _write(self, text: str) -> None:
        sys.stderr.write(f"\r{text:<{self._width}}")
        sys.stderr.flush()
        self._width = len(text)
