"""Work that is done, counted: no line costs more because of those before it."""

import pytest

from pluma_tui.widgets.transcript.builder import Builder
from pluma_tui.widgets.transcript.markdown import Markdown
from pluma_tui.widgets.transcript.message import Message
from pluma_tui.widgets.transcript.render import Renderer
from tests.widgets.transcript.pilot import answer, conversation, reading

LINES = 5_000
LONG = {
    "code": ("```python\n", lambda n: f"value_{n} = compute({n})\n"),
    "list": ("", lambda n: f"- item {n}\n"),
    "numbers": ("", lambda n: f"{n + 1}. item {n}\n\n"),
    "table": ("| n | name |\n|---|---|\n", lambda n: f"| {n} | name |\n"),
    "paragraphs": ("", lambda n: f"paragraph {n}\n\n"),
    "one paragraph": ("", lambda n: f"line {n}\n"),
    "one line": ("", lambda n: f"word{n} "),
}


class Counting(Markdown):
    """Counts the characters that are parsed into blocks."""

    parsed = 0

    def blocks(self, source, env):
        self.parsed += len(source)
        return super().blocks(source, env)


@pytest.mark.parametrize("kind", LONG)
def test_parsing_a_line_costs_the_same_at_the_end_as_at_the_start(kind):
    begin, line = LONG[kind]
    parser = Counting()
    builder = Builder(parser)
    builder.feed(begin)
    parsed = []
    for n in range(LINES):
        before = parser.parsed
        builder.feed(line(n))
        parsed.append(parser.parsed - before)
    builder.finish()
    tenth = LINES // 10
    assert sum(parsed[-tenth:]) <= 2.5 * sum(parsed[tenth : 2 * tenth]) + 1_000


@pytest.mark.parametrize("kind", LONG)
async def test_each_batch_renders_only_what_is_new(kind, monkeypatch):
    begin, line = LONG[kind]
    rendered = []
    lines_of = Renderer.lines
    monkeypatch.setattr(Renderer, "lines", lambda *args: [rendered.append(1), lines_of(*args)][1])
    async with reading([answer(0, running=True)]) as (_, transcript):
        transcript.feed("a0", text=begin)
        for n in range(0, 2_000, 2):
            rendered.clear()
            transcript.feed("a0", text=line(n) + line(n + 1))
            assert len(rendered) <= 12


async def test_ten_times_as_many_messages_are_opened_with_the_same_work(monkeypatch):
    opened = []
    parse = Message.open
    monkeypatch.setattr(Message, "open", lambda self: (opened.append(self), parse(self))[1])
    counts = []
    for length in (50, 500):
        opened.clear()
        async with reading(conversation(length)) as (_, transcript):
            counts.append((len(set(map(id, opened))), transcript._page.rendered))
    assert counts[0] == counts[1]


async def test_what_was_rendered_is_forgotten_when_it_is_too_much(monkeypatch):
    monkeypatch.setattr("pluma_tui.widgets.transcript.sections.KEEP", 200)
    async with reading(conversation(100)) as (pilot, transcript):
        await pilot.press("home")
        while not transcript.following:
            await pilot.press("pagedown")
            assert sum(len(section.lines or ()) for section in transcript._page._warm) <= 200
        assert transcript._page.rendered > 400
