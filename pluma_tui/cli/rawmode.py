"""A terminal whose keys come at once and are not shown; it is put right again whatever happens."""

import contextlib
import os
import select
import signal
import termios
import tty
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def unbuffered(handle: int, *, keep_signals: bool) -> Iterator[None]:
    """Read keys from the terminal `handle` as they come; `keep_signals`: ctrl+c stays what it is.

    What has not been read at the end is thrown away: it must not land in the shell.
    """
    before = termios.tcgetattr(handle)
    handlers: dict[signal.Signals, Any] = {}
    try:
        for number in _SIGNALS:
            handlers[number] = signal.signal(number, _leave)
        (tty.setcbreak if keep_signals else tty.setraw)(handle, termios.TCSANOW)
        yield
    finally:
        termios.tcsetattr(handle, termios.TCSAFLUSH, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def read(handle: int, seconds: float | None) -> bytes:
    """What comes within `seconds` (None: until something comes); empty if nothing does, or at the end."""
    ready, _, _ = select.select([handle], [], [], seconds)
    if not ready:
        return b""
    try:
        return os.read(handle, 4096)
    except OSError:  # the terminal is gone
        return b""


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    """A signal ends the program in the common way, so that the terminal is put right first."""
    raise SystemExit(128 + number)
