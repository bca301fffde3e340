"""What was sent before comes back."""

from textual.events import Paste

from pluma_tui.core.events import Finished, TextDelta
from pluma_tui.widgets.composer import Composer
from tests.screens.conftest import Driven

END = Finished("complete")


def composer(app: Driven) -> Composer:
    return app.screen.query_one(Composer)


async def converse(app: Driven, *questions: str) -> None:
    for number, question in enumerate(questions):
        app.script.say(TextDelta(f"answer {number}"), END)
        await app.ask(question)
        await app.until(lambda: app.script.closed == len(app.script.requests))
        await app.until_shown("done")


async def test_up_walks_through_what_was_sent_in_all_conversations_and_down_comes_back(drive):
    async with drive() as app:
        await converse(app, "one", "two")
    async with drive() as app:
        await converse(app, "three")
        await app.type("unfinished")
        seen = []
        for key in ("up", "up", "up", "up", "down", "down", "down", "down"):
            await app.pilot.press(key)
            seen.append(composer(app).text)
        assert seen == ["three", "two", "one", "one", "two", "three", "unfinished", "unfinished"]


async def test_a_text_that_is_changed_on_the_way_stays_changed_until_something_is_sent(drive):
    async with drive() as app:
        await converse(app, "one", "two")
        await app.pilot.press("up")
        await app.type("!")
        await app.pilot.press("up", "down")
        assert composer(app).text == "two!"
        await app.pilot.press("up")
        await converse(app, "")
        assert app.script.requests[-1].messages[-1].text == "one"
        await app.pilot.press("up", "up")
        assert composer(app).text == "two"


async def test_up_and_down_move_within_several_lines_first(drive):
    async with drive() as app:
        await converse(app, "one")
        await app.type("a")
        await app.pilot.press("ctrl+j")
        await app.type("b")
        await app.pilot.press("up")
        assert composer(app).text == "a\nb"
        await app.pilot.press("up")
        assert composer(app).text == "one"
        await app.pilot.press("down")
        assert composer(app).text == "a\nb"


async def test_a_command_comes_back_too_and_opens_no_list(drive):
    async with drive() as app:
        await converse(app, "one")
        await app.type("/model model-z")
        await app.pilot.press("enter", "up")
        assert composer(app).text == "/model model-z"
        await app.pilot.press("up")
        assert composer(app).text == "one"


async def test_a_draft_with_a_chip_comes_back_whole(drive):
    async with drive() as app:
        await converse(app, "one")
        app.pilot.app.post_message(Paste("x\n" * 60))
        await app.until_shown("[pasted 1: 61 lines]")
        await app.pilot.press("up", "down")
        assert composer(app).written.whole == "x\n" * 60


async def test_keys_that_come_in_a_burst_with_up_are_taken_in_turn(drive):
    async with drive() as app:
        await converse(app, "one")
        app.burst(*"ab", "up", *"!", "enter")
        await app.until(lambda: len(app.script.requests) == 2)
        assert app.script.requests[1].messages[-1].text == "one!"


async def test_ctrl_r_finds_what_was_sent_by_typing(drive):
    async with drive() as app:
        await converse(app, "about quills", "about ink", "and more")
        await app.type("unfinished")
        await app.pilot.press("ctrl+r")
        await app.until_shown("Sent before")
        await app.type("quil")
        await app.pilot.press("enter")
        await app.until(lambda: composer(app).text == "about quills")
        await app.pilot.press("down")
        assert composer(app).text == "unfinished"


async def test_ctrl_r_with_nothing_sent_says_so(drive):
    async with drive() as app:
        await app.pilot.press("ctrl+r")
        await app.until_shown("nothing was sent yet")
