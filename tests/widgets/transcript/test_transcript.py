"""A reader and a transcript: following, scrolling, resizing, folding, selecting."""

import itertools

from textual.geometry import Offset
from textual.selection import Selection

from pluma_tui.widgets.transcript import Entry
from tests.widgets.transcript.pilot import answer, conversation, reading, screen, user


async def test_a_conversation_is_opened_at_its_end_and_only_what_is_seen_is_rendered():
    async with reading(conversation(500)) as (_, transcript):
        assert screen(transcript)[-1] == "  12 tokens"
        assert transcript.following
        assert transcript._page.rendered < 40


async def test_an_answer_is_followed_by_half_pages():
    async with reading([user(0, "go")]) as (pilot, transcript):
        transcript.add(answer(0, running=True))
        tops = []
        for n in range(60):
            transcript.feed("a0", text=f"- line {n}\n")
            await pilot.pause()
            assert f"  • line {n}" in screen(transcript)
            tops.append(transcript.scroll_offset.y)
        steps = {b - a for a, b in itertools.pairwise(tops)}
        assert steps == {0, 11}  # rows of half a page, and the one that did not fit


async def test_who_scrolls_up_reads_on_undisturbed_while_an_answer_streams():
    async with reading([*conversation(20), answer(99, running=True)]) as (pilot, transcript):
        await pilot.press("pageup")
        await pilot.pause()
        before = screen(transcript)
        for n in range(80):
            transcript.feed("a99", text=f"line {n}\n\n", reasoning="hmm ")
            await pilot.pause()
        transcript.finish("a99", footer="80 lines")
        await pilot.pause()
        assert screen(transcript) == before
        assert not transcript.following
        await pilot.press("end")
        await pilot.pause()
        assert screen(transcript)[-1] == "  80 lines"
        assert transcript.following


async def test_leaving_the_end_and_coming_back_is_told():
    async with reading(conversation(10)) as (pilot, _):
        await pilot.press("pageup")
        await pilot.press("pagedown")
        await pilot.pause()
        assert pilot.app.followed == [False, True]


async def test_going_up_through_messages_never_seen_moves_by_exact_lines():
    async with reading(conversation(40)) as (pilot, transcript):
        page = screen(transcript)
        while transcript.scroll_offset.y > 7:
            transcript.scroll_relative(y=-7)
            await pilot.pause()
            before, page = page, screen(transcript)
            assert page[7:] == before[:-7]
        assert transcript.scroll_offset.y == transcript._entries.row(transcript._top)
        assert "  Answer 0" in page


async def test_the_beginning_is_reached_at_once_and_the_end_again():
    async with reading(conversation(200)) as (pilot, transcript):
        await pilot.press("home")
        await pilot.pause()
        assert screen(transcript)[:3] == ["", "▌ you", "▌ question 0"]
        await pilot.press("end")
        await pilot.pause()
        assert screen(transcript)[-1] == "  12 tokens"
        assert transcript._page.rendered < 80


async def test_a_page_down_never_goes_below_the_end():
    async with reading(conversation(40)) as (pilot, transcript):
        end = screen(transcript)
        for _ in range(3):
            transcript.scroll_relative(y=-40)
            await pilot.pause()
        for _ in range(20):
            await pilot.press("pagedown")
        await pilot.pause()
        assert screen(transcript) == end


async def test_resizing_keeps_the_line_the_reader_was_at_even_a_hundred_times():
    async with reading(conversation(40)) as (pilot, transcript):
        await pilot.press("pageup", "pageup", "pageup")
        await pilot.pause()
        before = screen(transcript)
        for width in [*range(30, 80), *range(79, 30, -1)]:
            await pilot.resize_terminal(width, 20)
        await pilot.resize_terminal(60, 20)
        await pilot.pause()
        assert screen(transcript) == before


async def test_resizing_at_the_end_stays_at_the_end():
    async with reading(conversation(40)) as (pilot, transcript):
        for width, height in ((30, 10), (100, 30), (60, 5)):
            await pilot.resize_terminal(width, height)
            await pilot.pause()
            assert screen(transcript)[-1] == "  12 tokens"
            assert transcript.following


async def test_resizing_while_an_answer_streams_stays_at_its_end():
    async with reading([*conversation(5), answer(99, running=True)]) as (pilot, transcript):
        for n in range(60):
            transcript.feed("a99", text=f"- point {n}\n")
            await pilot.resize_terminal(40 + n * 7 % 50, 10 + n * 3 % 20)
            await pilot.pause()
            assert f"  • point {n}" in screen(transcript)


async def test_all_of_a_long_conversation_is_copied_and_scrolling_goes_on_as_before():
    entries = conversation(30)
    async with reading(entries) as (pilot, transcript):
        copied, _ = transcript.get_selection(Selection(None, None))
        assert [line for line in copied.split("\n") if line.startswith("question")] == [
            entry.text for entry in entries if entry.role == "user"
        ]
        page = screen(transcript)
        for _ in range(20):
            transcript.scroll_relative(y=-7)
            await pilot.pause()
            before, page = page, screen(transcript)
            assert page[7:] == before[:-7]


