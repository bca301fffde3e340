"""What a store does, as plain functions on a SQLite connection. They run in the store's own thread,
those that write inside a transaction.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pluma_tui.core.chat import Conversation, Message
from pluma_tui.core.ids import now
from pluma_tui.storage import checks, rows
from pluma_tui.storage.rows import CONVERSATION, MESSAGE, stored

if TYPE_CHECKING:
    from sqlite3 import Connection

# All that varies in these texts are names of columns, which come from here and from `rows.py`.
_CONVERSATIONS = f"""
    SELECT {CONVERSATION}, (SELECT count(*) FROM messages WHERE conversation = c.id) FROM conversations c
"""  # noqa: S608
_NEWEST_FIRST = "ORDER BY updated DESC, number DESC"
_PATH = f"""
    WITH RECURSIVE path (position, parent) AS (
        SELECT m.position, m.parent FROM conversations c JOIN messages m ON m.id = c.head
        WHERE c.id = ?1 AND m.conversation = ?1
        UNION ALL
        SELECT m.position, m.parent FROM path JOIN messages m ON m.id = path.parent
        WHERE m.position < path.position AND m.conversation = ?1
    )
    SELECT {MESSAGE} FROM messages WHERE position IN (SELECT position FROM path) ORDER BY position
"""  # noqa: S608
_TREE = f"SELECT {MESSAGE} FROM messages WHERE conversation = ?1 ORDER BY position"  # noqa: S608
_PLACE = ("id", "parent")


def insert(connection: "Connection", conversation: Conversation, messages: Sequence[Message]) -> None:
    """See `Store.insert`."""
    checks.check_new(messages, ())
    checks.check_head(conversation.head, messages)
    if _exists(connection, conversation.id):
        raise checks.id_taken(conversation.id)
    row = rows.conversation_row(checks.dated(conversation))
    connection.execute(f"INSERT INTO conversations ({CONVERSATION}) VALUES ({_marks(row)})", row)  # noqa: S608
    _append(connection, conversation.id, messages)


def find(connection: "Connection", name: str) -> Conversation:
    """See `Store.find`."""
    if name == "last":
        found = connection.execute(f"{_CONVERSATIONS} {_NEWEST_FIRST} LIMIT 1").fetchall()
    else:
        found = connection.execute(f"{_CONVERSATIONS} WHERE id = ?", (stored(name),)).fetchall()
    if not found and name:
        beginning = f"{_CONVERSATIONS} WHERE substr(id, 1, ?) = ? {_NEWEST_FIRST} LIMIT 4"
        found = connection.execute(beginning, (len(name), stored(name))).fetchall()
    return checks.the_one([rows.conversation(row) for row in found], name)


def conversations(connection: "Connection", limit: int, offset: int) -> list[Conversation]:
    """See `Store.conversations`."""
    found = connection.execute(f"{_CONVERSATIONS} {_NEWEST_FIRST} LIMIT ? OFFSET ?", (limit, offset))
    return [rows.conversation(row) for row in found]


def update(connection: "Connection", conversation: str, values: dict[str, Any]) -> None:
    """See `Store.update`; `values` are those that are given, by column."""
    _check(connection, conversation)
    if "head" in values and not _among(connection, conversation, [values["head"]]):
        raise checks.no_message(values["head"])
    for column, value in values.items():
        change = f"UPDATE conversations SET {column} = ? WHERE id = ?"  # noqa: S608
        kept = rows.in_json(value) if column == "extra" else stored(value)
        connection.execute(change, (kept, stored(conversation)))


def delete(connection: "Connection", conversation: str) -> None:
    """See `Store.delete`."""
    _check(connection, conversation)
    connection.execute("DELETE FROM conversations WHERE id = ?", (stored(conversation),))


def add(connection: "Connection", conversation: str, messages: Sequence[Message]) -> None:
    """See `Store.add`."""
    _check(connection, conversation)
    parents = {message.parent for message in messages if message.parent is not None}
    checks.check_new(messages, _among(connection, conversation, parents))
    _append(connection, conversation, messages)
    if messages:
        change = "UPDATE conversations SET head = ?, updated = ? WHERE id = ?"
        connection.execute(change, (stored(messages[-1].id), now(), stored(conversation)))


def checkpoint(connection: "Connection", message: str, text: str, reasoning: str) -> None:
    """See `Store.checkpoint`."""
    change = "UPDATE messages SET text = ?, reasoning = ? WHERE id = ? AND ending IS NULL"
    values = (stored(text), stored(reasoning), stored(message))
    if not connection.execute(change, values).rowcount and not taken(connection, [message]):
        raise checks.no_message(message)


def finish(connection: "Connection", message: Message) -> None:
    """See `Store.finish`."""
    values = dict(zip(MESSAGE.split(", "), rows.message_row(message), strict=True))
    final = [column for column in values if column not in _PLACE]
    change = f"UPDATE messages SET {', '.join(f'{column} = :{column}' for column in final)} WHERE id = :id"  # noqa: S608
    if not connection.execute(change, values).rowcount:
        raise checks.no_message(message.id)
    touch = """
        UPDATE conversations SET updated = ? WHERE id = (SELECT conversation FROM messages WHERE id = ?)
    """
    connection.execute(touch, (now(), values["id"]))


def tree(connection: "Connection", conversation: str) -> list[Message]:
    """See `Store.tree`."""
    return _messages(connection, _TREE, conversation)


def path(connection: "Connection", conversation: str) -> list[Message]:
    """See `Store.path`."""
    return _messages(connection, _PATH, conversation)


def taken(connection: "Connection", ids: Iterable[str]) -> set[str]:
    """See `Store.taken`."""
    query = "SELECT 1 FROM messages WHERE id = ?"
    return {one for one in ids if connection.execute(query, (stored(one),)).fetchone()}


def prompts(connection: "Connection", limit: int) -> list[str]:
    """See `Store.prompts`."""
    query = "SELECT text FROM messages WHERE role = 'user' ORDER BY position DESC LIMIT ?"
    return [rows.loaded(text) for (text,) in connection.execute(query, (limit,))]


def _check(connection: "Connection", conversation: str) -> None:
    if not _exists(connection, conversation):
        raise checks.no_conversation(conversation)


def _exists(connection: "Connection", conversation: str) -> bool:
    query = "SELECT 1 FROM conversations WHERE id = ?"
    return connection.execute(query, (stored(conversation),)).fetchone() is not None


def _among(connection: "Connection", conversation: str, ids: Iterable[str]) -> set[str]:
    """Those of the ids that are messages of the conversation."""
    query = "SELECT 1 FROM messages WHERE id = ? AND conversation = ?"
    keys = {one: (stored(one), stored(conversation)) for one in ids}
    return {one for one, key in keys.items() if connection.execute(query, key).fetchone()}


def _append(connection: "Connection", conversation: str, messages: Sequence[Message]) -> None:
    ids = [message.id for message in messages]
    checks.check_free(ids, taken(connection, ids))
    values = [(stored(conversation), *rows.message_row(message)) for message in messages]
    if values:
        insert = f"INSERT INTO messages (conversation, {MESSAGE}) VALUES ({_marks(values[0])})"  # noqa: S608
        connection.executemany(insert, values)


def _messages(connection: "Connection", query: str, conversation: str) -> list[Message]:
    found = connection.execute(query, (stored(conversation),)).fetchall()
    if not found:
        _check(connection, conversation)
    return [rows.message(row) for row in found]


def _marks(row: Sequence[object]) -> str:
    return ", ".join("?" * len(row))
