"""Profiles, edited on the screen."""

import asyncio
import stat
from pathlib import Path

import pytest

from pluma_tui import providers
from pluma_tui.core.events import TextDelta
from pluma_tui.core.models import ModelInfo
from pluma_tui.core.profile import ConnectionProfile, SecretRef
from pluma_tui.providers.base import ProviderPlugin
from pluma_tui.secrets import kept
from pluma_tui.widgets.statusline import StatusLine
from tests.screens.conftest import CONFIG, Drive, Driven, Script

SCREENS = [(80, 24), (40, 15), (200, 60)]
MINE = "# mine\n" + CONFIG + '[images.profiles.box] # draws\nkind = "a1111"\n'
OPTIONS = {"flavour": "whose ways the server has", "user": "a name for you"}


@pytest.fixture(autouse=True)
def with_options(script: Script) -> None:
    """The scripted provider knows options."""
    plugin = ProviderPlugin(
        "scripted", "A script", lambda *_: script, default_base_url="http://localhost:9", options=OPTIONS
    )
    providers.register_provider("scripted", plugin)


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are kept in files: nobody's own keyring is touched."""
    put = kept.put

    async def into_file(owner: str, value: str, data: Path, *, into_file: bool = False) -> SecretRef:
        return await put(owner, value, data, into_file=True)

    monkeypatch.setattr(kept, "put", into_file)


def flat(app: Driven) -> str:
    """What is on the screen, as one line."""
    return " ".join(app.text().replace("│", " ").split())


def row(app: Driven, label: str) -> str:
    """The row of a field, without its mark; empty if it is not on the screen."""
    rows = (line.split("│")[1].strip() for line in app.text().splitlines() if line.count("│") > 1)
    found = (row.removeprefix("•").strip() for row in rows)
    return next((row for row in found if row.startswith(f"{label} ")), "")


def written(app: Driven) -> str:
    return app.runtime.loaded.path.read_text()


def profile(app: Driven, name: str = "first") -> ConnectionProfile:
    return app.runtime.config.chat.profiles[name]


async def listed(app: Driven) -> None:
    await app.type("/profiles")
    await app.pilot.press("enter")
    await app.until_shown("Pictures")


async def form(app: Driven, find: str = "", name: str = "first") -> None:
    """Open the form of a profile, and type to find a field."""
    await listed(app)
    await app.type(name)
    await app.pilot.press("enter")
    await app.until_shown(f"profile {name}")
    await app.type(find)
    await app.pilot.pause()


@pytest.mark.parametrize("size", SCREENS)
async def test_all_profiles_are_listed_and_each_has_its_fields(drive: Drive, size: tuple[int, int]) -> None:
    async with drive(config=MINE, size=size) as app:
        await listed(app)
        assert "model-a" in row(app, "first")
        assert row(app, "first").endswith("default")
        assert "a1111" in row(app, "box")
        assert "esc closes" in flat(app)
        await app.pilot.press("enter")
        await app.until_shown("The chat profile first")
        await app.until(lambda: "scripted" in row(app, "compat"))
        assert "http://localho" in row(app, "base_url")


async def test_a_profile_is_added_with_a_provider_from_the_registry(drive: Drive) -> None:
    async with drive(config=MINE) as app:
        await listed(app)
        await app.pilot.press("ctrl+n")
        await app.until_shown("OpenAI Chat Completions, and whatever speaks it")
        assert "https://api.openai.com/v1" in app.text()
        await app.type("comfy")
        await app.pilot.press("enter")
        await app.until(lambda: "Name comfy" in flat(app))
        await app.pilot.press("enter")
        await app.until_shown("The image profile comfy")
        assert written(app).startswith(MINE)
        assert app.runtime.config.images.profiles["comfy"].kind == "comfy"


async def test_a_name_that_is_none_is_told_at_the_field(drive: Drive) -> None:
    async with drive(config=MINE) as app:
        await listed(app)
        await app.pilot.press("ctrl+r", "space", "!", "enter")
        await app.until_shown("is not a name for a profile")
        await app.pilot.press("ctrl+u", *"second", "enter")
        await app.until_shown('"second" is there already')
        assert written(app) == MINE


