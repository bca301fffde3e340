"""A process that writes to a store, for tests with several of them or a short life.

    writer.py answer DATA CONVERSATION          writes answers until it is killed
    writer.py add DATA CONVERSATION NAME COUNT  adds COUNT messages, and a conversation of its own
    writer.py make DATA NAME COUNT              makes COUNT stores below DATA once a line is on stdin

Each write is told on stdout once it is done.
"""

import asyncio
import itertools
import sys
from pathlib import Path

from pluma_tui.core.chat import Conversation, Message
from pluma_tui.storage.base import Store
from pluma_tui.storage.open import open_store


def tell(*words: object) -> None:
    print(*words, flush=True)


async def answer(store: Store, conversation: str) -> None:
    await store.create(Conversation(id=conversation))
    for number in itertools.count():
        question, reply = f"{conversation}-q{number}", f"{conversation}-a{number}"
        await store.add(
            conversation,
            Message(role="user", id=question, text="why?" * 50),
            Message(role="assistant", id=reply, parent=question),
        )
        tell(question, 200)
        text = ""
        for _ in range(20):
            text += "because " * 40
            await store.checkpoint(reply, text, "")
            tell(reply, len(text))
        await store.finish(Message(role="assistant", id=reply, text=text + ".", ending="complete"))
        tell(reply, len(text) + 1)


async def add(store: Store, conversation: str, name: str, count: int) -> None:
    await store.create(Conversation(id=f"own-{name}"))
    for number in range(count):
        await store.add(conversation, Message(role="user", id=f"{name}-{number}", text=name))
    tell("done")


async def make(data: Path, name: str, count: int) -> None:
    tell("ready")
    sys.stdin.readline()
    for number in range(count):
        store = open_store("", data / str(number))
        await store.create(Conversation(id=name))
        await store.close()
    tell("done")


async def main() -> None:
    action, data, conversation, *rest = sys.argv[1:]
    if action == "make":
        return await make(Path(data), conversation, int(rest[0]))
    store = open_store("", Path(data))
    try:
        if action == "answer":
            await answer(store, conversation)
        else:
            await add(store, conversation, rest[0], int(rest[1]))
    finally:
        await store.close()
    return None


asyncio.run(main())
