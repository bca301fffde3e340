"""Commands that are typed."""

import json
from pathlib import Path

import pytest

from pluma_tui.core.chat import ChatRequest
from pluma_tui.core.errors import Unauthorized
from pluma_tui.core.events import Finished, TextDelta
from pluma_tui.core.slash import COMMANDS
from pluma_tui.widgets.composer import Composer, Offers
from pluma_tui.widgets.statusline import StatusLine
from tests.screens.conftest import Driven, Script

END = Finished("complete")


def composer(app: Driven) -> Composer:
    return app.screen.query_one(Composer)


async def enter(app: Driven, text: str) -> None:
    await app.type(text)
    await app.pilot.press("enter")


async def answered(app: Driven, question: str, answer: str) -> None:
    app.script.say(TextDelta(answer), END)
    await app.ask(question)
    await app.until_shown(answer)
    await app.until_shown("done")


async def test_a_slash_opens_a_list_that_typing_narrows_and_tab_completes(drive):
    async with drive() as app:
        await app.type("/")
        await app.until_shown("/export [FILE]")
        assert "Pick another model" in app.text()
        await app.type("mod")
        await app.until(lambda: "/export" not in app.text())
        await app.pilot.press("tab")
        assert composer(app).text == "/model "
        await app.until(lambda: not app.screen.query_one(Offers).display)
        await enter(app, "model-z")
        await app.until(lambda: app.screen.query_one(StatusLine).model == "model-z")
        assert composer(app).text == ""


async def test_enter_completes_what_is_begun_and_runs_what_is_whole(drive):
    async with drive(size=(80, 120)) as app:
        await enter(app, "/he")
        assert composer(app).text == "/help"
        await app.pilot.press("enter")
        await app.until(lambda: "Stop the answer" in app.text())
        for name in COMMANDS:
            assert name in app.text()


async def test_up_and_down_move_in_the_list_and_a_burst_is_taken_in_turn(drive):
    async with drive() as app:
        app.burst("/", *"re", "down", "up", "down", "tab", "enter")
        await app.until_shown("nothing was asked yet")  # which /regenerate says
        assert composer(app).text == ""


async def test_escape_closes_the_list_and_does_not_stop_the_answer(drive):
    async with drive() as app:
        await app.ask("one")
        await app.type("/mo")
        await app.until_shown("Pick another model")
        await app.pilot.press("escape")
        await app.until(lambda: "Pick another model" not in app.text())
        await app.type("d")
        assert "Pick another model" not in app.text()
        assert app.script.closed == 0
        await app.pilot.press("escape")
        await app.until(lambda: app.script.closed == 1)


async def test_a_click_chooses(drive):
    async with drive() as app:
        await app.type("/mo")
        await app.until_shown("Pick another model")
        await app.pilot.click("#offers", offset=(4, 0))
        await app.until(lambda: composer(app).text == "/model ")


async def test_an_unknown_command_is_told_and_stays(drive):
    async with drive() as app:
        await enter(app, "/frobnicate now")
        await app.until_shown("there is no command /frobnicate")
        assert composer(app).text == "/frobnicate now"
        assert app.script.requests == []


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("//model x", "/model x"),
        (" /model x", " /model x"),
        ("/etc/hosts?", "/etc/hosts?"),
        ("// a", "// a"),
    ],
)
async def test_two_slashes_or_a_space_send_it_as_text(drive, typed: str, sent: str):
    async with drive() as app:
        await app.ask(typed)
        assert app.script.requests[0].messages[-1].text == sent


async def test_a_command_that_fails_comes_back(drive):
    async with drive() as app:
        await enter(app, "/profile nowhere")
        await app.until(lambda: composer(app).text == "/profile nowhere")
        assert "nowhere" in app.text()


async def test_quit_leaves(drive):
    async with drive() as app:
        await enter(app, "/quit")
        await app.until(lambda: app.pilot.app.return_value == 0)


