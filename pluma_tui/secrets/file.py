"""`{ file = "path" }`: the first line of a file that nobody else can read."""

import os

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef
from pluma_tui.files.paths import expanded

_LIMIT = 64 * 1024


async def fetch(ref: SecretRef) -> str:
    """The file's first line. Raises SecretError, also if group or others may read the file."""
    return _first_line(str(ref.value))


def _first_line(name: str) -> str:
    path = expanded(name)
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & 0o077:
                raise SecretError(f"{path} can be read by others", hint=f"chmod 600 {path}")
            return file.readline(_LIMIT).decode("utf-8", "replace")
    except OSError as error:
        raise SecretError(f"{path} cannot be read: {error.strerror}") from None
