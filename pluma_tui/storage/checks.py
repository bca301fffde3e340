"""What every store makes sure of, and the words for what it refuses."""

from collections.abc import Collection, Sequence

import msgspec

from pluma_tui.core.chat import Conversation, Message
from pluma_tui.core.errors import StoreError, UnknownConversation
from pluma_tui.core.ids import now


def dated(conversation: Conversation) -> Conversation:
    """The conversation with `created` and `updated` set where they were empty."""
    moment = now()
    return msgspec.structs.replace(
        conversation,
        created=conversation.created or moment,
        updated=conversation.updated or moment,
    )


def check_new(messages: Sequence[Message], stored: Collection[str]) -> None:
    """Raise StoreError unless each message has its own id and a parent that comes before it, or none."""
    known = set(stored)
    new: set[str] = set()
    for message in messages:
        if not message.id or message.id in new:
            raise StoreError(f'a message to be stored needs an id of its own, not "{message.id}"')
        if message.parent is not None and message.parent not in known:
            raise StoreError(f'the message "{message.id}" follows "{message.parent}", which is not stored')
        new.add(message.id)
        known.add(message.id)


def check_head(head: str | None, messages: Sequence[Message]) -> None:
    """Raise StoreError unless the head is none, or one of the messages."""
    if head is not None and all(message.id != head for message in messages):
        raise no_message(head)


def check_free(ids: Sequence[str], taken: Collection[str]) -> None:
    """Raise StoreError if one of the ids is taken."""
    for one in ids:
        if one in taken:
            raise id_taken(one)


def the_one(found: Sequence[Conversation], name: str) -> Conversation:
    """The only one of those found by `name`. Raises UnknownConversation."""
    if len(found) == 1:
        return found[0]
    if not found:
        raise no_conversation(name)
    first = ", ".join(conversation.id for conversation in found[:3])
    more = ", ..." if len(found) > 3 else ""
    raise UnknownConversation(
        f'more than one conversation begins with "{name}"', hint=f"Say more of the id: {first}{more}"
    )


def id_taken(one: str) -> StoreError:
    """The error for a conversation or message that has the id of a stored one."""
    return StoreError(f'the id "{one}" is taken already')


def no_conversation(name: str) -> UnknownConversation:
    """The error for a name that no conversation goes by."""
    if name == "last":
        return UnknownConversation("there is no conversation yet", hint="Begin one with `pluma`.")
    return UnknownConversation(f'there is no conversation "{name}"', hint="See `pluma history list`.")


def no_message(message: str) -> StoreError:
    """The error for an id that no message goes by."""
    return StoreError(f'the message "{message}" is not stored: was its conversation deleted?')
