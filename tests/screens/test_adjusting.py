"""What a conversation is asked with: sampling and system prompt, in the middle of a chat."""

import pytest
from textual.events import Paste

from pluma_tui.core.chat import Sampling
from pluma_tui.core.events import Finished, TextDelta
from tests.screens.conftest import CONFIG, Drive, Driven

SCREENS = [(80, 24), (40, 15), (200, 60)]
SAMPLED = CONFIG + "[chat.profiles.first.sampling]\ntemperature = 0.7\nseed = 7\n"


def flat(app: Driven) -> str:
    """What is on the screen, as one line."""
    return " ".join(app.text().replace("│", " ").split())


async def answered(app: Driven, question: str, answer: str) -> None:
    await app.ask(question)
    app.script.say(TextDelta(answer), Finished("complete"))
    await app.until_shown("done")


@pytest.mark.parametrize("size", SCREENS)
async def test_sampling_shows_what_holds_and_where_it_is_from(drive: Drive, size: tuple[int, int]) -> None:
    async with drive(config=SAMPLED, size=size) as app:
        await app.pilot.press("ctrl+t")
        await app.until_shown("temperature")
        row = next(line for line in app.text().splitlines() if "temperature" in line)
        assert "0.7" in row
        assert size[0] < 80 or "the profile" in row
        assert "server's own" in app.text()
        assert "How freely to choose" in flat(app)
        assert "esc closes" in flat(app)


async def test_a_digit_begins_to_change_and_the_change_counts_from_the_next_question_on(drive: Drive) -> None:
    async with drive(config=SAMPLED) as app:
        await answered(app, "one", "answer one")
        await app.pilot.press("ctrl+t")
        await app.until_shown("temperature")
        await app.pilot.press(*"0.2", "enter")
        await app.until_shown("this conversation")
        await app.pilot.press(*["down"] * 8)
        await app.until_shown("The longest answer")
        await app.pilot.press(*"500", "enter")
        await app.until(lambda: app.text().count("this conversation") == 2 + 1)  # the heading says it too
        await app.pilot.press("escape")
        await app.until_shown("From here on: temperature 0.2, max_tokens 500.")
        await app.ask("two")
        assert app.script.requests[-1].sampling == Sampling(temperature=0.2, seed=7, max_tokens=500)
        app.script.say(TextDelta("x"), Finished("complete"))
        await app.until_shown("done")
    async with drive(config=SAMPLED, continue_id="last") as app:
        await app.until_shown("answer one")
        await app.ask("three")
        assert app.script.requests[-1].sampling == Sampling(temperature=0.2, seed=7, max_tokens=500)


async def test_what_will_not_do_is_told_at_the_field_and_stays_to_be_mended(drive: Drive) -> None:
    async with drive(config=SAMPLED) as app:
        await app.pilot.press("ctrl+t")
        await app.until_shown("temperature")
        await app.pilot.press("enter", *"x", "enter")
        await app.until_shown("Expected a number".lower()[1:])
        await app.pilot.press("backspace", "1", "enter")
        await app.until_shown("0.71")
        await app.pilot.press("escape")
        await app.until_shown("From here on: temperature 0.71.")


async def test_del_and_ctrl_r_go_back_to_the_profile(drive: Drive) -> None:
    async with drive(config=SAMPLED) as app:
        await app.pilot.press("ctrl+t")
        await app.until_shown("temperature")
        await app.pilot.press(*"1", "enter")
        await app.until_shown("• temperature")
        await app.pilot.press("delete")
        await app.until(lambda: "• temperature" not in app.text())
        await app.pilot.press(*"2", "enter", "down", *"0.5", "enter")
        await app.until_shown("• top_p")
        await app.pilot.press("ctrl+r")
        await app.until(lambda: "•" not in app.text())
        await app.pilot.press("escape")
        await app.ask("hi")
        assert "From here on" not in app.text()
        assert app.script.requests[-1].sampling == Sampling(temperature=0.7, seed=7)


async def test_escape_leaves_a_field_as_it_was(drive: Drive) -> None:
    async with drive(config=SAMPLED) as app:
        await app.pilot.press("ctrl+t")
        await app.until_shown("temperature")
        await app.pilot.press(*"9", "escape", "escape")
        await app.ask("hi")
        assert app.script.requests[-1].sampling == Sampling(temperature=0.7, seed=7)


@pytest.mark.parametrize("size", SCREENS)
async def test_a_system_prompt_is_written_for_this_conversation_and_is_kept_with_it(
    drive: Drive, size: tuple[int, int]
) -> None:
    async with drive(size=size) as app:
        await app.pilot.press("ctrl+s")
        await app.until_shown("System prompt")
        assert "esc leaves" in flat(app)
        await app.type("be brief")
        await app.pilot.press("enter", *"now", "ctrl+s")
        await app.until(lambda: "From here on the system prompt is: be brief now" in flat(app))
        await answered(app, "one", "answer one")
        assert app.script.requests[-1].system == "be brief\nnow"
    async with drive(continue_id="last", size=size) as app:
        await app.until_shown("answer one")
        await app.pilot.press("ctrl+s")
        await app.until_shown("be brief")
        await app.pilot.press("escape")
        await app.ask("two")
        assert app.script.requests[-1].system == "be brief\nnow"
        assert 'system = "' not in app.runtime.loaded.path.read_text()


async def test_a_system_prompt_is_written_into_the_profile_by_a_second_key(drive: Drive) -> None:
    async with drive() as app:
        await app.pilot.press("ctrl+s")
        await app.until_shown("its profile too")
        await app.type("be kind")
        await app.pilot.press("f6")
        await app.until_shown("It stands in the profile first now.")
        assert app.runtime.connections.profile("first").system == "be kind"
        assert CONFIG.split("[chat.profiles.second]")[1] in app.runtime.loaded.path.read_text()


async def test_no_system_prompt_at_all_and_the_profile_s_again(drive: Drive) -> None:
    config = CONFIG.replace('model = "model-a"', 'model = "model-a"\nsystem = "s"')
    async with drive(config=config) as app:
        await app.pilot.press("ctrl+s")
        await app.until_shown("System prompt")
        await app.pilot.press("backspace", "ctrl+s")
        await app.until_shown("From here on there is no system prompt.")
        await answered(app, "one", "answer one")
        assert app.script.requests[-1].system == ""
        await app.pilot.press("ctrl+s")
        await app.until(lambda: "the profile's again" in flat(app))
        await app.pilot.press("ctrl+r")
        await app.until_shown("From here on the system prompt is: s")
        await app.ask("two")
        assert app.script.requests[-1].system == "s"


async def test_what_was_written_is_not_lost_by_one_escape(drive: Drive) -> None:
    async with drive() as app:
        await app.pilot.press("ctrl+s")
        await app.until_shown("System prompt")
        await app.type("abc")
        await app.pilot.press("escape")
        await app.until_shown("not kept yet")
        await app.pilot.press("escape")
        await app.until(lambda: "System prompt" not in app.text())
        await app.ask("hi")
        assert app.script.requests[-1].system == ""


async def test_what_is_pasted_into_a_system_prompt_is_made_safe(drive: Drive) -> None:
    async with drive() as app:
        await app.pilot.press("ctrl+s")
        await app.until_shown("System prompt")
        app.pilot.app.post_message(Paste("be\x1b[2J kind\u202e"))
        await app.until_shown("be kind")
        await app.pilot.press("ctrl+s")
        await app.until_shown("From here on the system prompt is: be kind")
        await app.ask("hi")
        assert app.script.requests[-1].system == "be kind"
