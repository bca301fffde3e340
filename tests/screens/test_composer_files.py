"""Files that go with a message."""

from pathlib import Path

import pytest
from textual.events import Paste

from pluma_tui.core.chat import File, Image
from pluma_tui.core.events import Finished
from pluma_tui.widgets.composer import Composer, Offers
from tests.screens.conftest import Driven

END = Finished("complete")
PNG = b"\x89PNG\r\n\x1a\n"


def composer(app: Driven) -> Composer:
    return app.screen.query_one(Composer)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a few files, which is the current one."""
    made = tmp_path / "work"
    (made / "docs").mkdir(parents=True)
    (made / "notes.txt").write_text("ink and quills")
    (made / "my notes.txt").write_text("mine")
    (made / "docs" / "plan.md").write_text("a plan")
    (made / "cat.png").write_bytes(PNG)
    (made / "blob.bin").write_bytes(b"\0\0")
    (made / "evil\x1b[2J.txt").write_text("x")
    monkeypatch.chdir(made)
    return made


async def test_letters_after_an_at_sign_find_a_file_that_goes_with_the_message(drive, folder):
    async with drive() as app:
        await app.type("see @pla")
        await app.until_shown("docs/plan.md")
        await app.pilot.press("tab")
        assert composer(app).text == "see @docs/plan.md "
        await app.until_shown("+ docs/plan.md")
        await app.pilot.press("enter")
        await app.until(lambda: bool(app.script.requests))
        asked = app.script.requests[0].messages[-1]
        assert asked.text == "see @docs/plan.md "
        assert asked.parts == (File("plan.md", "a plan"),)
        await app.until_shown("[plan.md]")


async def test_a_burst_with_tab_is_taken_in_turn(drive, folder):
    async with drive() as app:
        app.burst(*"@plan", "tab", *"now", "enter")
        await app.until(lambda: bool(app.script.requests))
        assert app.script.requests[0].messages[-1].text == "@docs/plan.md now"


async def test_a_name_with_a_space_is_quoted(drive, folder):
    async with drive() as app:
        await app.type("@myn")
        await app.until_shown("my notes.txt")
        await app.pilot.press("enter", "enter")
        await app.until(lambda: bool(app.script.requests))
        assert app.script.requests[0].messages[-1].text == '@"my notes.txt" '
        assert app.script.requests[0].messages[-1].parts == (File("my notes.txt", "mine"),)


async def test_a_name_that_could_act_on_the_terminal_is_not_offered(drive, folder):
    async with drive() as app:
        await app.type("@txt")
        await app.until_shown("notes.txt")
        assert "evil" not in app.text()


async def test_files_elsewhere_are_found_by_their_path(drive, folder):
    async with drive(size=(200, 24)) as app:
        await app.type(f"@{folder}/do")
        await app.until_shown(f"{folder}/docs/")
        await app.pilot.press("tab")
        await app.until_shown("plan.md")
        await app.pilot.press("tab")
        assert composer(app).text == f"@{folder}/docs/plan.md "


async def test_a_file_that_cannot_be_sent_is_told_and_the_words_stay(drive, folder):
    async with drive() as app:
        await app.type("what is @blob.bin ")
        await app.pilot.press("enter")
        await app.until_shown("is neither a picture nor text")
        await app.until(lambda: composer(app).text == "what is @blob.bin ")
        assert app.script.requests == []
        assert await app.runtime.store.conversations() == []


async def test_an_at_sign_that_names_no_file_is_text(drive, folder):
    async with drive() as app:
        await app.ask("ask @john or me@home.org, ")
        assert app.script.requests[0].messages[-1].parts == ()


async def test_a_picture_that_is_dropped_on_the_terminal_goes_with_the_message(drive, folder):
    async with drive() as app:
        app.pilot.app.post_message(Paste(f"'{folder}/cat.png'"))
        await app.until(lambda: composer(app).text == f"@{folder}/cat.png ")
        await app.until_shown("work/cat.png")
        assert "+ " in app.text()
        await app.pilot.press("enter")
        await app.until(lambda: bool(app.script.requests))
        assert app.script.requests[0].messages[-1].parts == (Image(PNG, "image/png", "cat.png"),)


async def test_what_a_pasted_text_names_within_a_chip_is_not_sent(drive, folder):
    async with drive() as app:
        app.pilot.app.post_message(Paste("@notes.txt\n" * 60))
        await app.until_shown("[pasted 1")
        await app.pilot.press("enter")
        await app.until(lambda: bool(app.script.requests))
        assert app.script.requests[0].messages[-1].parts == ()


async def test_a_large_text_tells_about_how_many_tokens_it_is(drive):
    async with drive() as app:
        await app.type("short")
        app.pilot.app.post_message(Paste("a" * 10_000))
        await app.until_shown("~2,500 tokens")
        await app.pilot.press("ctrl+u")
        await app.until(lambda: "tokens" not in app.text())


async def test_the_list_fits_a_small_terminal(drive, folder):
    for number in range(40):
        (folder / f"page{number:02}.md").write_text("x")
    async with drive(size=(40, 15)) as app:
        await app.type("@page")
        await app.until_shown("page03.md")
        assert app.screen.query_one(Offers).size.height == 5
        for _ in range(6):
            await app.pilot.press("down")
        await app.until_shown("› page06.md")
        await app.pilot.press(*["up"] * 7)
        await app.until_shown("› page39.md")
