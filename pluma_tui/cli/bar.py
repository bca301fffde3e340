"""How far a picture is, on stderr: one line that changes on a terminal, a few lines anywhere else."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator

from pluma_tui.cli import output
from pluma_tui.core.images import Progress, Queued

_TICK = 1.0  # seconds
_WIDTH = 30
_PARTS = 4  # lines about steps where there is no terminal


class Bar:
    """Shows the newest of what a server says."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._event: Queued | Progress = Queued()
        self._terminal = sys.stderr.isatty()
        self._said = ""
        self._drawn = False

    def show(self, event: Queued | Progress) -> None:
        """Take in what is new."""
        self._event = event
        if self._terminal:
            self._draw()
        else:
            self._say_changes()

    def clear(self) -> None:
        """Make room for a line of something else."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._drawn = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let the time run on while nothing comes; cleared at the end."""
        ticking = asyncio.create_task(self._tick()) if self._terminal else None
        try:
            yield
        finally:
            if ticking is not None:
                ticking.cancel()
            self.clear()

    async def _tick(self) -> None:
        while True:
            self._draw()
            await asyncio.sleep(_TICK)

    def _draw(self) -> None:
        room = _columns() - 1
        sys.stderr.write(f"\r{self.line()[:room]}\x1b[K")
        sys.stderr.flush()
        self._drawn = True

    def line(self) -> str:
        """The state of the job in one line of plain characters."""
        passed = clock(time.monotonic() - self._began)
        match self._event:
            case Queued(position) if position:
                return f"waiting: {position} {'job' if position == 1 else 'jobs'} before this one  {passed}"
            case Progress(step, steps, eta, own) if steps > 0:
                filled = min(step, steps) * _WIDTH // steps
                drawn = "#" * filled + "-" * (_WIDTH - filled)
                left = "" if eta is None else f", {clock(eta)} left"
                whose = "" if own else " of whatever the server is doing"
                return f"[{drawn}] {step}/{steps}  {passed}{left}{whose}"
        return f"waiting for the server  {passed}"

    def _say_changes(self) -> None:
        words = ""
        match self._event:
            case Queued(position) if position:
                words = f"{position} {'job' if position == 1 else 'jobs'} before this one"
            case Progress(step, steps) if steps > 0:
                part = min(step, steps) * _PARTS // steps * steps // _PARTS
                words = f"step {part} of {steps}" if part else ""
        if words and words != self._said:
            self._said = words
            output.say(f"pluma: {words}")


def clock(seconds: float) -> str:
    """Seconds as people read them: 4:05, or 1:02:03."""
    minutes, rest = divmod(max(round(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _columns() -> int:
    with contextlib.suppress(OSError):
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    return 80