async def test_a_profile_is_copied_and_the_copy_changed_alone(drive: Drive) -> None:
    async with drive(config=MINE) as app:
        await listed(app)
        await app.pilot.press("ctrl+o", "enter")
        await app.until(lambda: bool(row(app, "first-copy")))
        assert profile(app, "first-copy").model == "model-a"
        assert MINE.split("[chat.profiles.second]")[1] in written(app)


async def test_the_profile_in_use_answers_on_under_its_new_name(drive: Drive) -> None:
    async with drive(config=MINE) as app:
        await listed(app)
        await app.pilot.press("ctrl+r", "ctrl+u", *"home", "enter")
        await app.until(lambda: bool(row(app, "home")))
        await app.pilot.press("escape")
        await app.until(lambda: app.screen.query_one(StatusLine).profile == "home")
        await app.ask("hi")
        assert app.script.requests[-1].model == "model-a"


async def test_a_profile_is_removed_only_if_that_is_said_twice(drive: Drive) -> None:
    async with drive(config=MINE) as app:
        await listed(app)
        await app.pilot.press("down", "delete")
        await app.until_shown("Remove the profile second?")
        await app.pilot.press("enter")
        await app.until(lambda: "Remove the profile" not in app.text())
        assert written(app) == MINE
        await app.pilot.press("delete")
        await app.until_shown("Remove the profile second?")
        await app.pilot.press("down", "enter")
        await app.until(lambda: "second" not in app.runtime.config.chat.profiles)
        assert "[images.profiles.box] # draws\n" in written(app)


async def test_who_is_removed_while_it_answers_is_followed_by_the_default(drive: Drive) -> None:
    async with drive(config=MINE) as app:
        await listed(app)
        await app.pilot.press("delete")
        await app.until_shown("Remove the profile first?")
        await app.pilot.press("down", "enter")
        await app.until(lambda: "first" not in app.runtime.config.chat.profiles)
        await app.pilot.press("escape")
        await app.until_shown("From here on second answers.")


async def test_a_profile_is_made_the_default(drive: Drive) -> None:
    async with drive(config=MINE) as app:
        await listed(app)
        await app.pilot.press("down", "ctrl+u")
        await app.until(lambda: app.runtime.config.chat.active == "second")
        assert row(app, "second").endswith("default")


async def test_fields_are_written_by_their_type_and_an_error_is_told_there(drive: Drive) -> None:
    async with drive(config=MINE) as app:
        await form(app, "connect_timeout")
        await app.pilot.press("enter", *"soon", "enter")
        await app.until_shown("expected a number, got a string")
        assert written(app) == MINE
        await app.pilot.press("ctrl+u", *"2.5", "enter")
        await app.until(lambda: profile(app).connect_timeout == 2.5)
        assert row(app, "connect_timeout").split() == ["connect_timeout", "2.5"]
        await app.pilot.press("ctrl+u", "delete")
        await app.until(lambda: bool(row(app, "compat")))


async def test_the_sampling_of_a_profile_is_part_of_it(drive: Drive) -> None:
    async with drive(config=MINE) as app:
        await form(app, "sampling temperature")
        await app.pilot.press("enter", *"0.3", "enter")
        await app.until(lambda: profile(app).sampling.temperature == 0.3)
        await app.pilot.press("escape", "escape")
        await app.ask("hi")
        assert app.script.requests[-1].sampling.temperature == 0.3


async def test_options_come_from_the_provider_with_their_help(drive: Drive) -> None:
    async with drive(config=MINE) as app:
        await form(app, "flavour")
        await app.until(lambda: "Whose ways the server has." in flat(app))
        assert "options of scripted" in app.text()
        await app.pilot.press("enter", *"vllm", "enter")
        await app.until(lambda: profile(app).options == {"flavour": "vllm"})


async def test_a_model_is_chosen_from_what_the_server_offers(drive: Drive, script: Script) -> None:
    script.offered = [ModelInfo("model-new", context=4096)]
    async with drive(config=MINE) as app:
        await form(app, "model to ask")
        await app.pilot.press("enter")
        await app.until_shown("4,096 tokens")
        await app.pilot.press("enter")
        await app.until(lambda: profile(app).model == "model-new")


async def test_a_system_prompt_is_written_in_an_editor(drive: Drive) -> None:
    async with drive(config=MINE) as app:
        await form(app, "system")
        await app.pilot.press("enter")
        await app.until_shown("^s keeps it")
        await app.pilot.press("a", "enter", "b", "ctrl+s")
        await app.until(lambda: profile(app).system == "a\nb")


