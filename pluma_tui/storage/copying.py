"""Bringing a whole conversation into a store that may have it, or its ids, already."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from msgspec.structs import replace

from pluma_tui.core.chat import Conversation, Message
from pluma_tui.core.errors import UnknownConversation
from pluma_tui.core.ids import new_id
from pluma_tui.storage.base import Store


class Copied(NamedTuple):
    """Under which id a conversation is stored now.

    `known`: the very same was there. `renamed`: its own id belongs to another conversation.
    """

    id: str
    how: Literal["new", "known", "renamed"]


async def copy_in(store: Store, conversation: Conversation, messages: Sequence[Message]) -> Copied:
    """Store a conversation, with new ids where it has none or where its own are taken by others.

    One that is stored already is not stored twice. Raises StoreError.
    """
    how: Literal["new", "renamed"] = "new"
    if not conversation.id:
        conversation = replace(conversation, id=new_id())
    elif (stored := await _stored(store, conversation.id)) is not None:
        if _same(stored, await store.tree(stored.id), conversation, messages):
            return Copied(stored.id, "known")
        conversation, how = replace(conversation, id=new_id()), "renamed"
    conversation, messages = _free(conversation, messages, await store.taken([one.id for one in messages]))
    await store.insert(conversation, messages)
    return Copied(conversation.id, how)


async def _stored(store: Store, id_: str) -> Conversation | None:
    try:
        found = await store.find(id_)
    except UnknownConversation:
        return None
    return found if found.id == id_ else None


def _free(
    conversation: Conversation, messages: Sequence[Message], taken: set[str]
) -> tuple[Conversation, list[Message]]:
    new = {one: new_id() for one in taken}
    renamed = [
        replace(one, id=new.get(one.id, one.id), parent=one.parent and new.get(one.parent, one.parent))
        for one in messages
    ]
    head = conversation.head and new.get(conversation.head, conversation.head)
    return replace(conversation, head=head), renamed


def _same(
    stored: Conversation, old: Sequence[Message], conversation: Conversation, new: Sequence[Message]
) -> bool:
    """Whether both say the same. The ids of messages do not count, nor do times that were not given."""
    times = {
        name: getattr(stored, name) for name in ("created", "updated") if not getattr(conversation, name)
    }
    one = replace(stored, head=None, messages=0)
    other = replace(conversation, head=None, messages=0, **times)
    return one == other and _shape(old, stored.head) == _shape(new, conversation.head)


def _shape(messages: Sequence[Message], head: str | None) -> tuple[list[Message], list[int], int]:
    """Messages without their ids, and parents and head by their place in the list."""
    place = {message.id: number for number, message in enumerate(messages)}
    bare = [replace(message, id="", parent=None) for message in messages]
    parents = [place.get(message.parent or "", -1) for message in messages]
    return bare, parents, place.get(head or "", -1)
