"""How long it takes to open the history: `python benchmarks/storage_open.py [CONVERSATIONS] [MESSAGES]`.

Makes a database of CONVERSATIONS (10,000) with 20 messages each and one, the newest, of MESSAGES (1,000),
a branch at every tenth. Each line is the median of 15 runs of a store that was just opened, the file in the
system's cache: wall time, and the CPU time of the whole process.
"""

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from pluma_tui.core.chat import Conversation, Message, Usage
from pluma_tui.storage.base import Store
from pluma_tui.storage.open import DATABASE, open_store

RUNS = 15
TEXT = "a river of small words that mean little and still fill a page of talk with `code` and ünïcödé"


def messages(conversation: str, count: int, dice: random.Random) -> list[Message]:
    made: list[Message] = []
    words = TEXT.split()
    for number in range(count):
        is_answer = number % 2 == 1
        parent = made[-2 if number % 10 == 9 else -1].id if made else None
        made.append(
            Message(
                role="assistant" if is_answer else "user",
                id=f"{conversation}-{number}",
                parent=parent,
                text=" ".join(dice.choices(words, k=200 if is_answer else 30)),
                created="2026-01-01T00:00:00.000Z",
                model="some-model" if is_answer else "",
                ending="complete" if is_answer else None,
                usage=Usage(100, 200) if is_answer else None,
            )
        )
    return made


async def fill(data: Path, conversations: int, length: int) -> None:
    dice = random.Random(1)
    store = open_store("", data)
    for number in range(conversations):
        id_ = f"c{number}"
        one = messages(id_, 20, dice)
        moment = f"2025-{number % 12 + 1:02}-{number % 28 + 1:02}T00:00:00.{number % 1000:03}Z"
        await store.insert(Conversation(id=id_, title=one[0].text[:40], updated=moment, head=one[-1].id), one)
    long = messages("long", length, dice)
    await store.insert(Conversation(id="long", title="Long", head=long[-1].id), long)
    await store.close()


async def measure(name: str, data: Path, work: Callable[[Store], Awaitable[object]]) -> None:
    walls, cpus = [], []
    for _ in range(RUNS):
        store = open_store("", data)
        wall, cpu = time.perf_counter(), time.process_time()
        await work(store)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        await store.close()
    print(f"{name:44} {statistics.median(walls) * 1e3:7.1f} ms {statistics.median(cpus) * 1e3:7.1f} ms CPU")


async def newest(store: Store) -> None:
    await store.path((await store.find("last")).id)


async def answer(store: Store) -> None:
    """One answer as a turn stores it: the question, 30 checkpoints, the end."""
    await store.create(Conversation(id="new"))
    await store.add("new", Message(role="user", id="nq"), Message(role="assistant", id="na", parent="nq"))
    for number in range(30):
        await store.checkpoint("na", "word " * 100 * number, "")
    await store.finish(Message(role="assistant", id="na", text="word " * 3000, ending="complete"))
    await store.delete("new")


async def main(conversations: int, length: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        begin = time.perf_counter()
        await fill(data, conversations, length)
        size = (data / DATABASE).stat().st_size / 1e6
        print(f"{conversations:,} conversations, {size:.0f} MB, made in {time.perf_counter() - begin:.1f} s")
        await measure("open", data, lambda store: store.taken([]))
        await measure("open, list the newest 50", data, lambda store: store.conversations(limit=50))
        await measure(
            "open, list 50 from the middle",
            data,
            lambda store: store.conversations(limit=50, offset=conversations // 2),
        )
        await measure("open, list all", data, lambda store: store.conversations())
        await measure(f"open, read the newest ({length:,} messages)", data, newest)
        await measure("open, find by the beginning of an id", data, lambda store: store.find("lon"))
        await measure("open, one answer with 30 checkpoints", data, answer)


if __name__ == "__main__":
    sizes = [int(arg) for arg in sys.argv[1:]]
    asyncio.run(main(*(sizes + [10_000, 1_000][len(sizes) :])))
