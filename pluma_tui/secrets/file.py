"""`{ file = "path" }`: the first line of a file that nobody else can read."""

from pathlib import Path

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef

_LIMIT = 64 * 1024


async def fetch(ref: SecretRef) -> str:
    """The file's first line. Raises SecretError, also if group or others may read the file."""
    return _first_line(str(ref.value))


def _first_line(name: str) -> str:
    path = Path(name).expanduser()
    try:
        with path.open("rb") as file:
            mode = path.stat().st_mode
            if mode & 0o077:
                raise SecretError(f"{path} can be read by others", hint=f"chmod 600 {path}")
            return file.readline(_LIMIT).decode("utf-8", "replace")
    except OSError as error:
        raise SecretError(f"{path} cannot be read: {error.strerror}") from None
