"""Opening a SQLite file with care, and putting SQLite's errors in words.

Imported by the store's own thread when the store is first used, so that starting pays nothing for it.
"""

import contextlib
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from pluma_tui.core.errors import StoreError
from pluma_tui.files.paths import private_dir, shown
from pluma_tui.storage.migrations import APPLICATION_ID, MIGRATIONS

T = TypeVar("T")

WAIT = 20.0
"""Seconds to wait for another process that is writing."""


def connect(path: Path) -> sqlite3.Connection:
    """The database at `path`, made if it is not there, and brought to the newest schema.

    Raises StoreError, and leaves alone what is no database of ours.
    """
    path = path.resolve()
    if path.is_dir():
        raise StoreError(
            f"{shown(path)} is a folder, and conversations would be stored in a file of that name",
            hint="Move the folder away, or use another --data-dir.",
        )
    with explained(path):
        _create(path)
        connection = sqlite3.connect(path, timeout=WAIT, isolation_level=None)
        try:
            _patiently(lambda: _prepare(connection, path))
        except BaseException:
            connection.close()
            raise
    return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    """All or nothing. Who writes takes the lock at the start: one asked for later cannot be waited for."""
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's and the system's errors about the file `path` into StoreErrors."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        words, hint = _WORDS.get(code, _OTHER)
        message = f"{shown(path)} {words.format(error=error)}"
        raise StoreError(message, hint=hint.format(path=shown(path))) from error
    except OSError as error:
        where = shown(Path(error.filename)) if isinstance(error.filename, str) else shown(path)
        raise StoreError(f"{where} cannot be opened: {error.strerror}", hint=_ACCESS) from error


_ACCESS = "Check who owns the folder and the disk's space, or use another --data-dir."
_DAMAGED = (
    "is damaged or no database of conversations: {error}",
    "It was left as it is. Put a copy back, or move it and its -wal file away to begin anew.",
)
_BUSY = (
    "is being written by another program for too long",
    "Try again when that program is done; if none is, a program hangs on to {path}.",
)
_OTHER = ("could not be read or written: {error}", "")
_WORDS = {
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_FULL: ("could not be written: the disk is full", "Make room, then try again."),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened: {error}", _ACCESS),
    sqlite3.SQLITE_READONLY: ("cannot be written: {error}", _ACCESS),
    sqlite3.SQLITE_PERM: ("cannot be opened: {error}", _ACCESS),
    sqlite3.SQLITE_IOERR: ("could not be read or written: {error}", _ACCESS),
}


def _create(path: Path) -> None:
    """Make the file ours alone before the first byte is in it; SQLite gives -wal and -shm its mode.

    An existing file is never opened here: closing it again would drop the locks that another
    connection of this process holds on it.
    """
    private_dir(path.parent)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            with contextlib.suppress(OSError):
                path.chmod(mode & 0o700)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    with transaction(connection, "DEFERRED"):  # one look at a file that another process may be making
        version = version_of(connection, path)
    if version < len(MIGRATIONS):
        _migrate(connection, path)
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """The file's schema. Only reads. Raises StoreError for a file of another program or a newer pluma."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (tables or version):
        raise StoreError(
            f"{shown(path)} is a database of another program",
            hint="It was left as it is. Move it away, or use another --data-dir.",
        )
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{shown(path)} was written by a newer pluma (schema {version}; this one knows"
            f" {len(MIGRATIONS)})",
            hint="It was left as it is. Update pluma, or use another --data-dir.",
        )
    return int(version)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    with transaction(connection):
        version = version_of(connection, path)  # again: another process may have been faster
        for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")


def _patiently(work: Callable[[], T]) -> T:
    """Repeat what SQLite refuses without waiting: the switch to WAL, and recovery, by several at once."""
    deadline = time.monotonic() + WAIT
    while True:
        try:
            return work()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.01)
