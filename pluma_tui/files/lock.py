"""One writer at a time, across processes. The lock is on the folder, so no lock file stays behind."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from pluma_tui.files.paths import private_dir


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
