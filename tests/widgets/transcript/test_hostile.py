"""Text that attacks the terminal or the program's time: `tests/data/nasty-text.json`, and worse."""

import random

import pytest

from pluma_tui.widgets.transcript import Entry
from tests.nasty import FORBIDDEN, all_of_it
from tests.widgets.transcript.pilot import answer, reading, screen

NASTY = {nasty.id: nasty.text for nasty in all_of_it()}
LARGE = sorted(name for name, text in NASTY.items() if len(text) > 5_000)
SMALL = {name: text for name, text in NASTY.items() if name not in LARGE}


def harmless(transcript) -> bool:
    """Whether the page has no character that must not reach a terminal, nor has a link's target."""
    strips = transcript.render_lines(transcript.size.region)
    links = [segment.style.link or "" for strip in strips for segment in strip if segment.style]
    shown = "".join([*(strip.text for strip in strips), *links])
    return not FORBIDDEN.search(shown) and "\t" not in shown and "\n" not in shown


def everywhere(text: str) -> list[Entry]:
    roles = ("user", "system", "notice", "error", "assistant")
    return [Entry(f"{id(text)}-{role}", role, text, text, text, text) for role in roles]


async def test_nasty_text_is_harmless_wherever_it_is_shown():
    entries = [entry for text in SMALL.values() for entry in everywhere(text)]
    async with reading(entries, size=(60, 200)) as (pilot, transcript):
        transcript.reasoning = "shown"
        await pilot.press("home")
        pages = 0
        while not transcript.following:
            await pilot.press("pagedown")
            await pilot.pause()
            assert harmless(transcript)
            pages += 1
        assert pages > len(SMALL) * 5 * 5 / 200


@pytest.mark.parametrize("case", LARGE)
async def test_nasty_text_of_any_length_is_harmless_at_both_its_ends(case):
    async with reading(everywhere(NASTY[case])) as (pilot, transcript):
        transcript.reasoning = "shown"
        for key in ("end", "home"):
            await pilot.press(key)
            await pilot.pause()
            assert harmless(transcript)


async def test_nasty_text_is_harmless_while_it_streams_in_pieces_of_any_size():
    async with reading() as (_, transcript):
        for case, text in SMALL.items():
            sizes = random.Random(case)
            transcript.add(Entry(case, "assistant", running=True))
            while text:
                size = sizes.randint(1, 9)
                transcript.feed(case, text=text[:size], reasoning=text[:size])
                text = text[size:]
                assert harmless(transcript)
            transcript.finish(case)
            assert harmless(transcript)


@pytest.mark.parametrize("case", LARGE)
async def test_nasty_text_of_any_length_streams(case):
    text = NASTY[case]
    async with reading([answer(0, running=True)]) as (_, transcript):
        for at in range(0, len(text), 10_007):
            transcript.feed("a0", text=text[at : at + 10_007])
            assert harmless(transcript)
        transcript.finish("a0")
        assert harmless(transcript)


async def test_entities_do_not_bring_back_what_was_taken_out():
    text = "a&#x1b;[31mb &#x202e;c &#x9b;d `&#7;` [l](https://e.org/&#x202e;x) ![p&#x1b;](x&#x9b;y) [r]"
    text += "\n\n[r]: &#27;u"
    async with reading([answer(0, text)]) as (_, transcript):
        assert harmless(transcript)
        assert "d " in screen(transcript)[2]


async def test_quotes_too_deep_for_the_parser_are_shown_as_they_were_written():
    async with reading([answer(0, ">" * 30 + " deep\n")]) as (_, transcript):
        assert "deep" in "".join(screen(transcript))


async def test_lists_too_deep_for_the_parser_are_shown_as_they_were_written():
    text = "".join("  " * n + f"- level {n}\n" for n in range(30))
    async with reading([answer(0, text)], size=(90, 50)) as (_, transcript):
        assert "level 29" in "".join(screen(transcript))
