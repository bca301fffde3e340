"""Conversations as files for other programs: the JSON of `pluma history export`, version 1.

A message that follows the one before it and a list that ends at the conversation's head need no more words.
Where there are branches, each message says by `chosen` whether it is on the chosen path.
Fields that pluma does not know, kept in `extra` since their import, are written out again.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from pluma_tui.core.chat import Conversation, Message, Opaque, Part
from pluma_tui.storage.base import walk

FORMAT = "pluma-conversation"
VERSION = 1
PART_TYPES = frozenset({"image", "file", "tool_call", "tool_result", "opaque"})


def document(conversation: Conversation, messages: Sequence[Message]) -> dict[str, Any]:
    """A conversation with all its messages, parents before children, as it stands in a file."""
    chosen = None
    if not _is_line(messages, conversation.head):
        chosen = {message.id for message in walk(messages, conversation.head)}
    head: dict[str, Any] = {"format": FORMAT, "version": VERSION, "title": conversation.title}
    for name in ("id", "created", "updated", "profile", "model"):
        if value := getattr(conversation, name):
            head[name] = value
    return {
        **head,
        **{key: value for key, value in conversation.extra.items() if key not in head},
        "messages": [_message(message, chosen) for message in messages],
    }


def _is_line(messages: Sequence[Message], head: str | None) -> bool:
    before = None
    for message in messages:
        if message.parent != before:
            return False
        before = message.id
    return before == head


def _message(message: Message, chosen: set[str] | None) -> dict[str, Any]:
    one: dict[str, Any] = {
        "id": message.id,
        "parent": message.parent,
        "role": message.role,
        "text": message.text,
    }
    for name in ("created", "model", "profile", "reasoning", "ending", "error"):
        if value := getattr(message, name):
            one[name] = value
    if message.usage is not None:
        one["usage"] = msgspec.to_builtins(message.usage)
    if message.parts:
        one["parts"] = [_part(part) for part in message.parts]
    if chosen is not None:
        one["chosen"] = message.id in chosen
    return _with_extra(one, message.extra)


def _part(part: Part) -> Any:
    if isinstance(part, Opaque) and part.dialect == FORMAT and part.data.get("type") not in PART_TYPES:
        return part.data  # a kind of part that only a file brought
    return msgspec.to_builtins(part)


def _with_extra(one: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """`one` with the unknown fields that came with it, also those within `usage` and `parts`."""
    for key, value in extra.items():
        known = one.setdefault(key, value)
        if known is value:
            continue
        if isinstance(known, dict) and isinstance(value, dict):
            one[key] = {**value, **known}
        elif isinstance(known, list) and isinstance(value, list):
            one[key] = [{**more, **part} for part, more in zip(known, value, strict=False)]
    return one
