"""Values to rows and back.

SQLite's TEXT must be valid Unicode, but what a server sent may hold lone surrogates. Such a text is stored
as a BLOB in the same column (SQLite keeps a value's own type), encoded with "surrogatepass"; all other text
stays TEXT, which other programs can read and a search can index. Nothing else is ever stored as a BLOB,
so the way back is plain. NUL is no trouble: lengths are bound, not searched for.
Lists and tables are JSON by the standard library: msgspec's own JSON refuses lone surrogates.
"""

import json
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from pluma_tui.core.chat import Conversation, Message, Part, Usage

Stored = str | bytes | None
T = TypeVar("T")

CONVERSATION = "id, title, created, updated, profile, model, head, extra"
MESSAGE = "id, parent, role, text, reasoning, parts, created, model, profile, ending, error, usage, extra"


def stored(text: str) -> str | bytes:
    """`text` as SQLite can keep it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def loaded(value: str | bytes) -> str:
    """What `stored` was given."""
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value


def conversation_row(conversation: Conversation) -> tuple[Stored, ...]:
    """The values of the columns `CONVERSATION`."""
    one = conversation
    texts = (one.id, one.title, one.created, one.updated, one.profile, one.model)
    return (*map(stored, texts), _maybe(one.head), in_json(one.extra))


def conversation(row: Sequence[Any]) -> Conversation:
    """A row of the columns `CONVERSATION` and the number of messages."""
    id_, title, created, updated, profile, model, head, extra, messages = row
    return Conversation(
        id=loaded(id_),
        title=loaded(title),
        created=loaded(created),
        updated=loaded(updated),
        profile=loaded(profile),
        model=loaded(model),
        head=None if head is None else loaded(head),
        messages=messages,
        extra=_unjson(extra, dict[str, Any], {}),
    )


def message_row(message: Message) -> tuple[Stored, ...]:
    """The values of the columns `MESSAGE`."""
    one = message
    return (
        stored(one.id),
        _maybe(one.parent),
        one.role,
        stored(one.text),
        stored(one.reasoning),
        in_json(one.parts),
        stored(one.created),
        stored(one.model),
        stored(one.profile),
        one.ending,
        stored(one.error),
        in_json(one.usage),
        in_json(one.extra),
    )


def message(row: Sequence[Any]) -> Message:
    """A row of the columns `MESSAGE`."""
    id_, parent, role, text, reasoning, parts, created, model, profile, ending, error, usage, extra = row
    return Message(
        id=loaded(id_),
        parent=None if parent is None else loaded(parent),
        role=role,
        text=loaded(text),
        reasoning=loaded(reasoning),
        parts=_unjson(parts, tuple[Part, ...], ()),
        created=loaded(created),
        model=loaded(model),
        profile=loaded(profile),
        ending=ending,
        error=loaded(error),
        usage=_unjson(usage, Usage, None),
        extra=_unjson(extra, dict[str, Any], {}),
    )


def _maybe(text: str | None) -> Stored:
    return None if text is None else stored(text)


def in_json(value: Any) -> Stored:
    """A list, a table or a struct as the columns for those keep it; None for an empty one."""
    if value is None or value == () or value == {}:
        return None
    return stored(json.dumps(msgspec.to_builtins(value), ensure_ascii=False, separators=(",", ":")))


def _unjson(value: str | bytes | None, kind: Any, empty: T) -> Any | T:
    return empty if value is None else msgspec.convert(json.loads(loaded(value)), kind)
