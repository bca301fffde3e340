"""The file itself: who may read it, who else writes it, and what is wrong with it."""

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from pluma_tui.core.chat import Conversation, Message
from pluma_tui.core.errors import StoreError
from pluma_tui.storage import database
from pluma_tui.storage.migrations import APPLICATION_ID, MIGRATIONS
from pluma_tui.storage.sqlite import SqliteStore

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "conversations.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(path)
    yield opened
    await opened.close()


async def made(path: Path) -> None:
    store = SqliteStore(path)
    await store.insert(Conversation(id="one"), [Message(role="user", id="m", text="Hi " * 5000)])
    await store.close()


async def refused(path: Path) -> StoreError:
    """The error of opening it, after which the same store may be tried again and closed."""
    store = SqliteStore(path)
    with pytest.raises(StoreError) as first:
        await store.conversations()
    with pytest.raises(StoreError) as second:
        await store.create(Conversation(id="two"))
    assert first.value.message == second.value.message
    await store.close()
    return first.value


def modes(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}


async def test_only_the_owner_can_read_the_files_whatever_the_umask(store: SqliteStore, path: Path) -> None:
    before = os.umask(0)
    try:
        await store.create(Conversation(id="one"))
    finally:
        os.umask(before)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert modes(path.parent) == {
        "conversations.db": 0o600,
        "conversations.db-wal": 0o600,
        "conversations.db-shm": 0o600,
    }


async def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    await made(path)
    path.chmod(0o644)
    store = SqliteStore(path)
    await store.create(Conversation(id="two"))
    assert set(modes(path.parent).values()) == {0o600}
    await store.close()


async def test_nothing_is_opened_before_it_is_needed(path: Path) -> None:
    store = SqliteStore(path)
    await store.close()
    assert not path.parent.exists()
    probe = (
        "import sys, pathlib; from pluma_tui.storage.open import open_store;"
        "open_store('', pathlib.Path('x')); print('sqlite3' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


async def test_a_link_leads_to_the_real_file(tmp_path: Path) -> None:
    link = tmp_path / "conversations.db"
    link.symlink_to(tmp_path / "elsewhere" / "real.db")
    await made(link)
    assert modes(tmp_path / "elsewhere") == {"real.db": 0o600}


async def test_a_closed_store_says_so(store: SqliteStore) -> None:
    await store.create(Conversation(id="one"))
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.conversations()


async def test_the_file_tells_its_schema(path: Path) -> None:
    await made(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_text_that_is_unicode_is_text_to_other_programs(path: Path) -> None:
    store = SqliteStore(path)
    await store.insert(
        Conversation(id="one"),
        [Message(role="user", id="m", text="Grüße"), Message(role="user", id="n", text="\ud800")],
    )
    await store.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT text FROM messages ORDER BY position").fetchall()
    assert found == [("Grüße",), (b"\xed\xa0\x80",)]


async def test_writing_goes_on_when_the_caller_is_cancelled(store: SqliteStore, path: Path) -> None:
    await store.create(Conversation(id="one"))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        adding = [
            asyncio.create_task(store.add("one", Message(role="user", id=str(number)))) for number in range(3)
        ]
        await asyncio.wait(adding, timeout=0)  # all are begun: the first waits for the lock
        for task in adding:
            task.cancel()
        for outcome in await asyncio.gather(*adding, return_exceptions=True):
            assert isinstance(outcome, asyncio.CancelledError)
        other.execute("ROLLBACK")
    assert [message.id for message in await store.tree("one")] == ["0", "1", "2"]


async def test_closing_waits_for_what_was_begun(store: SqliteStore, path: Path) -> None:
    await store.create(Conversation(id="one"))
    adding = asyncio.create_task(store.add("one", Message(role="user", id="m")))
    await asyncio.wait([adding], timeout=0)
    await store.close()
    await adding
    again = SqliteStore(path)
    assert len(await again.tree("one")) == 1
    await again.close()


async def test_a_program_that_never_lets_go_is_told_in_words(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await made(path)
    monkeypatch.setattr(database, "WAIT", 0.05)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        store = SqliteStore(path)
        with pytest.raises(StoreError) as problem:
            await store.create(Conversation(id="two"))
        assert "being written by another program" in problem.value.message
        assert "locked" not in problem.value.message + problem.value.hint
        assert len(await store.conversations()) == 1  # reading does not wait
        other.execute("ROLLBACK")
        await store.create(Conversation(id="two"))
        await store.close()


async def test_a_file_that_is_no_database_is_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database" * 1000)
    problem = await refused(path)
    assert str(path) in problem.message and "damaged" in problem.message
    assert "left as it is" in problem.hint
    assert path.read_bytes() == b"not a database" * 1000
    assert list(path.parent.iterdir()) == [path]


async def test_a_damaged_database_is_told(path: Path) -> None:
    await made(path)
    whole = path.read_bytes()
    damaged = whole[:4096] + b"\xa5" * (len(whole) - 4096)
    path.write_bytes(damaged)
    store = SqliteStore(path)
    with pytest.raises(StoreError, match="is damaged"):
        await store.tree("one")
    await store.close()
    assert path.read_bytes() == damaged


async def test_an_empty_file_becomes_a_database(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    await made(path)


async def test_a_newer_schema_is_left_as_it_is(path: Path) -> None:
    await made(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    problem = await refused(path)
    assert "newer pluma (schema 99" in problem.message
    assert "Update pluma" in problem.hint
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("statement", ["CREATE TABLE birds (name TEXT)", "PRAGMA user_version = 1"])
async def test_a_database_of_another_program_is_left_as_it_is(path: Path, statement: str) -> None:
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
    before = path.read_bytes()
    problem = await refused(path)
    assert "of another program" in problem.message
    assert path.read_bytes() == before


async def test_a_folder_in_the_place_of_the_file_is_told(path: Path) -> None:
    path.mkdir(parents=True)
    problem = await refused(path)
    assert "is a folder" in problem.message
    assert list(path.iterdir()) == []


async def test_a_file_in_the_place_of_the_folder_is_told(path: Path) -> None:
    path.parent.write_text("")
    problem = await refused(path)
    assert str(path.parent) in problem.message


@pytest.fixture
def read_only_user() -> Iterator[Path]:
    """A folder of a user whom permissions bind, which root is not, for as long as the test runs."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
            Path(folder).chmod(0o700)
    finally:
        if root:
            os.seteuid(0)


async def test_a_folder_that_cannot_be_written_is_told(read_only_user: Path) -> None:
    read_only_user.chmod(0o500)
    problem = await refused(read_only_user / "conversations.db")
    assert "ermission denied" in problem.message
    assert "--data-dir" in problem.hint


async def test_a_database_in_a_folder_that_cannot_be_written_is_told(read_only_user: Path) -> None:
    path = read_only_user / "conversations.db"
    await made(path)
    before = path.read_bytes()
    read_only_user.chmod(0o500)
    problem = await refused(path)
    assert str(path) in problem.message
    assert "--data-dir" in problem.hint
    assert path.read_bytes() == before
