"""The contract of a conversation store. Every method raises `StoreError` when it cannot be done.

Conversations are trees: a message names its parent, and a conversation's `head` is the end of the
chosen path. Several processes may use one store at once.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pluma_tui.core.chat import Conversation, Message


class Store(Protocol):
    """Keeps conversations."""

    async def create(self, conversation: Conversation) -> None:
        """Add a conversation without messages; `created` and `updated` are set if empty."""

    async def insert(self, conversation: Conversation, messages: Sequence[Message]) -> None:
        """Add a whole conversation in one transaction, as an import or a copy brings it.

        Its times and head stay as they are (times are set if empty); for the messages holds what `add` says.
        """

    async def taken(self, ids: Sequence[str]) -> set[str]:
        """Those of the ids that stored messages have, whichever conversation they belong to."""

    async def find(self, name: str) -> Conversation:
        """By id, by an unambiguous beginning of one, or "last" for the one updated last.

        Raises UnknownConversation.
        """

    async def conversations(self, *, limit: int = -1, offset: int = 0) -> list[Conversation]:
        """Newest first; `limit` -1 for all."""

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
        """Change what is given; None leaves as it is. `head` must be a message of the conversation.

        Only what is said makes a conversation newer: `updated` stays, here and in `checkpoint`.
        """

    async def delete(self, conversation: str) -> None:
        """Remove a conversation and its messages."""

    async def add(self, conversation: str, *messages: Message) -> None:
        """Append messages, in one transaction; the last one becomes `head`.

        Each must have an id and a parent that is stored already, stands before it, or is None.
        """

    async def checkpoint(self, message: str, text: str, reasoning: str) -> None:
        """Store what has come so far of an answer that is being written; no effect once it has an ending."""

    async def finish(self, message: Message) -> None:
        """Replace the stored message of that id by its final form. It keeps its place in the tree."""

    async def tree(self, conversation: str) -> list[Message]:
        """All messages, in the order they were added."""

    async def path(self, conversation: str) -> list[Message]:
        """The chosen path, oldest first: from the root to `head`."""

    async def prompts(self, *, limit: int) -> list[str]:
        """What people asked, of all conversations: at most `limit` texts, the newest first."""

    async def close(self) -> None:
        """Let go of the file or connection; nothing else may be called afterwards."""


def walk(messages: Sequence[Message], head: str | None) -> list[Message]:
    """The path through a tree that ends at `head`, oldest first. A dangling parent begins a path."""
    by_id = {message.id: message for message in messages}
    path: list[Message] = []
    seen: set[str] = set()
    at = by_id.get(head or "")
    while at is not None and at.id not in seen:
        seen.add(at.id)
        path.append(at)
        at = by_id.get(at.parent or "")
    return path[::-1]
