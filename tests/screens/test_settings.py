"""The settings, changed on the screen."""

import pytest

from pluma_tui.core.events import Finished, TextDelta
from pluma_tui.widgets.composer import Composer
from tests.screens.conftest import CONFIG, Drive, Driven

SCREENS = [(80, 24), (40, 15), (200, 60)]
MINE = "# my settings\n[ui] # looks\nframe_rate = 20   # slow line\n" + CONFIG


def flat(app: Driven) -> str:
    """What is on the screen, as one line."""
    return " ".join(app.text().replace("│", " ").split())


def row(app: Driven, label: str) -> str:
    """The row of a field, empty if it is not on the screen."""
    rows = (line.split("│")[1].strip() for line in app.text().splitlines() if line.count("│") > 1)
    return next((row for row in rows if row.removeprefix("• ").strip().startswith(f"{label} ")), "")


def written(app: Driven) -> str:
    return app.runtime.loaded.path.read_text()


async def find(app: Driven, words: str) -> None:
    """Open the settings, and type."""
    await app.pilot.press("f12")
    await app.until_shown("type to find")
    await app.type(words)


@pytest.mark.parametrize("size", SCREENS)
async def test_every_section_of_the_schema_is_there_and_typing_finds_a_field(
    drive: Drive, size: tuple[int, int]
) -> None:
    async with drive(config=MINE, size=size) as app:
        await app.pilot.press("f12")
        await app.until_shown("ui: How the terminal app")
        await app.type("repaints")
        await app.until(lambda: "frame_rate" in app.text() and "reasoning" not in app.text())
        assert "20" in row(app, "frame_rate")
        assert size[0] < 80 or row(app, "frame_rate").endswith("file")
        assert "Repaints a second" in flat(app)
        assert "esc closes" in flat(app)


async def test_what_a_setting_takes_and_its_default_are_told(drive: Drive) -> None:
    async with drive(config=MINE) as app:
        await find(app, "frame")
        await app.until(lambda: "Takes a whole number from 1 to 60. Default: 15." in flat(app))


async def test_a_change_is_written_at_once_and_touches_nothing_else(drive: Drive) -> None:
    async with drive(config=MINE) as app:
        await find(app, "frame")
        await app.pilot.press("enter", "backspace", "backspace", "8", "enter")
        await app.until(lambda: app.runtime.config.ui.frame_rate == 8)
        assert written(app) == MINE.replace("20 ", "8 ")
        assert row(app, "frame_rate").split() == ["•", "frame_rate", "8", "file"]


async def test_what_will_not_do_is_told_at_the_field_and_not_written(drive: Drive) -> None:
    async with drive(config=MINE) as app:
        await find(app, "frame")
        await app.pilot.press("enter", "0", "enter")
        await app.until_shown("expected a whole number <= 60")
        assert written(app) == MINE
        await app.pilot.press("escape")
        await app.until(lambda: "expected a whole number" not in app.text())
        assert row(app, "frame_rate").split() == ["•", "frame_rate", "20", "file"]


async def test_del_takes_a_setting_out_of_the_file(drive: Drive) -> None:
    async with drive(config=MINE) as app:
        await app.pilot.press("f12")
        await app.until_shown("type to find")
        for _ in range(20):
            if "Repaints" in flat(app):
                break
            await app.pilot.press("down")
        await app.pilot.press("delete")
        await app.until(lambda: app.runtime.config.ui.frame_rate == 15)
        assert "frame_rate" not in written(app)


async def test_enter_turns_a_switch_and_says_what_counts_from_the_next_start_on(drive: Drive) -> None:
    async with drive() as app:
        await find(app, "mouse")
        await app.until(lambda: "A change counts from the next start on." in flat(app))
        await app.pilot.press("enter")
        await app.until(lambda: app.runtime.config.ui.mouse is False)
        await app.until(lambda: row(app, "mouse").endswith("from the next start on"))
        assert "mouse = false" in written(app)


async def test_one_of_several_values_is_chosen_from_a_list(drive: Drive) -> None:
    async with drive() as app:
        await find(app, "reasoning")
        await app.pilot.press("enter")
        await app.until_shown("hidden")
        await app.type("shown")
        await app.pilot.press("enter")
        await app.until(lambda: app.runtime.config.ui.reasoning == "shown")


