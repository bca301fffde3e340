"""Picks the store that the setting `storage.url` asks for."""

from pathlib import Path

from pluma_tui.core.errors import ConfigError
from pluma_tui.storage.base import Store

DATABASE = "conversations.db"
"""The name of the database in the data folder."""


def open_store(url: str, data: Path) -> Store:
    """The store at `url`; an empty one means SQLite in the folder `data`. Touches no file yet.

    Raises ConfigError.
    """
    if not url:
        from pluma_tui.storage.sqlite import SqliteStore

        return SqliteStore(data / DATABASE)
    if url == "memory:":
        from pluma_tui.storage.memory import MemoryStore

        return MemoryStore()
    scheme = url.partition(":")[0]
    if scheme in ("postgresql", "postgres"):
        words = "Postgres comes with a later version of pluma"
    else:
        words = "is no address of a store that pluma knows"
    # The address itself may hold a password, and is not repeated.
    raise ConfigError(
        f"storage.url: {words}", hint='Leave it out (or "") for SQLite in the data folder.', key="storage.url"
    )
