"""The reader's mark: on messages and code blocks, gone from one to the next, and what is copied from it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pluma_tui.widgets.transcript import Entry
from pluma_tui.widgets.transcript.message import Message
from pluma_tui.widgets.transcript.spots import Spot
from tests.widgets.transcript.drawing import MARKDOWN, page
from tests.widgets.transcript.pilot import answer, conversation, reading, screen, user
from tests.widgets.transcript.test_builder import BLOCKS

CODE = """Look:

```python
def f():
\treturn  1\x20\x20

```

1. nested:

   ```sh
   ls -l
   ```

2. > ~~~
   > quoted
   > ~~~

    indented
      code

No more.
"""
SOURCES = ["def f():\n\treturn  1  \n", "ls -l", "quoted"]


def marked(transcript) -> list[str]:
    """The rows with the bar, without it."""
    return [row[1:].strip() for row in screen(transcript) if row.startswith("┃")]


async def test_from_message_to_message_with_a_bar_beside_all_of_it():
    async with reading([user(0, "question"), answer(0, "one\n\ntwo"), user(1, "more")]) as (_, transcript):
        seen = []
        for step in (-1, -1, -1, -1, 1, 1):
            transcript.to_message(step)
            seen.append(marked(transcript))
        first, second, third = ["you", "question"], ["model", "one", "", "two", "12 tokens"], ["you", "more"]
        assert seen == [third, second, first, first, second, third]
        assert not transcript.to_message(1)


async def test_notices_are_passed_by():
    entries = [user(0, "one"), Entry("n", "notice", "a note"), user(1, "two")]
    async with reading(entries) as (_, transcript):
        assert transcript.to_message(-1)
        assert transcript.to_message(-1)
        assert marked(transcript) == ["you", "one"]


async def test_the_page_goes_with_the_mark_and_begins_with_its_message():
    async with reading(conversation(60)) as (pilot, transcript):
        for number in range(59, 20, -1):
            for kind in "au":
                assert transcript.to_message(-1)
                assert transcript.spot == Spot(f"{kind}{number}")
                await pilot.pause()
                assert marked(transcript)
        page_now = screen(transcript)
        assert page_now.index("┃ you") <= page_now.index("┃ question 21")


async def test_a_mark_that_was_left_behind_does_not_take_the_reader_back():
    async with reading(conversation(60)) as (pilot, transcript):
        transcript.to_message(-1)
        await pilot.press("home")
        transcript.to_message(1)
        assert transcript.spot == Spot("u0")


async def test_the_mark_is_seen_only_while_the_transcript_has_the_focus():
    async with reading([user(0, "question")]) as (pilot, transcript):
        transcript.to_message(-1)
        assert marked(transcript)
        transcript.screen.set_focus(None)
        await pilot.pause()
        assert not marked(transcript)
        transcript.focus()
        await pilot.pause()
        assert marked(transcript)


async def test_moving_the_mark_on_a_page_draws_one_cell_a_row(monkeypatch):
    async with reading([user(0, "question"), user(1, "more")]) as (_, transcript):
        transcript.to_message(-1)
        drawn = []
        monkeypatch.setattr(type(transcript), "refresh", lambda self, *regions, **_: drawn.extend(regions))
        transcript.to_message(-1)
        assert [(region.y, region.width) for region in drawn] == [(1, 1), (2, 1), (4, 1), (5, 1)]


async def test_from_code_to_code_also_in_lists_and_quotes():
    async with reading([answer(0, CODE), answer(1, "no code")], size=(60, 40)) as (_, transcript):
        transcript.hint = " y copies "
        seen = []
        while transcript.to_code(-1):
            seen.append((transcript.source(), marked(transcript)))
        assert [source for source, _ in seen][::-1] == [*SOURCES, "indented\n  code"][: len(seen)]
        assert len(seen) >= 3
        assert seen[-1][1] == [f"python{'y copies':>49}", "def f():", "return  1", ""]
        assert transcript.to_code(1)
        assert transcript.source() == SOURCES[1]


async def test_a_code_block_of_many_lines_is_marked_and_copied_as_a_whole():
    lines = [f"value = {n}" for n in range(500)]
    text = "Here:\n\n```python\n" + "\n".join(lines) + "\n```\n\n" + "words\n\n" * 100
    async with reading([answer(0, text)]) as (pilot, transcript):
        assert transcript.to_code(-1)
        await pilot.pause()
        assert marked(transcript)[:2] == ["python", "value = 0"]
        assert transcript.source().split("\n") == lines
        await pilot.press("pagedown", "pagedown")
        await pilot.pause()
        assert len(marked(transcript)) == 20


async def test_code_that_is_still_coming_can_be_marked_and_copied():
    async with reading([answer(0, running=True)]) as (pilot, transcript):
        transcript.feed("a0", text="```c\nint a;\n")
        assert transcript.to_code(-1)
        transcript.feed("a0", text="int b;\n")
        await pilot.pause()
        assert marked(transcript) == ["c", "int a;", "int b;"]
        assert transcript.source() == "int a;\nint b;"
        transcript.finish("a0")
        assert transcript.source() == "int a;\nint b;"


async def test_a_message_is_copied_as_it_was_written():
    text = "# Title\n\n*  item\t**bold** [l](https://e.org)  \n\n\n| a |\n|---|\n"
    async with reading([answer(0, text)]) as (_, transcript):
        transcript.to_message(-1)
        assert transcript.source() == text
        assert transcript.last_answer() == text


async def test_a_line_beyond_measure_is_copied_in_one_piece():
    line = "x" * 20_000
    async with reading([answer(0, f"```js\n{line}\n```\n")]) as (_, transcript):
        assert transcript.last_code() == line


async def test_a_click_marks_what_is_under_it():
    async with reading([user(0, "question"), answer(0, CODE)], size=(60, 40)) as (pilot, transcript):
        await pilot.click(transcript, offset=(5, 2))
        assert transcript.spot == Spot("u0")
        await pilot.click(transcript, offset=(5, screen(transcript).index("   def f():")))
        assert transcript.spot == Spot("a0", 0)
        assert transcript.source() == SOURCES[0]


async def test_reasoning_of_the_marked_message_is_folded_for_itself():
    entries = [answer(0, "One.", reasoning="first thought"), answer(1, "Two.", reasoning="second thought")]
    async with reading(entries) as (pilot, transcript):
        assert not transcript.fold()
        transcript.to_message(-1)
        assert transcript.fold()
        await pilot.pause()
        assert "┃ second thought" in screen(transcript)
        assert "  ▸ thought · 2 words" in screen(transcript)
        transcript.toggle_reasoning()
        transcript.toggle_reasoning()
        await pilot.pause()
        assert "┃ ▸ thought · 2 words" in screen(transcript)


async def test_the_place_in_an_answer_is_kept_when_long_reasoning_is_unfolded():
    text = "\n\n".join(f"paragraph {n}" for n in range(100))
    async with reading([answer(0, text, reasoning="so\n" * 200)]) as (pilot, transcript):
        await pilot.press("pageup")
        await pilot.pause()
        before = screen(transcript)
        transcript.toggle_reasoning()
        await pilot.pause()
        assert [row.removesuffix("▐") for row in screen(transcript)] == before


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(BLOCKS), max_size=8))
def test_code_blocks_on_the_page_are_those_that_markdown_sees(blocks):
    text = "".join(blocks)
    message = Message(Entry("a", "assistant", text), page())
    message.open()
    sources = [
        token.content.removesuffix("\n")
        for token in MARKDOWN.blocks(text, {})
        if token.type in ("fence", "code_block")
    ]
    codes = message.codes()
    assert [message.code_source(number) for number in range(len(codes))] == sources
    for code, source in zip(codes, sources, strict=True):
        first, end = message.rows_of(code)
        shown = [line for _, line in message.lines(first, end)]
        assert source.split("\n")[-1].strip() in shown[-1].text
