"""Conversations that are forgotten with the process: for `--no-save`, and for tests."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pluma_tui.core.chat import Conversation, Message
from pluma_tui.core.ids import now
from pluma_tui.storage import checks
from pluma_tui.storage.base import walk


class MemoryStore:
    """A `storage.base.Store` without a file."""

    def __init__(self) -> None:
        # Both in the order things were added; `_messages` by conversation, `_home` by message.
        self._conversations: dict[str, Conversation] = {}
        self._messages: dict[str, dict[str, Message]] = {}
        self._home: dict[str, str] = {}

    async def create(self, conversation: Conversation) -> None:
        """See `Store.create`."""
        await self.insert(msgspec.structs.replace(conversation, head=None), ())

    async def insert(self, conversation: Conversation, messages: Sequence[Message]) -> None:
        """See `Store.insert`."""
        checks.check_new(messages, ())
        checks.check_head(conversation.head, messages)
        if conversation.id in self._conversations:
            raise checks.id_taken(conversation.id)
        ids = [message.id for message in messages]
        checks.check_free(ids, await self.taken(ids))
        self._conversations[conversation.id] = checks.dated(conversation)
        self._messages[conversation.id] = {}
        self._append(conversation.id, messages)

    async def find(self, name: str) -> Conversation:
        """See `Store.find`."""
        newest_first = await self.conversations()
        if name == "last":
            found = newest_first[:1]
        elif name in self._conversations:
            found = [self._shown(name)]
        else:
            found = [one for one in newest_first if name and one.id.startswith(name)]
        return checks.the_one(found, name)

    async def conversations(self, *, limit: int = -1, offset: int = 0) -> list[Conversation]:
        """See `Store.conversations`."""
        added_last_first = [self._shown(one) for one in reversed(self._conversations)]
        newest_first = sorted(added_last_first, key=lambda one: one.updated, reverse=True)
        return newest_first[offset:] if limit < 0 else newest_first[offset : offset + limit]

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
        self._check(conversation)
        if head is not None and head not in self._messages[conversation]:
            raise checks.no_message(head)
        self._change(conversation, **{key: value for key, value in given.items() if value is not None})

    async def delete(self, conversation: str) -> None:
        """See `Store.delete`."""
        self._check(conversation)
        del self._conversations[conversation]
        for message in self._messages.pop(conversation):
            del self._home[message]

    async def add(self, conversation: str, *messages: Message) -> None:
        """See `Store.add`."""
        self._check(conversation)
        checks.check_new(messages, self._messages[conversation])
        ids = [message.id for message in messages]
        checks.check_free(ids, await self.taken(ids))
        self._append(conversation, messages)
        if messages:
            self._change(conversation, head=ids[-1], updated=now())

    async def checkpoint(self, message: str, text: str, reasoning: str) -> None:
        """See `Store.checkpoint`."""
        old = self._stored(message)
        if old.ending is None:
            new = msgspec.structs.replace(old, text=text, reasoning=reasoning)
            self._messages[self._home[message]][message] = new

    async def finish(self, message: Message) -> None:
        """See `Store.finish`."""
        home = self._messages[self._home_of(message.id)]
        home[message.id] = msgspec.structs.replace(message, parent=home[message.id].parent)
        self._change(self._home[message.id], updated=now())

    async def tree(self, conversation: str) -> list[Message]:
        """See `Store.tree`."""
        self._check(conversation)
        return list(self._messages[conversation].values())

    async def path(self, conversation: str) -> list[Message]:
        """See `Store.path`."""
        return walk(await self.tree(conversation), self._conversations[conversation].head)

    async def taken(self, ids: Sequence[str]) -> set[str]:
        """See `Store.taken`."""
        return {one for one in ids if one in self._home}

    async def prompts(self, *, limit: int) -> list[str]:
        """See `Store.prompts`."""
        stored = (self._messages[self._home[one]][one] for one in reversed(self._home))
        return [message.text for message in stored if message.role == "user"][:limit]

    async def close(self) -> None:
        """See `Store.close`."""

    def _check(self, conversation: str) -> None:
        if conversation not in self._conversations:
            raise checks.no_conversation(conversation)

    def _home_of(self, message: str) -> str:
        if message not in self._home:
            raise checks.no_message(message)
        return self._home[message]

    def _stored(self, message: str) -> Message:
        return self._messages[self._home_of(message)][message]

    def _shown(self, conversation: str) -> Conversation:
        one = self._conversations[conversation]
        return msgspec.structs.replace(one, messages=len(self._messages[conversation]))

    def _change(self, conversation: str, **values: Any) -> None:
        self._conversations[conversation] = msgspec.structs.replace(
            self._conversations[conversation], **values
        )

    def _append(self, conversation: str, messages: Sequence[Message]) -> None:
        for message in messages:
            self._messages[conversation][message.id] = message
            self._home[message.id] = conversation
