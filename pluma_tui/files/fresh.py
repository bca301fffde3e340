"""New files under names that were free: nothing is ever overwritten, whoever else writes there."""

import os
from pathlib import Path

from pluma_tui.core.ids import new_id


def create(path: Path, data: bytes, *, private: bool = True) -> None:
    """Make `path` with `data` in it, whole or not at all; of two programs at once one gets the name.

    `private` is 0600; else the umask says. Raises FileExistsError where anything goes by that name, OSError.
    """
    part = path.with_name(f".{new_id()}.tmp")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _name(part, path)
    finally:
        part.unlink(missing_ok=True)


def _name(part: Path, path: Path) -> None:
    """Give the finished file its name, if that is still free."""
    try:
        path.hardlink_to(part)
    except FileExistsError:
        raise
    except OSError:  # a file system without links (FAT, some shares): hold the name, then take it
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            part.replace(path)
        except OSError:
            path.unlink(missing_ok=True)
            raise
