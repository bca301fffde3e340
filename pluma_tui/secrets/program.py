"""A program that prints a secret: run without a shell, on the terminal where a person sits at one."""

import asyncio
import contextlib
import os
import signal
import termios
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from pluma_tui.core.errors import SecretError

_TIME_LIMIT = 60.0  # seconds: what asks nobody should not hang for ever
_PATIENCE = 300.0  # seconds for a person who is asked for a pass phrase


@dataclass(frozen=True)
class Fetched:
    """A secret as its source gives it, in seconds since the epoch: when it `expires`, None if nobody says;
    and `since` when it is what it is, None for now.
    """

    value: str = field(repr=False)
    expires: float | None = None
    since: float | None = None


def first_line(output: bytes) -> Fetched:
    """The first line of what a program printed."""
    return Fetched(output.split(b"\n", 1)[0].decode("utf-8", "replace"))


@dataclass(frozen=True)
class Program:
    """What to run for a secret. `read` takes it from the output; `limit` is in seconds, 0 for none.

    `hint` says what to do where there is no such program.
    """

    argv: tuple[str, ...]
    limit: float | None = None
    read: Callable[[bytes], Fetched] = first_line
    hint: str = ""

    async def run(self) -> Fetched:
        """Run it to its end. Raises SecretError, which repeats nothing that the program printed."""
        with lent() as tty:
            status, output = await self._run(tty)
        if status:
            hint = "Run it by hand to see what it says."
            raise SecretError(f"{self.argv[0]} {_ending(status)}", hint=hint)
        return self.read(output)

    async def _run(self, tty: str | None) -> tuple[int | None, bytes]:
        """Its exit status, and what it printed."""
        limit = self.limit if self.limit is not None else (_PATIENCE if tty else _TIME_LIMIT)
        with _streams(tty) as (stdio, env):
            starting = asyncio.ensure_future(self._start(stdio, env, own_session=not tty))
            try:
                process = await asyncio.shield(starting)
            except asyncio.CancelledError:  # what it has started by then must end with it, too
                await _end(await starting, own_session=not tty)
                raise
        try:
            async with asyncio.timeout(limit or None):
                output, _ = await process.communicate()
        except TimeoutError:
            raise SecretError(f"{self.argv[0]} gave no key within {limit:g} seconds") from None
        finally:
            await _end(process, own_session=not tty)
        return process.returncode, output

    async def _start(
        self, stdio: int, env: Mapping[str, str], *, own_session: bool
    ) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                *self.argv,
                stdin=stdio,
                stdout=asyncio.subprocess.PIPE,
                stderr=stdio,
                env=env,
                start_new_session=own_session,  # so that it cannot open the terminal by itself either
            )
        except OSError as error:
            raise SecretError(f"{self.argv[0]} cannot be run: {error.strerror}", hint=self.hint) from None


def _ending(status: int) -> str:
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


def terminal() -> str | None:
    """The device of the terminal that pluma was started from, if a program may have it for a while.

    It may not while a full-screen app reads every key of it, nor when pluma runs in the background.
    """
    for fd in (0, 2):
        with contextlib.suppress(OSError, termios.error):
            line_by_line = termios.tcgetattr(fd)[3] & termios.ICANON
            if line_by_line and os.tcgetpgrp(fd) == os.getpgrp():
                return os.ttyname(fd)
    return None


@contextlib.contextmanager
def _streams(tty: str | None) -> Iterator[tuple[int, Mapping[str, str]]]:
    """What the program reads from and complains to, and its environment."""
    fd = os.open(tty or os.devnull, os.O_RDWR | os.O_NOCTTY)
    try:
        # gpg's agent asks on the terminal that this variable names.
        yield fd, {"GPG_TTY": tty, **os.environ} if tty else os.environ
    finally:
        os.close(fd)


@contextlib.contextmanager
def on_interrupt(does: Callable[[], object]) -> Iterator[None]:
    """Ctrl+c on the terminal is meant for what asks there: a whole app must not end of it.

    What a command has told the event loop to do on SIGINT is still done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets no other thread say what a signal does
        return
    before = signal.signal(signal.SIGINT, lambda *_: does())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def lent() -> Iterator[str | None]:
    """Entered while a program has the terminal, if there is one: Ctrl+c is left to the program."""
    tty = terminal()
    with on_interrupt(_left_to_it) if tty else contextlib.nullcontext():
        yield tty


def _left_to_it() -> None:
    """The signal has reached the program itself, too."""


async def _end(process: asyncio.subprocess.Process, *, own_session: bool) -> None:
    """End it if it goes on; in a session of its own, with all that it started."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        if own_session:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    await process.wait()
