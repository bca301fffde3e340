"""Conversations in one SQLite file, for several processes at once.

One thread owns the connection; a method hands it a piece of work and awaits the result. Work that was
handed over is done, also if its caller is cancelled meanwhile: no half transaction, no lost write.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import msgspec

from pluma_tui.core.chat import Conversation, Message
from pluma_tui.core.errors import StoreError
from pluma_tui.storage import queries

if TYPE_CHECKING:
    from sqlite3 import Connection

P = ParamSpec("P")
T = TypeVar("T")
Query = Callable[Concatenate["Connection", P], T]


class SqliteStore:
    """A `storage.base.Store`. The file is opened, or made, when the first method is called."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pluma-store")
        self._connection: Connection | None = None
        self._closing: Future[None] | None = None

    async def create(self, conversation: Conversation) -> None:
        """See `Store.create`."""
        await self.insert(msgspec.structs.replace(conversation, head=None), ())

    async def insert(self, conversation: Conversation, messages: Sequence[Message]) -> None:
        """See `Store.insert`."""
        await self._write(queries.insert, conversation, messages)

    async def find(self, name: str) -> Conversation:
        """See `Store.find`."""
        return await self._read(queries.find, name)

    async def conversations(self, *, limit: int = -1, offset: int = 0) -> list[Conversation]:
        """See `Store.conversations`."""
        return await self._read(queries.conversations, limit, offset)

    async def update(
        self,
        conversation: str,
        *,
        title: str | None = None,
        profile: str | None = None,
        model: str | None = None,
        head: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """See `Store.update`."""
        kept = None if extra is None else dict(extra)
        given = {"title": title, "profile": profile, "model": model, "head": head, "extra": kept}
        values = {column: value for column, value in given.items() if value is not None}
        await self._write(queries.update, conversation, values)

    async def delete(self, conversation: str) -> None:
        """See `Store.delete`."""
        await self._write(queries.delete, conversation)

    async def add(self, conversation: str, *messages: Message) -> None:
        """See `Store.add`."""
        await self._write(queries.add, conversation, messages)

    async def checkpoint(self, message: str, text: str, reasoning: str) -> None:
        """See `Store.checkpoint`."""
        await self._write(queries.checkpoint, message, text, reasoning)

    async def finish(self, message: Message) -> None:
        """See `Store.finish`."""
        await self._write(queries.finish, message)

    async def tree(self, conversation: str) -> list[Message]:
        """See `Store.tree`."""
        return await self._read(queries.tree, conversation)

    async def path(self, conversation: str) -> list[Message]:
        """See `Store.path`."""
        return await self._read(queries.path, conversation)

    async def taken(self, ids: Sequence[str]) -> set[str]:
        """See `Store.taken`."""
        return await self._read(queries.taken, ids)

    async def prompts(self, *, limit: int) -> list[str]:
        """See `Store.prompts`."""
        return await self._read(queries.prompts, limit)

    async def close(self) -> None:
        """See `Store.close`. What was handed over before is done first."""
        if self._closing is None:
            self._closing = self._thread.submit(self._disconnect)
            self._thread.shutdown(wait=False)
        await asyncio.shield(asyncio.wrap_future(self._closing))

    async def _read(self, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._in_thread(lambda connection: query(connection, *args, **kwargs), writing=False)

    async def _write(self, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._in_thread(lambda connection: query(connection, *args, **kwargs), writing=True)

    async def _in_thread(self, query: "Callable[[Connection], T]", *, writing: bool) -> T:
        if self._closing is not None:
            raise StoreError("the store of conversations is closed")
        # Shielded: a caller that is cancelled leaves, its work stays.
        return await asyncio.shield(asyncio.wrap_future(self._thread.submit(self._run, query, writing)))

    def _run(self, query: "Callable[[Connection], T]", writing: bool) -> T:
        from pluma_tui.storage import database  # brings sqlite3, which starting need not wait for

        if self._connection is None:
            self._connection = database.connect(self._path)
        with database.explained(self._path):
            if not writing:
                return query(self._connection)
            with database.transaction(self._connection):
                return query(self._connection)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
