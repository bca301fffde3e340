"""Conversations from files: reads the JSON that `export.py` writes, from anyone who writes it.

A file is taken whole or not at all. What is wrong is told with the message's number, from 1, and its field.
`null` is the same as leaving a field out, but for `parent`, where it says that a message is a first one.
If no message of a file names a `parent`, each follows the one before it. In a tree, the chosen path goes by
`chosen`, and where nothing is said, by the last child. Unknown fields and unknown kinds of parts are kept.
"""

import re
from datetime import UTC, datetime
from typing import Any, NoReturn

import msgspec

from pluma_tui.core.chat import Conversation, Ending, Message, Part, Role, Usage
from pluma_tui.core.errors import UsageError
from pluma_tui.core.ids import new_id
from pluma_tui.storage import jsontext
from pluma_tui.storage.export import FORMAT, PART_TYPES, VERSION
from pluma_tui.storage.trees import chosen_head, parents_first

LIMIT = 256 * 1024 * 1024
"""Bytes of the largest file that is read: it is taken into memory as a whole."""

_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:-]{0,127}")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_KINDS: dict[str, Any] = {
    "role": Role,
    "text": str,
    "reasoning": str,
    "model": str,
    "profile": str,
    "ending": Ending,
    "error": str,
}
_USAGE_FIELDS = frozenset(Usage.__struct_fields__)
_MESSAGE_FIELDS = frozenset({*_KINDS, "id", "parent", "created", "usage", "parts", "chosen"})
_CONVERSATION_FIELDS = frozenset({"id", "title", "created", "updated", "profile", "model"})


def read(data: bytes) -> tuple[Conversation, list[Message]]:
    """The conversation in a file: its messages with ids, each after its parent.

    An id or a time of the conversation that the file does not give is empty. Raises UsageError.
    """
    if len(data) > LIMIT:
        raise UsageError(f"the file is larger than {LIMIT // 1024 // 1024} MiB")
    try:
        document = jsontext.loads(data)
    except ValueError as error:
        raise UsageError(f"the file is no conversation: {error}") from error
    _check_format(document)
    messages = document["messages"]
    if not isinstance(messages, list):
        _refuse("messages", "must be a list")
    read_messages = _Messages(messages)
    return _conversation(document, read_messages.head()), read_messages.ordered


def _check_format(document: Any) -> None:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UsageError(f'the file is no conversation: it does not say "format": "{FORMAT}"')
    version = document.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        _refuse("version", f"must be {VERSION}")
    if version > VERSION:
        raise UsageError(
            f"the file was written by a newer pluma (version {version}; this one reads {VERSION})",
            hint="Update pluma to read it.",
        )
    if "messages" not in document:
        _refuse("messages", "is missing")


def _conversation(document: dict[str, Any], head: str | None) -> Conversation:
    given = {key: value for key, value in document.items() if value is not None}
    known = {key: _value("", key, given[key], str) for key in _CONVERSATION_FIELDS if key in given}
    for key in ("created", "updated"):
        if key in known:
            known[key] = _time("", key, known[key])
    if "id" in known and (not _ID.fullmatch(known["id"]) or known["id"] == "last"):
        _refuse("id", "must be up to 128 letters, digits, '.', '_', ':' and '-', and not \"last\"")
    outside = {"format", "version", "messages", *_CONVERSATION_FIELDS}
    extra = {key: value for key, value in document.items() if key not in outside}
    return Conversation(**{"id": "", **known}, head=head, extra=extra)


