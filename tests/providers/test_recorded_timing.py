"""Recorded answers in the very pieces and at the very moments in which they came."""

import pytest

from pluma_tui.core.events import Finished
from pluma_tui.transport.http import ClientPool
from tests.conftest import DATA
from tests.providers.conformance import play
from tests.providers.feeding import listen, make_provider
from tests.servers.replay import recorded, replay


@pytest.mark.parametrize(
    ("compat", "name"),
    [
        ("openai", "micro-md"),
        ("llamacpp", "micro-md"),
        ("openai", "transformers-text-stream"),
        ("anthropic", "llamacpp-anth-tool-stream"),
    ],
)
async def test_an_answer_is_the_same_at_the_pace_it_was_given(compat: str, name: str) -> None:
    http = DATA / "chat" / f"{name}.http"
    pool = ClientPool()
    async with replay(recorded(http)) as server:
        paced = await listen(make_provider(compat, server.url, pool))
    await pool.aclose()
    assert isinstance(paced.events[-1], Finished)
    sse = http.with_suffix(".sse")
    if sse.exists():
        at_once = await play(compat, sse.read_bytes())
        assert (paced.text, paced.calls) == (at_once.text, at_once.calls)
    assert paced.text or paced.calls
