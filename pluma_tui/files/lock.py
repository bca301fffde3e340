"""One writer at a time, across processes. The lock is on the folder, so no lock file stays behind."""

import contextlib
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from pluma_tui.files.paths import private_dir

_POLL = 0.05  # seconds


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock for as long as the block runs, waiting for who has it. Raises OSError.

    The system lets go of it when a process ends, however it ends.
    """
    handle = os.open(private_dir(folder), os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextlib.asynccontextmanager
async def waiting_for(folder: Path) -> AsyncIterator[None]:
    """As `locked`, while other tasks go on; the wait can be cancelled, as that of a thread could not be."""
    import asyncio  # which a command that writes the config file does not need

    handle = os.open(private_dir(folder), os.O_RDONLY)
    try:
        while not _taken(handle):  # noqa: ASYNC110 - what happens in another process
            await asyncio.sleep(_POLL)
        yield
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
