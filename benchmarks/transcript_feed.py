"""CPU time of a transcript that is fed an answer in batches, at its beginning and at its end.

    python benchmarks/transcript_feed.py [NAME ...]

For each kind of answer: seconds for all of it, milliseconds a batch in the first and in the last fifth
(they should not differ much: no line may cost more because of those before it), the longest batch, and
the finish, when the whole is parsed once more. Times include drawing the page after every batch.
"""

import asyncio
import random
import sys
import time
from collections.abc import Callable

from textual.app import App, ComposeResult

from pluma_tui.widgets.transcript import Entry, Transcript

WORDS = ("terminal", "renders", "a", "stream", "of", "tokens", "while", "readers", "scroll", "up")


def words(rnd: random.Random, count: int) -> str:
    return " ".join(rnd.choice(WORDS) for _ in range(count))


def prose(rnd: random.Random) -> str:
    parts = [
        f"## Part {n}\n\n{words(rnd, 60)} **{words(rnd, 2)}** `code`.\n\n- {words(rnd, 9)}\n\n"
        for n in range(1000)
    ]
    return "".join(parts)


def fence(rnd: random.Random) -> str:
    lines = [f'    value_{n} = compute("{words(rnd, 2)}", {n})  # {words(rnd, 2)}\n' for n in range(5000)]
    return "```python\n" + "".join(lines) + "```\n"


def nested_fence(rnd: random.Random) -> str:
    return "1. Do this:\n\n" + "".join("   " + line for line in fence(rnd).splitlines(keepends=True)[:1000])


def items(rnd: random.Random) -> str:
    return "".join(f"- {words(rnd, 12)}\n" for _ in range(3000))


def table(rnd: random.Random) -> str:
    rows = [f"| {n} | {words(rnd, 3)} | {words(rnd, 8)} |\n" for n in range(2000)]
    return "| n | name | note |\n|--:|---|---|\n" + "".join(rows)


def line(_: random.Random) -> str:
    return "word " * 200_000


def lines(rnd: random.Random) -> str:
    return "".join(f"{words(rnd, 4)}\n" for _ in range(200_000))


KINDS: dict[str, tuple[Callable[[random.Random], str], int]] = {
    "prose": (prose, 60),
    "fence": (fence, 60),
    "nested-fence": (nested_fence, 60),
    "items": (items, 60),
    "table": (table, 60),
    "line": (line, 2000),
    "lines": (lines, 4000),
}


class Bench(App[None]):
    def compose(self) -> ComposeResult:
        yield Transcript()


async def measure(name: str) -> None:
    make, size = KINDS[name]
    text = make(random.Random(1))
    app = Bench()
    async with app.run_test(size=(120, 40)) as pilot:
        transcript = app.query_one(Transcript)
        transcript.add(Entry("a", "assistant", label="bench", running=True))
        await pilot.pause()
        costs = []
        for at in range(0, len(text), size):
            begin = time.process_time()
            transcript.feed("a", text=text[at : at + size])
            transcript.render_lines(transcript.size.region)
            costs.append(time.process_time() - begin)
        begin = time.process_time()
        transcript.finish("a")
        transcript.render_lines(transcript.size.region)
        finish = time.process_time() - begin
    fifth = max(1, len(costs) // 5)
    first, last = (1000 * sum(part) / len(part) for part in (costs[:fifth], costs[-fifth:]))
    print(
        f"{name:13} {len(text):9,} characters  {sum(costs):6.2f} s  first {first:6.2f} ms"
        f"  last {last:6.2f} ms  longest {1000 * max(costs):6.1f} ms  finish {1000 * finish:6.1f} ms",
        flush=True,
    )


if __name__ == "__main__":
    for kind in sys.argv[1:] or KINDS:
        asyncio.run(measure(kind))