async def test_a_reference_is_seen_while_it_is_written_and_a_key_is_not(drive: Drive) -> None:
    async with drive(config=MINE) as app:
        await form(app, "api_key")
        await app.pilot.press("enter", *"env:")
        await app.until_shown("api_key env:")
        await app.pilot.press("ctrl+u", *"sk-1234")
        await app.until_shown("api_key •••••••")
        assert "sk-" not in app.text()
        await app.pilot.press("ctrl+u", *"env:THE_KEY", "enter")
        await app.until(lambda: row(app, "api_key").endswith("env:THE_KEY"))
        assert 'api_key = "env:THE_KEY"' in written(app)


async def test_a_key_that_is_written_is_kept_elsewhere_and_never_shown(drive: Drive, tmp_path: Path) -> None:
    async with drive(config=MINE) as app:
        await form(app, "api_key")
        await app.pilot.press("enter", *"sk-1234", "enter")
        await app.until(lambda: "file:" in row(app, "api_key"))
        assert "sk-1234" not in written(app) + app.text()
        (key,) = (tmp_path / "data" / "secrets").iterdir()
        assert (key.read_text().strip(), stat.S_IMODE(key.stat().st_mode)) == ("sk-1234", 0o600)
        await app.pilot.press(*["backspace"] * 7)
        await app.until(lambda: bool(row(app, "compat")))
        await app.pilot.press("delete")
        await app.until(lambda: profile(app).api_key is None)
        assert not key.exists()


async def test_a_key_that_stands_in_the_file_is_moved_out_of_it(drive: Drive) -> None:
    config = MINE.replace('model = "model-a"', 'model = "model-a"\napi_key = "sk-1234"')
    async with drive(config=config) as app:
        await form(app, "api_key")
        assert "enter twice moves it out of the file" in app.text()
        assert "sk-1234" not in app.text()
        await app.pilot.press("enter", "enter")
        await app.until(lambda: "file:" in row(app, "api_key"))
        assert "sk-1234" not in written(app)


async def test_a_header_that_may_hold_a_key_is_not_shown(drive: Drive) -> None:
    config = MINE.replace('model = "model-a"', 'model = "model-a"\nheaders = { X-Api-Key = "sk-1234" }')
    async with drive(config=config) as app:
        await form(app, "headers")
        assert "(hidden)" in row(app, "headers")
        await app.pilot.press("enter")
        await app.pilot.pause()
        assert "sk-1234" not in app.text()


async def test_a_profile_that_is_broken_can_be_mended(drive: Drive) -> None:
    config = MINE.replace('model = "model-b"', 'model = "model-b"\ntimeout = "long"')
    async with drive(config=config) as app:
        await listed(app)
        assert row(app, "second").endswith("broken")
        await app.type("second")
        await app.pilot.press("enter")
        # However long the path before it is, and wherever that breaks the words.
        await app.until(lambda: "a number, got a string" in " ".join(app.text().replace("│", " ").split()))
        await app.type("two signs of life")
        await app.pilot.press("enter", "ctrl+u", *"30", "enter")
        await app.until(lambda: "second" in app.runtime.config.chat.profiles)
        assert profile(app, "second").timeout == 30


@pytest.mark.parametrize("size", SCREENS)
async def test_a_profile_is_tried_step_by_step(
    drive: Drive, script: Script, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    script.upstream = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    script.say(TextDelta("hello"))
    async with listener, drive(config=MINE, size=size) as app:
        await listed(app)
        await app.pilot.press("ctrl+t")
        await app.until_shown("It works.")
        steps = ["✓ address", "✓ models", "✓ answer"] if size[0] >= 80 else ["✓ answer"]
        assert [step for step in steps if step not in flat(app)] == []
        await app.pilot.press("escape")
        await app.until(lambda: "It works." not in app.text())


async def test_a_server_that_is_away_is_told_in_the_trial(drive: Drive, script: Script) -> None:
    script.upstream = "http://127.0.0.1:9"
    async with drive(config=MINE) as app:
        await form(app)
        await app.pilot.press("ctrl+t")
        await app.until_shown("It cannot be used like this.")
        assert "✗ address" in flat(app)
