"""Finding words in a conversation: counted in what was written, highlighted where it is displayed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluma_tui.widgets.transcript import Entry, Found
from pluma_tui.widgets.transcript.finding import Finder, Query
from pluma_tui.widgets.transcript.message import Message
from tests.nasty import all_of_it
from tests.widgets.transcript.drawing import page
from tests.widgets.transcript.pilot import answer, conversation, reading, screen, user
from tests.widgets.transcript.test_builder import BLOCKS
from tests.widgets.transcript.test_hostile import harmless


def hits(transcript) -> list[tuple[str, bool]]:
    """The highlighted texts on the page, and which of them the reader is at."""
    return [
        (row.line.text[begin:end], here)
        for row in transcript._shown
        if row.line
        for (begin, end), here in row.hits
    ]


async def test_all_hits_on_the_page_are_highlighted_and_the_first_is_gone_to():
    async with reading([user(0, "a word"), answer(0, "another **Word**, and words")]) as (_, transcript):
        assert transcript.find("word") == Found(1, 3)
        assert hits(transcript) == [("word", True), ("Word", False), ("word", False)]
        assert transcript.find("Word") == Found(1, 1)
        assert hits(transcript) == [("Word", True)]
        assert transcript.find("words x") == Found()
        assert hits(transcript) == []


async def test_next_and_previous_go_around():
    async with reading([user(n, f"word {n} word") for n in range(3)]) as (_, transcript):
        assert transcript.find("word") == Found(1, 6)
        steps = [transcript.find_next(step).at for step in (1, 1, 1, 1, 1, 1, -1, -1)]
        assert steps == [2, 3, 4, 5, 6, 1, 6, 5]


async def test_a_hit_far_away_is_gone_to_without_rendering_what_is_between():
    entries = conversation(400)
    entries[10] = user(5, "a needle here")
    async with reading(entries) as (pilot, transcript):
        before = transcript._page.rendered
        assert transcript.find("needle") == Found(1, 1)
        await pilot.pause()
        assert "▌ a needle here" in [row.replace("┃", "▌") for row in screen(transcript)]
        assert hits(transcript) == [("needle", True)]
        assert transcript._page.rendered - before < 60


async def test_the_search_begins_where_the_reader_is_and_goes_back_if_nothing_follows():
    async with reading([user(n, f"line {n}\n" * 30 + f"mark {n}") for n in range(9)]) as (pilot, transcript):
        await pilot.press("pageup", "pageup", "pageup")
        await pilot.pause()
        assert transcript.find("mark") == Found(7, 9)
        assert transcript.find("mark 2") == Found(1, 1)
        assert hits(transcript) == [("mark 2", True)]


async def test_in_a_long_message_the_next_hit_is_gone_to_and_not_the_first():
    text = "\n\n".join(f"paragraph {n} word" for n in range(100))
    async with reading([answer(0, text)]) as (pilot, transcript):
        transcript.scroll_to(y=100)
        await pilot.pause()
        top = next(row for row in screen(transcript) if "paragraph" in row)
        assert transcript.find("word").at == int(top.split()[1]) + 1


async def test_words_are_found_over_soft_breaks_and_emphasis():
    text = "some words here **bold words**\nthat go on over the end of a line that is much too long"
    async with reading([answer(0, text)], size=(40, 20)) as (_, transcript):
        for words in ("bold words", "words that", "over the end of a line"):
            assert transcript.find(words) == Found(1, 1)
            assert "".join(shown for shown, _ in hits(transcript)).replace(" ", "") == words.replace(" ", "")


async def test_marks_are_found_where_they_are_displayed():
    async with reading([answer(0, "```python\nf(**kwargs)\n```\n")]) as (_, transcript):
        assert transcript.find("**kwargs") == Found(1, 1)
        assert hits(transcript) == [("**kwargs", True)]


async def test_a_link_is_found_by_where_it_leads_and_its_line_is_gone_to():
    entries = [answer(0, "[here](https://example.org/page)\n"), *(user(n, "no") for n in range(30))]
    async with reading(entries) as (pilot, transcript):
        assert transcript.find("example.org") == Found(1, 1)
        await pilot.pause()
        assert "┃ here" in screen(transcript)


async def test_reasoning_is_searched_where_it_is_shown():
    async with reading([answer(0, "word", reasoning="word")]) as (_, transcript):
        assert transcript.find("word") == Found(1, 1)
        transcript.toggle_reasoning()
        assert transcript.find("word") == Found(1, 2)


async def test_what_streams_in_is_found_too():
    async with reading([answer(0, running=True)]) as (_, transcript):
        transcript.feed("a0", text="one word")
        assert transcript.find("word") == Found(1, 1)
        transcript.feed("a0", text=" and another word\n\n")
        assert transcript.find_next(1) == Found(2, 2)
        transcript.finish("a0")
        assert transcript.find_next(1) == Found(1, 2)


async def test_the_end_of_the_search_takes_the_highlights_away_and_leaves_the_reader_there():
    async with reading(conversation(100)) as (pilot, transcript):
        transcript.find("question 3")
        await pilot.pause()
        before = screen(transcript)
        transcript.find_end()
        await pilot.pause()
        assert hits(transcript) == []
        assert screen(transcript) == before


async def test_entries_that_were_taken_away_are_no_trouble():
    async with reading([user(0, "word"), user(1, "word")]) as (_, transcript):
        transcript.find("word")
        transcript.find_next(1)
        transcript.discard("u1")
        assert transcript.find_next(1) == Found(1, 1)
        transcript.show([])
        assert transcript.find_next(1) == Found()


@pytest.mark.parametrize("query", ["a", "[", "\\", "(?i", "**", "日", " "])
async def test_nasty_text_is_harmless_with_anything_highlighted(query):
    entries = [user(n, nasty.text) for n, nasty in enumerate(all_of_it()) if len(nasty.text) < 5_000]
    async with reading(entries, size=(60, 40)) as (pilot, transcript):
        await pilot.press("home")
        transcript.find(query)
        while not transcript.following:
            await pilot.press("pagedown")
            await pilot.pause()
            assert harmless(transcript)


WORDS = ("one", "x", "return", "a", "footnote", "の", "&")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(BLOCKS), max_size=6), st.sampled_from(WORDS), st.booleans())
def test_every_hit_is_in_a_section_and_no_two_are_the_same(blocks, words, upper):
    message = Message(Entry("a", "assistant", "".join(blocks)), page())
    message.open()
    finder, query = Finder(), Query(words.upper() if upper else words)
    places = [finder.section(message, query, number) for number in range(finder.count(message, query))]
    assert places == sorted(set(places))
    for section, _ in places:
        assert message.section_lines(section)
