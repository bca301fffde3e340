"""An app with nothing but a transcript, and what a person sees of it."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from pluma_tui.widgets.transcript import Entry, Transcript

MODEL = "model"


class Reader(App[None]):
    """A transcript that fills the screen."""

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        super().__init__()
        self.entries = entries
        self.followed: list[bool] = []

    def compose(self) -> ComposeResult:
        yield Transcript()

    def on_mount(self) -> None:
        self.transcript.focus()
        self.transcript.show(self.entries)

    def on_transcript_followed(self, event: Transcript.Followed) -> None:
        self.followed.append(event.following)

    @property
    def transcript(self) -> Transcript:
        return self.query_one(Transcript)


@asynccontextmanager
async def reading(
    entries: Iterable[Entry] = (), *, size: tuple[int, int] = (60, 20)
) -> AsyncIterator[tuple[Pilot[None], Transcript]]:
    app = Reader(list(entries))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield pilot, app.transcript


def screen(transcript: Transcript) -> list[str]:
    """The rows as they are seen, without the mark of the reader's place."""
    size = transcript.size
    strips = transcript.render_lines(size.region)
    return [strip.text.rstrip().removesuffix("▐").rstrip() for strip in strips]


def user(number: int, text: str) -> Entry:
    return Entry(f"u{number}", "user", text, label="you")


def answer(number: int, text: str = "", *, running: bool = False, reasoning: str = "") -> Entry:
    footer = "" if running else "12 tokens"
    return Entry(f"a{number}", "assistant", text, reasoning, MODEL, footer, running)


def conversation(length: int) -> list[Entry]:
    """Questions and answers of different heights, every line of them telling where it is."""
    entries: list[Entry] = []
    for n in range(length):
        points = "".join(f"- point {n}.{m} of the answer\n" for m in range(n % 5))
        words = " ".join(f"word{n}.{m}" for m in range(20 + n % 30))
        entries += [user(n, f"question {n}"), answer(n, f"# Answer {n}\n\n{words}\n\n{points}")]
    return entries