async def test_system_sets_the_prompt_of_all_questions_to_come_and_survives(drive):
    async with drive() as app:
        await answered(app, "one", "answer 1")
        await enter(app, "/system")
        await app.until_shown("There is no system prompt.")
        await enter(app, "/system Be brief.")
        await app.until_shown("From the next question on")
        await answered(app, "two", "answer 2")
        await answered(app, "three", "answer 3")
        assert [request.system for request in app.script.requests] == ["", "Be brief.", "Be brief."]
        assert [m.role for m in app.script.requests[2].messages] == ["user", "assistant"] * 2 + ["user"]
    async with drive(continue_id="last") as app:
        await app.until_shown("Be brief.")
        await answered(app, "four", "answer 4")
        assert app.script.requests[-1].system == "Be brief."
        await enter(app, "/system")
        await app.until_shown("The system prompt is:")


async def test_regenerate_asks_the_last_question_again_in_the_place_of_its_answer(drive):
    async with drive() as app:
        await answered(app, "one", "answer one")
        await answered(app, "two", "first try")
        await enter(app, "/regenerate")
        await app.until(lambda: len(app.script.requests) == 3)
        assert app.script.requests[2] == app.script.requests[1]
        app.script.say(TextDelta("second try"), END)
        await app.until_shown("second try")
        await app.until_shown("done")
        assert "first try" not in app.text()
        assert app.text().count("two") == 1
        await app.ask("three")
        texts = [m.text for m in app.script.requests[3].messages]
        assert texts == ["one", "answer one", "two", "second try", "three"]
        (conversation,) = await app.runtime.store.conversations()
        assert "first try" in [one.text for one in await app.runtime.store.tree(conversation.id)]


async def test_regenerate_that_fails_leaves_the_answer_that_was_there(drive):
    async with drive() as app:
        await answered(app, "one", "first try")
        await enter(app, "/regenerate")
        await app.until(lambda: len(app.script.requests) == 2)
        app.script.say(Unauthorized("the key is wrong"))
        await app.until_shown("the key is wrong")
        await app.until_shown("first try")
        await app.ask("two")
        assert [m.text for m in app.script.requests[2].messages] == ["one", "first try", "two"]
        assert composer(app).text == ""


async def test_regenerate_waits_for_no_answer_that_is_coming(drive):
    async with drive() as app:
        await app.ask("one")
        await enter(app, "/regenerate")
        await app.until_shown("the answer is still coming")
        assert len(app.script.requests) == 1


async def test_export_writes_a_new_file_and_overwrites_none(drive, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with drive() as app:
        await enter(app, "/export")
        await app.until_shown("there is nothing to export yet")
        composer(app).text = ""
        await answered(app, "What is a quill?", "A feather.")
        for name in ("what-is-a-quill.md", "what-is-a-quill-2.md"):
            await enter(app, "/export")
            await app.until((tmp_path / name).exists)
            assert "A feather." in (tmp_path / name).read_text()
        await enter(app, "/export what-is-a-quill.md")
        await app.until_shown("is there already")
        composer(app).text = ""
        await enter(app, "/export all.json")
        await app.until((tmp_path / "all.json").exists)
        assert json.loads((tmp_path / "all.json").read_text())["format"] == "pluma-conversation"


async def test_copy_gives_the_last_answer_to_the_clipboard(drive):
    async with drive() as app:
        await enter(app, "/copy")
        await app.until_shown("there is no answer to copy yet")
        composer(app).text = ""
        app.script.say(TextDelta("**an answer**"), END)
        await app.ask("one")
        await app.until_shown("done")
        await enter(app, "/copy")
        await app.until(lambda: app.pilot.app.clipboard == "**an answer**")


async def test_tokens_has_the_server_count_what_would_be_sent_and_sends_nothing(drive, monkeypatch):
    async def count(script: Script, request: ChatRequest) -> int:
        return sum(len(message.text) for message in request.messages)

    async with drive() as app:
        await answered(app, "one", "answer")
        await enter(app, "/tokens of this")
        await app.until_shown("this server counts no tokens")
        composer(app).text = ""
        monkeypatch.setattr(Script, "count", count, raising=False)
        await enter(app, "/tokens of this")
        await app.until_shown(f"would send {len('oneanswerof this')} tokens")
        assert len(app.script.requests) == 1
        (conversation,) = await app.runtime.store.conversations()
        assert conversation.messages == 2
