"""Choosing who answers, in the middle of a chat."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pluma_tui.core.errors import Unreachable
from pluma_tui.core.events import Finished, TextDelta
from pluma_tui.core.models import ModelInfo, Price
from pluma_tui.widgets.statusline import StatusLine
from tests.screens.conftest import CONFIG, Drive, Driven, Script
from tests.servers.by_path import by_path
from tests.servers.replay import Play, replay

SCREENS = [(80, 24), (40, 15), (200, 60)]
MODELS = {"object": "list", "data": [{"id": "model-a"}]}


def status(app: Driven) -> StatusLine:
    return app.pilot.app.screen_stack[1].query_one(StatusLine)


def line(app: Driven, text: str) -> str:
    """The first line on the screen that holds `text`."""
    return next(line for line in app.text().splitlines() if text in line)


@asynccontextmanager
async def servers() -> AsyncIterator[str]:
    """A config with servers in every state."""
    async with (
        by_path({"/v1/models": (200, MODELS)}) as good,
        by_path({"/v1/models": (401, {})}) as closed,
        replay(Play(b"", silent=True)) as silent,
    ):
        addresses = {
            "good": f"http://127.0.0.1:{good.port}",
            "closed": f"http://127.0.0.1:{closed.port}",
            "silent": silent.url,
            "nobody": "http://127.0.0.1:9",
        }
        tables = [
            f'[chat.profiles.{name}]\ncompat = "openai"\nbase_url = "{url}"\nmodel = "m"\n'
            for name, url in addresses.items()
        ]
        yield "".join(tables)


@pytest.mark.parametrize("size", SCREENS)
async def test_the_list_of_profiles_says_how_their_servers_are(drive: Drive, size: tuple[int, int]) -> None:
    async with servers() as config, drive(config=config, size=size) as app:
        await app.pilot.press("f2")
        await app.until_shown("answers")
        await app.until_shown("wants a key")
        await app.until_shown("nobody answers")
        assert "answers" in line(app, "● good")
        assert "…" in line(app, "silent")


async def test_keys_are_not_kept_waiting_by_a_server_that_says_nothing(drive: Drive) -> None:
    async with servers() as config, drive(config=config) as app:
        await app.pilot.press("f2")
        await app.type("sile")
        await app.pilot.press("enter")
        await app.until(lambda: status(app).profile == "silent")


async def test_a_state_that_comes_while_the_list_is_narrowed_finds_its_row(
    drive: Drive, script: Script
) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def models() -> list[ModelInfo]:
        asked.set()
        await go_on.wait()
        return []

    script.models = models  # type: ignore[method-assign]
    async with drive() as app:
        await app.pilot.press("f2")
        await app.type("seco")
        await asked.wait()
        go_on.set()
        await app.until(lambda: "answers" in line(app, "second"))
        assert "model-a" not in app.text().split("Profile")[1].split("╰")[0]


async def test_the_address_in_the_list_shows_no_password(drive: Drive) -> None:
    config = '[chat.profiles.home]\ncompat = "scripted"\nbase_url = "http://me:sesame@box:80"\n'
    async with drive(config=config) as app:
        await app.pilot.press("f2")
        await app.until_shown("me:(hidden)@box")
        assert "sesame" not in app.text()


async def test_a_switch_is_shown_in_the_transcript(drive: Drive) -> None:
    async with drive() as app:
        await app.ask("hi")
        app.script.say(TextDelta("hello"), Finished("complete"))
        await app.until_shown("hello")
        await app.pilot.press("f2")
        await app.type("second")
        await app.pilot.press("enter")
        await app.until_shown("From here on second · model-b answers.")


@pytest.mark.parametrize("size", SCREENS)
async def test_models_say_what_they_hold_can_do_and_cost(
    drive: Drive, script: Script, size: tuple[int, int]
) -> None:
    script.offered = [
        ModelInfo("small", context=8192, traits=("tools",), size=4_100_000_000, loaded=True),
        ModelInfo("large\x1b[2Jscreen", context=200_000, traits=("vision",), price=Price(3, 15)),
    ]
    async with drive(size=size) as app:
        await app.pilot.press("f3")
        await app.until_shown("8,192 tokens · tools · 4.1 GB")
        assert "loaded" in line(app, "small")
        assert "200,000 tokens · vision" in app.text()
        assert "largescreen" in app.text()


async def test_a_server_without_a_list_is_told_and_a_name_may_be_typed(drive: Drive, script: Script) -> None:
    async def models() -> list[ModelInfo]:
        raise Unreachable("nobody answers at 127.0.0.1:9")

    script.models = models  # type: ignore[method-assign]
    async with drive() as app:
        await app.pilot.press("f3")
        await app.until_shown("A name may be typed all the same.")
        assert "nobody answers at 127.0.0.1:9" in app.text()
        await app.type("my-own")
        await app.until_shown("as it is written")
        await app.pilot.press("enter")
        await app.until_shown("From here on first · my-own answers.")
        await app.ask("hi")
        assert script.requests[0].model == "my-own"


async def test_a_model_may_be_typed_while_the_list_is_still_being_asked_for(
    drive: Drive, script: Script
) -> None:
    async def models() -> list[ModelInfo]:
        await asyncio.Event().wait()
        return []

    script.models = models  # type: ignore[method-assign]
    async with drive() as app:
        await app.pilot.press("f3")
        await app.until_shown("asking the server")
        await app.type("quick")
        await app.pilot.press("enter")
        await app.until(lambda: status(app).model == "quick")


async def test_a_name_in_the_list_goes_before_the_same_name_typed(drive: Drive) -> None:
    async with drive(config=CONFIG) as app:
        await app.pilot.press("f3")
        await app.until_shown("model-z")
        await app.type("model-z")
        await app.until(lambda: "model-a" not in app.text().split("Model of first")[1].split("╰")[0])
        assert "as it is written" not in app.text()