async def test_a_theme_is_seen_as_soon_as_it_is_chosen(drive: Drive) -> None:
    async with drive() as app:
        await find(app, "theme")
        await app.pilot.press("enter")
        await app.until_shown("type to narrow")
        await app.type("pluma-light")
        await app.pilot.press("enter")
        await app.until(lambda: app.pilot.app.theme == "pluma-light")


async def test_a_variable_of_the_environment_goes_first_and_is_told(
    drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLUMA_UI_FRAME_RATE", "30")
    async with drive(config=MINE) as app:
        await find(app, "frame")
        await app.until(lambda: "PLUMA_UI_FRAME_RATE is set and goes before the file." in flat(app))
        assert row(app, "frame_rate").split() == ["frame_rate", "30", "env", "PLUMA_UI_FRAME_RATE"]


async def test_a_password_in_an_address_is_not_shown(drive: Drive) -> None:
    async with drive() as app:
        app.runtime.loaded.path.write_text(CONFIG + '[storage]\nurl = "postgresql://me:sesame@box/pluma"\n')
        await find(app, "storage url")
        await app.until(lambda: "(hidden)" in row(app, "url"))
        await app.pilot.press("enter")
        await app.pilot.pause()
        assert "sesame" not in app.text()


async def test_a_key_is_set_by_pressing_it_and_works_at_once(drive: Drive) -> None:
    async with drive() as app:
        await find(app, "chat.send")
        await app.pilot.press("enter")
        await app.until_shown("Press it now.")
        await app.pilot.press("ctrl+q")  # the app's own: not while it is asked for
        await app.until(lambda: "ctrl+q" in written(app))
        assert '"chat.send" = "ctrl+q"' in written(app)
        await app.until(lambda: "two actions" in row(app, "chat.send"))
        assert "^q is the key of “Quit” (app.quit) too." in flat(app)
        await app.pilot.press("enter")
        await app.until_shown("Press it now.")
        await app.pilot.press("f11")
        await app.until(lambda: row(app, "chat.send").split()[2:] == ["f11", "file"])
        await app.pilot.press("escape")
        await app.until(lambda: isinstance(app.pilot.app.focused, Composer))
        await app.type("hi")
        await app.pilot.press("f11")
        await app.until(lambda: len(app.script.requests) == 1)
        app.script.say(TextDelta("hello"), Finished("complete"))
        await app.until_shown("hello")


async def test_a_letter_that_is_needed_to_write_is_no_key(drive: Drive) -> None:
    async with drive() as app:
        await find(app, "chat.send")
        await app.pilot.press("enter")
        await app.until_shown("Press it now.")
        await app.pilot.press("a")
        await app.until_shown("'a' is needed to write")
        await app.pilot.press("escape")
        await app.until(lambda: "is needed to write" not in app.text())
        assert written(app) == CONFIG


async def test_with_an_error_in_the_file_its_settings_are_seen_and_can_be_mended(drive: Drive) -> None:
    async with drive(config=CONFIG + "[ui]\nframe_rate = 99\n") as app:
        await find(app, "mouse")
        await app.pilot.press("enter")
        await app.until(lambda: "false" in row(app, "mouse"))
        await app.pilot.press(*["backspace"] * 5, *"frame")
        await app.until(lambda: bool(row(app, "frame_rate")))
        await app.pilot.press("enter", "ctrl+u", "8", "enter")
        await app.until(lambda: app.runtime.config.ui.frame_rate == 8)
        assert app.runtime.config.ui.mouse is False


async def test_a_file_that_is_no_toml_is_told_and_left_alone(drive: Drive) -> None:
    async with drive() as app:
        app.runtime.loaded.path.write_text("this is = = no toml")
        await find(app, "mouse")
        await app.pilot.press("enter")
        await app.until_shown("not valid TOML")
        assert written(app) == "this is = = no toml"


async def test_what_is_changed_here_is_not_announced_as_news(drive: Drive) -> None:
    async with drive() as app:
        await find(app, "frame")
        await app.pilot.press("enter", *["backspace"] * 2, "8", "enter")
        await app.until(lambda: app.runtime.config.ui.frame_rate == 8)
        await app.pilot.pause()
        assert "read again" not in app.text()
