"""What is written and not sent outlives its window."""

import asyncio
import json
import stat
from pathlib import Path

from textual.events import Paste

from pluma_tui.core.events import Finished, TextDelta
from pluma_tui.core.written import Unsent, Written
from pluma_tui.runtime.chat import OpenChat
from pluma_tui.runtime.unsent import claim
from pluma_tui.widgets.composer import Composer
from tests.screens.conftest import Driven

END = Finished("complete")


def composer(app: Driven) -> Composer:
    return app.screen.query_one(Composer)


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "data" / "drafts").rglob("*.json"))


async def test_a_draft_is_there_again_at_the_next_start(drive):
    async with drive() as app:
        await app.type("not yet sent")
    async with drive() as app:
        assert composer(app).text == "not yet sent"


async def test_a_draft_is_on_disk_within_a_second_for_its_owner_only(drive, tmp_path: Path):
    async with drive() as app:
        await app.type("not yet")
        await app.until(lambda: bool(kept(tmp_path)))
        (file,) = kept(tmp_path)
        assert json.loads(file.read_text())["draft"]["text"].startswith("n")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


async def test_a_paste_is_kept_as_the_chip_it_was(drive):
    async with drive() as app:
        app.pilot.app.post_message(Paste("x\n" * 60))
        await app.until_shown("[pasted 1: 61 lines]")
    async with drive() as app:
        assert composer(app).text == "[pasted 1: 61 lines]"
        assert composer(app).written.whole == "x\n" * 60


async def test_each_conversation_keeps_its_own_draft(drive, tmp_path: Path):
    async with drive() as app:
        await app.ask("one")
        app.script.say(TextDelta("answer"), END)
        await app.until_shown("done")
        await app.type("for the old one")
    async with drive() as app:
        assert composer(app).text == ""
        await app.type("for a new one")
    async with drive(continue_id="last") as app:
        assert composer(app).text == "for the old one"
        await app.pilot.press("enter")
        await app.until(lambda: len(app.script.requests) == 2)
    assert len(kept(tmp_path)) == 1


async def test_what_waited_waits_again_and_is_held(drive):
    async with drive() as app:
        await app.ask("one")
        app.script.say(TextDelta("so far"))
        await app.until_shown("so far")
        await app.type("two")
        await app.pilot.press("enter")
        await app.until_shown("1 waiting")
    async with drive(continue_id="last") as app:
        await app.until_shown("1 held")
        await app.until_shown("so far")
        assert len(app.script.requests) == 1
        await app.pilot.press("enter")
        await app.until(lambda: len(app.script.requests) == 2)
        assert [m.text for m in app.script.requests[1].messages] == ["one", "so far", "two"]


async def test_what_waits_is_on_disk_beside_its_conversation_while_the_program_runs(drive, tmp_path: Path):
    async with drive() as app:
        await app.ask("one")
        await app.type("two")
        await app.pilot.press("enter")
        await app.until(lambda: any('"two"' in file.read_text() for file in kept(tmp_path)))
        (conversation,) = await app.runtime.store.conversations()
        assert kept(tmp_path)[0].parent.name == conversation.id


async def test_ctrl_n_leaves_what_waits_with_its_conversation(drive):
    async with drive() as app:
        await app.ask("one")
        await app.type("two")
        await app.pilot.press("enter")
        await app.type("three")
        await app.until_shown("1 waiting")
        before = app.screen
        await app.pilot.press("ctrl+n")
        await app.until(lambda: app.pilot.app.screen is not before)
        await app.until(lambda: composer(app).text == "three")
        assert "waiting" not in app.text()
    async with drive(continue_id="last") as app:
        await app.until_shown("1 held")


async def test_a_system_prompt_that_was_not_used_yet_is_kept(drive):
    async with drive() as app:
        await app.type("/system Be brief.")
        await app.pilot.press("enter")
        await app.until_shown("From the next question on")
    async with drive() as app:
        await app.ask("one")
        assert app.script.requests[0].system == "Be brief."


async def test_two_windows_keep_two_drafts(drive, tmp_path: Path):
    other, left = claim(tmp_path / "data", None)
    assert left == Unsent()
    other.write(Unsent(Written("of the other window")))
    async with drive() as app:
        assert composer(app).text == ""
        await app.type("mine")
    other.close()
    async with drive() as app:
        assert composer(app).text == "of the other window"
        async with drive() as second:
            assert composer(second).text == "mine"


async def test_without_a_place_to_keep_them_words_can_be_written_all_the_same(drive, tmp_path: Path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "drafts").write_text("in the way")
    async with drive() as app:
        await app.until_shown("What is written and not sent")
        await app.type("words")
        assert composer(app).text == "words"


async def test_ctrl_n_before_a_question_is_stored_takes_it_along(drive, monkeypatch):
    never = asyncio.Event()

    async def slow_ask(*_: object) -> None:
        await never.wait()

    async with drive() as app:
        monkeypatch.setattr(OpenChat, "ask", slow_ask)
        await app.type("one")
        await app.pilot.press("enter")
        await app.type("two")
        await app.until_shown("sending")
        before = app.screen
        await app.pilot.press("ctrl+n")
        await app.until(lambda: app.pilot.app.screen is not before)
        await app.until_shown("1 held")
        assert "  one" in app.text()
        assert composer(app).text == "two"


async def test_leaving_before_a_question_is_stored_keeps_it(drive, monkeypatch):
    never = asyncio.Event()

    async def slow_ask(*_: object) -> None:
        await never.wait()

    async with drive() as app:
        monkeypatch.setattr(OpenChat, "ask", slow_ask)
        await app.type("one")
        await app.pilot.press("enter")
        await app.until_shown("sending")
    async with drive() as app:
        await app.until_shown("1 held")
        assert "  one" in app.text()