class _Messages:
    """The messages of a file, read one by one and put in order."""

    def __init__(self, items: list[Any]) -> None:
        for number, item in enumerate(items, start=1):
            if not isinstance(item, dict):
                raise UsageError(f"message {number} must be a table")
        self._chosen: dict[str, bool] = {}
        self._numbers: dict[str, int] = {}
        ids = [self._id(number, item) for number, item in enumerate(items, start=1)]
        parents = [None, *ids]
        if _is_tree(items):
            parents = [self._parent(number, item) for number, item in enumerate(items, start=1)]
        messages = [
            self._message(number, item, id_, parent)
            for number, (item, id_, parent) in enumerate(zip(items, ids, parents, strict=False), start=1)
        ]
        self.ordered = parents_first(messages)
        if len(self.ordered) < len(messages):
            lost = self._numbers.keys() - {message.id for message in self.ordered}
            first = min(self._numbers[one] for one in lost)
            _refuse("parent", "goes round in a circle", f"message {first}, ")

    def head(self) -> str | None:
        return chosen_head(self.ordered, self._chosen)

    def _id(self, number: int, item: dict[str, Any]) -> str:
        where = f"message {number}, "
        id_: str = new_id() if item.get("id") is None else _value(where, "id", item["id"], str)
        if not id_:
            _refuse("id", "must not be empty", where)
        if id_ in self._numbers:
            _refuse("id", f'"{id_}" is the id of message {self._numbers[id_]} too', where)
        self._numbers[id_] = number
        return id_

    def _parent(self, number: int, item: dict[str, Any]) -> str | None:
        where = f"message {number}, "
        parent: str | None = _value(where, "parent", item.get("parent"), str | None)
        if parent is not None and parent not in self._numbers:
            _refuse("parent", f'"{parent}" is no message of this file', where)
        return parent

    def _message(self, number: int, item: dict[str, Any], id_: str, parent: str | None) -> Message:
        where = f"message {number}, "
        given = {key: value for key, value in item.items() if value is not None}
        if "role" not in given:
            _refuse("role", "is missing", where)
        known = {key: _value(where, key, given[key], kind) for key, kind in _KINDS.items() if key in given}
        extra = {key: value for key, value in item.items() if key not in _MESSAGE_FIELDS}
        if "created" in given:
            known["created"] = _time(where, "created", given["created"])
        if "usage" in given:
            known["usage"] = _value(where, "usage", given["usage"], Usage)
            if rest := _rest(given["usage"], _USAGE_FIELDS):
                extra["usage"] = rest
        if "parts" in given:
            known["parts"], rests = _parts(where, given["parts"])
            if any(rests):
                extra["parts"] = rests
        if "chosen" in given:
            self._chosen[id_] = _value(where, "chosen", given["chosen"], bool)
        return Message(**known, id=id_, parent=parent, extra=extra)


def _is_tree(items: list[dict[str, Any]]) -> bool:
    """Whether parents mean something: also if all messages are first ones, one of which is chosen."""
    return any(
        item.get("parent") is not None or ("parent" in item and item.get("chosen") is not None)
        for item in items
    )


def _parts(where: str, items: Any) -> tuple[tuple[Part, ...], list[dict[str, Any]]]:
    """The parts, and for each the fields that pluma does not know."""
    if not isinstance(items, list):
        _refuse("parts", "must be a list", where)
    known, rests = [], []
    for item in items:
        kind = item.get("type") if isinstance(item, dict) else None
        if isinstance(kind, str) and kind not in PART_TYPES:
            item = {"type": "opaque", "dialect": FORMAT, "data": item}
        known.append(item)
    parts: tuple[Part, ...] = _value(where, "parts", known, tuple[Part, ...])
    for item, part in zip(known, parts, strict=True):
        rests.append(_rest(item, frozenset({"type", *part.__struct_fields__})))
    return parts, rests


def _rest(table: dict[str, Any], fields: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in fields}


def _value(where: str, field: str, value: Any, kind: Any) -> Any:
    """`value` as `kind`, or a UsageError that says which field is wrong."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        words, _, at = str(error).partition(" - at `$")
        _refuse(field + at.rstrip("`"), words.replace("`", '"'), where)
    except UnicodeEncodeError:
        _refuse(field, "is no such word", where)


def _time(where: str, field: str, value: Any) -> str:
    """A moment in UTC: one that is in UTC stays as it is written."""
    text: str = _value(where, field, value, str)
    if not text:
        return ""
    try:
        if not _TIME.fullmatch(text):
            raise ValueError(text)
        moment = datetime.fromisoformat(text.upper())
        if text.endswith("Z") and text[10] == "T":
            return text
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        _refuse(field, 'must be a moment like "2026-01-31T12:00:00Z"', where)


def _refuse(field: str, words: str, where: str = "") -> NoReturn:
    raise UsageError(f"{where}{field}: {words}")
