"""Lines that a person types, one after the other, with readline's editing where there is one."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

FENCE = '"""'
"""Begins and ends a text of several lines."""


class Lines:
    """Standard input by lines. A prompt is written only where a person can see it."""

    def __init__(self) -> None:
        self.people = sys.stdin.isatty() and sys.stdout.isatty()
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
        if self.people:
            _editing()

    def read(self, prompt: str) -> str:
        """The next line, or all lines between two fences; TERM and HUP end the program in good order.

        Raises EOFError at the end of the input, KeyboardInterrupt on ctrl+c.
        """
        with _ended_by_signals():
            text = self._line(prompt)
            if not text.startswith(FENCE):
                return text
            lines = [text.removeprefix(FENCE)]
            while not lines[-1].endswith(FENCE):
                lines.append(self._line("... "))
            return "\n".join(lines).removesuffix(FENCE).strip("\n")

    def _line(self, prompt: str) -> str:
        return input(prompt if self.people else "")


def _editing() -> None:
    """Editing and history by readline, told to write nothing before a person edits; without it, none."""
    with contextlib.suppress(ImportError):
        import readline

        for setting in ("enable-bracketed-paste off", "enable-meta-key off"):
            readline.parse_and_bind(f"set {setting}")


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    before = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
