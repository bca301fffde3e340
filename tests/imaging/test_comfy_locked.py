"""A ComfyUI behind a proxy that lets nobody in without a key: not at its routes, not at its websocket."""

from typing import Any

import pytest

from pluma_tui.core.errors import Unauthorized
from pluma_tui.core.images import Preview, Progress
from pluma_tui.core.profile import SecretRef
from tests.imaging.comfy_jobs import CAT
from tests.imaging.conformance import KEY, connected, ends_once, keeps_the_secret, listen
from tests.servers.comfy import comfy

REF = SecretRef("env", "KEY")
BEARER = ("Authorization", f"Bearer {KEY}")
BASIC = ("Authorization", "Basic YW5uOmEta2V5LXRoYXQtbm9ib2R5LW1heS1zZWU=")
KEYS: list[tuple[tuple[str, str], dict[str, Any]]] = [
    (BEARER, {"api_key": REF}),
    (BASIC, {"auth": REF}),
    (("X-Key", "blue"), {"headers": {"X-Key": "blue"}}),
    (("X-Key", "blue"), {"headers": {"X-Key": "blue"}, "api_key": REF}),
]


def with_key(url: str) -> str:
    return url.replace("://", f"://{KEY}@")


@pytest.mark.parametrize(("lock", "settings"), KEYS)
async def test_the_key_opens_routes_and_websocket(lock: tuple[str, str], settings: dict[str, Any]):
    async with comfy(lock=lock) as server, connected("comfy", server.url, **settings) as box:
        outcome = await listen(box, CAT)
    ends_once(outcome)
    assert outcome.of(Progress)  # which only the websocket tells
    assert outcome.of(Preview)
    assert server.asked.count("GET /ws") == 1


async def test_name_and_password_in_the_address_do_so_too():
    async with comfy(lock=BASIC) as server, connected("comfy", with_key(server.url)) as box:
        outcome = await listen(box, CAT)
        assert KEY not in box.upstream
    ends_once(outcome)
    assert outcome.of(Progress)


@pytest.mark.parametrize("settings", [{}, {"auth": REF}, {"headers": {"Authorization": "Bearer old"}}])
async def test_without_the_right_one_nobody_is_let_in(settings: dict[str, Any]):
    async with comfy(lock=BEARER) as server, connected("comfy", server.url, **settings) as box:
        outcome = await listen(box, CAT)
        with pytest.raises(Unauthorized):
            await box.ping()
    assert isinstance(outcome.error, Unauthorized)
    keeps_the_secret(outcome.error)
    assert not server.prompts
    assert server.asked.count("GET /ws") <= 1
