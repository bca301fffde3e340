"""Looking at the store without changing anything: for `pluma doctor`."""

import sqlite3
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from pluma_tui.core.errors import StoreError
from pluma_tui.storage.database import explained, version_of
from pluma_tui.storage.migrations import MIGRATIONS
from pluma_tui.storage.open import DATABASE

_TIME_LIMIT = 3.0  # seconds for the check of a large database
_EVERY = 10_000  # of SQLite's steps between two looks at the clock


@dataclass(frozen=True)
class Health:
    """`size` is in bytes, 0 where there is no file yet; `conversations` counts them.

    `schema` is the file's, `newest` ours; `whole` is False if the check was given up for the time it takes.
    """

    path: Path
    size: int = 0
    schema: int = 0
    newest: int = len(MIGRATIONS)
    conversations: int = 0
    whole: bool = True


def health(data: Path) -> Health:
    """How the database in the folder `data` is. Raises StoreError for one that is damaged or not ours."""
    path = data / DATABASE
    with explained(path):
        if not path.exists():
            return Health(path)
        size = sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*"))
        # Without a -wal file nobody has it open. SQLite is told so, or it would leave such a file behind.
        alone = not path.with_name(f"{path.name}-wal").exists()
        how = "immutable=1" if alone else "mode=ro"
        address = f"file:{urllib.parse.quote(str(path.resolve()))}?{how}"
        connection = sqlite3.connect(address, uri=True, timeout=1.0)
        try:
            return _looked_at(connection, path, size)
        finally:
            connection.close()


def _looked_at(connection: sqlite3.Connection, path: Path, size: int) -> Health:
    schema = version_of(connection, path)
    whole = _checked(connection, path)
    conversations = 0
    if schema:
        (conversations,) = connection.execute("SELECT count(*) FROM conversations").fetchone()
    return Health(path, size, schema, len(MIGRATIONS), conversations, whole)


def _checked(connection: sqlite3.Connection, path: Path) -> bool:
    """SQLite's own check; False if it was given up for the time it takes. Raises StoreError."""
    end = time.monotonic() + _TIME_LIMIT
    connection.set_progress_handler(lambda: int(time.monotonic() > end), _EVERY)
    try:
        rows = connection.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return False
    finally:
        connection.set_progress_handler(None, 0)
    if rows != [("ok",)]:
        hint = "It was left as it is. Put a copy back, or move it and its -wal file away to begin anew."
        raise StoreError(f"{path.name} is damaged: {rows[0][0]}", hint=hint)
    return True
