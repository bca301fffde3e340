"""Words that are sent while an answer runs."""

from pluma_tui.core.errors import BrokenStream, Unauthorized
from pluma_tui.core.events import Finished, TextDelta
from pluma_tui.widgets.composer import Composer, Waiting
from tests.screens.conftest import Driven

END = Finished("complete")


def composer(app: Driven) -> Composer:
    return app.screen.query_one(Composer)


async def queue_up(app: Driven, *texts: str) -> None:
    """Each is written and sent with an answer under way."""
    for text in texts:
        await app.type(text)
        await app.pilot.press("enter")


async def asked(app: Driven, number: int) -> list[str]:
    """What the request of that number carries, once it is made."""
    await app.until(lambda: len(app.script.requests) >= number)
    return [message.text for message in app.script.requests[number - 1].messages]


async def test_words_sent_while_an_answer_runs_wait_in_sight_and_follow_it(drive):
    async with drive() as app:
        await app.ask("one")
        await queue_up(app, "two", "three")
        await app.until_shown("2 waiting")
        assert "  two" in app.text()
        assert len(app.script.requests) == 1
        app.script.say(TextDelta("a"), END, TextDelta("b"), END)
        assert await asked(app, 2) == ["one", "a", "two"]
        assert await asked(app, 3) == ["one", "a", "two", "b", "three"]
        await app.until(lambda: not app.screen.query_one(Waiting).display)


async def test_of_many_that_wait_some_are_shown_and_all_counted(drive):
    async with drive(size=(40, 15)) as app:
        await app.ask("one")
        await queue_up(app, "w1", "w2", "w3", "w4", "w5 " + "x" * 60)
        await app.until_shown("5 waiting")
        assert "… and 2 more" in app.text()


async def test_up_in_an_empty_composer_takes_the_last_one_back(drive):
    async with drive() as app:
        await app.ask("one")
        await queue_up(app, "two", "three")
        await app.pilot.press("up")
        await app.until(lambda: composer(app).text == "three")
        await app.until_shown("1 waiting")
        await app.type("!")
        await app.pilot.press("enter")
        app.script.say(TextDelta("a"), END, TextDelta("b"), END)
        assert (await asked(app, 3))[-1] == "three!"


async def test_a_chip_that_waited_is_a_chip_again(drive):
    async with drive() as app:
        await app.ask("one")
        composer(app).replace_all("x\n" * 50)
        await app.type(" see")
        text = composer(app).text
        await app.pilot.press("enter", "up")
        await app.until(lambda: composer(app).text == text)
        assert composer(app).written.whole == "x\n" * 50 + " see"


async def test_stopping_holds_the_queue_until_enter_in_an_empty_composer(drive):
    async with drive() as app:
        await app.ask("one")
        app.script.say(TextDelta("as far as"))
        await app.until_shown("as far as")
        await queue_up(app, "two", "three")
        await app.pilot.press("escape")
        await app.until_shown("2 held")
        await app.until_shown("stopped")
        assert len(app.script.requests) == 1
        await app.pilot.press("enter")
        app.script.say(TextDelta("b"), END)
        assert await asked(app, 2) == ["one", "as far as", "two"]
        assert (await asked(app, 3))[-1] == "three"


async def test_what_is_written_after_stopping_goes_first(drive):
    async with drive() as app:
        await app.ask("one")
        app.script.say(TextDelta("as far as"))
        await app.until_shown("as far as")
        await queue_up(app, "two")
        await app.pilot.press("escape")
        await app.until_shown("stopped")
        await queue_up(app, "no, this")
        assert (await asked(app, 2))[-1] == "no, this"
        app.script.say(TextDelta("b"), END)
        await app.until_shown("done")
        assert "1 held" in app.text()
        assert len(app.script.requests) == 2


async def test_an_answer_that_breaks_off_holds_the_queue(drive):
    async with drive() as app:
        await app.ask("one")
        await queue_up(app, "two")
        app.script.say(TextDelta("half of"), BrokenStream("the server hung up"))
        await app.until_shown("1 held")
        assert len(app.script.requests) == 1


async def test_a_question_that_got_no_word_comes_back_and_the_queue_is_held(drive):
    async with drive() as app:
        await app.ask("one")
        await queue_up(app, "two")
        app.script.say(Unauthorized("the key is wrong"))
        await app.until_shown("1 held")
        assert composer(app).text == "one"
        app.script.say(TextDelta("a"), END)
        await app.pilot.press("enter")
        await asked(app, 2)
        await app.until_shown("done")
        await app.pilot.press("enter")
        assert await asked(app, 3) == ["one", "a", "two"]


async def test_a_burst_of_questions_is_asked_in_its_order(drive):
    async with drive() as app:
        app.script.say(TextDelta("a"), END, TextDelta("b"), END, TextDelta("c"), END)
        app.burst(*"one", "enter", *"two", "enter", *"three", "enter")
        assert await asked(app, 3) == ["one", "a", "two", "b", "three"]