async def test_reasoning_is_one_line_until_it_is_asked_for():
    entries = [answer(0, "The answer.", reasoning="First this. Then that.")]
    async with reading(entries) as (pilot, transcript):
        folded = ["", "  model", "  ▸ thought · 4 words", "", "  The answer.", "  12 tokens"]
        assert screen(transcript)[:6] == folded
        transcript.toggle_reasoning()
        await pilot.pause()
        assert screen(transcript)[2:5] == ["  First this. Then that.", "", "  The answer."]
        transcript.reasoning = "hidden"
        await pilot.pause()
        assert screen(transcript)[1:3] == ["  model", "  The answer."]
        transcript.reasoning = "folded"
        await pilot.pause()
        assert screen(transcript)[:6] == folded


async def test_reasoning_is_counted_while_it_streams():
    async with reading([answer(0, running=True)]) as (pilot, transcript):
        for piece in ("Let", " me thi", "nk about", " it"):
            transcript.feed("a0", reasoning=piece)
        await pilot.pause()
        assert "  ▸ thinking · 5 words" in screen(transcript)
        transcript.feed("a0", text="Well.")
        await pilot.pause()
        assert "  ▸ thought · 5 words" in screen(transcript)


async def test_a_reference_link_comes_right_when_the_answer_is_finished():
    async with reading([answer(0, running=True)]) as (pilot, transcript):
        transcript.feed("a0", text="See [the page].\n\nMore.\n\n")
        transcript.feed("a0", text="[the page]: https://example.org/x\n")
        await pilot.pause()
        assert "  See [the page]." in screen(transcript)
        transcript.finish("a0", footer="done", label="renamed")
        await pilot.pause()
        assert screen(transcript)[1:3] == ["  renamed", "  See the page."]
        links = {segment.style.link for segment in transcript.render_lines(transcript.size.region)[2]}
        assert "https://example.org/x" in links


async def test_an_entry_that_is_taken_away_leaves_the_others():
    entries = [user(0, "one"), user(1, "two"), user(2, "three")]
    async with reading(entries) as (pilot, transcript):
        transcript.discard("u1")
        await pilot.pause()
        assert [line for line in screen(transcript) if line] == ["▌ you", "▌ one", "▌ you", "▌ three"]


async def test_nothing_is_drawn_when_nothing_changes_on_the_page(monkeypatch):
    async with reading([*conversation(20), answer(99, running=True)]) as (pilot, transcript):
        await pilot.press("pageup")
        await pilot.pause()
        drawn = []
        monkeypatch.setattr(type(transcript), "refresh", lambda self, *regions, **_: drawn.append(regions))
        transcript.feed("a99", text="out of sight")
        assert drawn == []


async def test_only_the_changed_part_of_a_line_is_drawn(monkeypatch):
    async with reading([answer(0, running=True)]) as (_, transcript):
        transcript.feed("a0", text="Some words")
        drawn = []
        monkeypatch.setattr(type(transcript), "refresh", lambda self, *regions, **_: drawn.extend(regions))
        transcript.feed("a0", text=" more")
        assert [(region.y, region.height, region.width) for region in drawn] == [(2, 1, 17)]


async def test_selected_text_is_copied_with_broken_lines_joined():
    text = "A paragraph that is long enough to be broken into two lines here.\n\n- a point"
    async with reading([answer(0, text)], size=(40, 20)) as (_, transcript):
        first, second = transcript._shown[2], transcript._shown[3]
        assert second.line.soft == " "
        whole, _ = transcript.get_selection(Selection(Offset(0, first.key), None))
        assert whole == text.replace("- ", "• ") + "\n12 tokens"
        part, _ = transcript.get_selection(Selection(Offset(4, first.key), Offset(7, second.key)))
        assert text.startswith("A " + part)


async def test_dragging_the_mouse_selects_and_the_selection_stays_with_its_text():
    async with reading([answer(0, "alpha beta gamma", running=True)]) as (pilot, transcript):
        await pilot.mouse_down(transcript, offset=(8, 2))
        await pilot.hover(transcript, offset=(11, 2))
        await pilot.mouse_up(transcript, offset=(11, 2))
        await pilot.pause()
        assert pilot.app.screen.get_selected_text() == "beta"
        transcript.feed("a0", text="\n\n" + "- more\n" * 30)
        await pilot.pause()
        assert pilot.app.screen.get_selected_text() == "beta"


async def test_another_theme_gives_other_colours_and_keeps_the_place():
    async with reading(conversation(20)) as (pilot, transcript):
        await pilot.press("pageup")
        await pilot.pause()
        before, colours = screen(transcript), styles(transcript)
        pilot.app.theme = "textual-light"
        await pilot.pause()
        assert screen(transcript) == before
        assert styles(transcript).isdisjoint(colours)


def styles(transcript) -> set[object]:
    strips = transcript.render_lines(transcript.size.region)
    return {segment.style.bgcolor for strip in strips for segment in strip if segment.style}


async def test_labels_and_footers_are_safe_for_a_terminal():
    entries = [Entry("0", "error", "bad\x1b[2J text", label="x\x1b]0;t\x07y\u202e", footer="1\x9b31m\n2")]
    async with reading(entries) as (_, transcript):
        assert screen(transcript)[1:4] == ["▌ xy", "▌ bad text", "▌ 1 2"]
