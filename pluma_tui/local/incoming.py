"""The library's folder while something is put into it: one at a time, with room, and swept of leftovers."""

import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pluma_tui.core.errors import ConfigError, UsageError
from pluma_tui.files import paths
from pluma_tui.local.models import SUFFIX, folder, size_text

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are there and, where known, all bytes. What it raises ends the work."""

INCOMING = ".incoming-"
"""How the names of temporary folders in the library begin."""

_PIECE = 1024 * 1024


@contextmanager
def opened(data: Path) -> Iterator[Path]:
    """The library's folder, for this process alone until the block or the process ends.

    Raises UsageError if another process has it, and ConfigError for what the disk refuses inside.
    """
    library = folder(data)
    try:
        paths.private_dir(data)
        paths.private_dir(library)
        with os.fdopen(os.open(library / ".lock", os.O_WRONLY | os.O_CREAT, 0o600), "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                hint = "Wait until it is done."
                raise UsageError("another pluma is installing a model", hint=hint) from None
            _sweep(library)
            yield library
    except OSError as error:
        hint = "Look at its permissions, or put pluma's data elsewhere: --data-dir."
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            hint = "Make room, or put pluma's data on another disk: --data-dir."
        where = paths.shown(library)
        raise ConfigError(f"no model can be put into {where}: {error.strerror}", hint=hint) from error


def need_room(library: Path, size: int) -> None:
    """Raises the OSError of a full disk before it is one, unless `size` bytes are free."""
    free = shutil.disk_usage(library).free
    if free < size:
        needed = f"{size_text(size)} are needed and {size_text(free)} are free"
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}, {needed}")


def copy(source: IO[bytes], target: IO[bytes], came: Callable[[int], None]) -> tuple[int, str]:
    """Copy piece by piece; returns the bytes and their sha256. Raises OSError."""
    digest = hashlib.sha256()
    done = 0
    while piece := source.read(_PIECE):
        target.write(piece)
        digest.update(piece)
        done += len(piece)
        came(done)
    return done, digest.hexdigest()


def settle(part: Path, target: Path) -> None:
    """Give a finished part file its name, once it is safely on the disk. Raises OSError."""
    with part.open("rb") as file:
        os.fchmod(file.fileno(), 0o600)
        os.fsync(file.fileno())
    part.replace(target)


def file_sha256(path: Path) -> str:
    """The checksum of a file of any size, in hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sweep(library: Path) -> None:
    """Remove what a killed install left. Part files stay: they are gone on with."""
    for left in library.glob(f"{INCOMING}*"):
        shutil.rmtree(left, ignore_errors=True)
    for left in library.glob(f".*{SUFFIX}.*.tmp"):  # as files.atomic names them
        left.unlink(missing_ok=True)
