"""A program in a pseudo-terminal, seen as a person sees it: keys in, a screen out, every byte kept."""

import os
import re
import select
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import ptyprocess
import pyte

# What pyte 0.8 prints or chokes on: private modes with intermediates, DCS and APC strings.
_NOT_FOR_PYTE = re.compile(rb"\x1b\[[<>=][0-9;]*[a-z]|\x1b\[\?[0-9;]*\$p|\x1b[P_][^\x1b]*\x1b\\")


class Terminal:
    """Use it as a context: the program is killed at the end if it has not ended by itself."""

    def __init__(
        self, argv: Sequence[str], env: Mapping[str, str], *, columns: int = 100, rows: int = 30
    ) -> None:
        base = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        self.process = ptyprocess.PtyProcess.spawn(
            list(argv), env={**base, **env}, dimensions=(rows, columns)
        )
        self.output = bytearray()
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.isalive():
            self.process.kill(signal.SIGKILL)
        self.process.close(force=True)

    def send(self, text: str) -> None:
        """Press keys."""
        self.process.write(text.encode())

    def kill(self, number: signal.Signals) -> None:
        self.process.kill(number)

    def text(self) -> str:
        """The screen as it is now."""
        return "\n".join(line.rstrip() for line in self._screen.display)

    def until(self, holds: str | Callable[[], bool], seconds: float = 20.0) -> None:
        """Read until a text is on the screen, or something holds."""
        shown = (lambda: holds in self.text()) if isinstance(holds, str) else holds
        end = time.monotonic() + seconds
        while not shown():
            if time.monotonic() > end or not self.read():
                if shown():
                    return
                raise AssertionError(f"waited in vain for {holds!r}; the screen:\n{self.text()}")

    def wait(self, seconds: float = 10.0) -> int:
        """Read to the end; returns the exit code, or minus the signal's number."""
        end = time.monotonic() + seconds
        while self.read() and time.monotonic() < end:
            pass
        while self.process.isalive():
            assert time.monotonic() < end, f"the program goes on; the screen:\n{self.text()}"
            select.select([], [], [], 0.01)
        status = self.process.exitstatus
        return status if status is not None else -(self.process.signalstatus or 0)

    def read(self) -> bool:
        """Take what there is, for at most a twentieth of a second; False at the end of file."""
        ready, _, _ = select.select([self.process.fd], [], [], 0.05)
        if not ready:
            return True
        try:
            data = os.read(self.process.fd, 65536)
        except OSError:
            return False
        self.output += data
        self._stream.feed(_NOT_FOR_PYTE.sub(b"", data))
        return bool(data)
