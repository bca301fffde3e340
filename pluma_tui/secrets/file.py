"""`{ file = "path" }`: the first line of a file that nobody else can read."""

import os
from pathlib import Path

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef
from pluma_tui.files import atomic
from pluma_tui.files.paths import expanded

_LIMIT = 64 * 1024


async def fetch(ref: SecretRef) -> str:
    """The file's first line. Raises SecretError, also if group or others may read the file."""
    return content(expanded(str(ref.value))).split(b"\n", 1)[0].decode("utf-8", "replace")


def content(path: Path, limit: int = _LIMIT) -> bytes:
    """Up to `limit` bytes of a file that nobody else may use. Raises SecretError."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & 0o077:
                raise SecretError(f"{path} can be read by others", hint=f"chmod 600 {path}")
            return file.read(limit)
    except OSError as error:
        raise SecretError(f"{path} cannot be read: {error.strerror}") from None


def store(path: Path, value: str) -> None:
    """Keep `value` in a file of mode 0600, in a folder of mode 0700. Raises SecretError."""
    try:
        atomic.write(path, f"{value}\n".encode())
        path.chmod(0o600)
        path.parent.chmod(0o700)
    except OSError as error:
        raise SecretError(f"{path} cannot be written: {error.strerror}") from None


def remove(path: Path) -> bool:
    """Delete the file; whether it was there. Raises SecretError."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise SecretError(f"{path} cannot be deleted: {error.strerror}") from None
    return True
