"""OpenAI's own client reads the same bytes to the same answer."""

import pytest

from pluma_tui.core.chat import Usage
from pluma_tui.core.events import UsageUpdate
from pluma_tui.transport.http import ClientPool
from tests.conftest import DATA
from tests.providers.feeding import KEY, listen, make_provider
from tests.servers.replay import answer, replay

openai = pytest.importorskip("openai", reason="OpenAI's client is not installed")


@pytest.mark.parametrize("name", ["text", "think", "tools", "length", "refusal", "sources"])
async def test_openais_client_hears_the_same(name: str) -> None:
    body = (DATA / "chat" / f"synthetic-responses-{name}.sse").read_bytes()
    async with replay(answer(body)) as server:
        pool = ClientPool()
        outcome = await listen(make_provider("openai-responses", server.url, pool))
        await pool.aclose()
        async with openai.AsyncOpenAI(api_key=KEY, base_url=f"{server.url}/v1", max_retries=0) as client:
            events = await client.responses.create(model="m", input="hi", stream=True)
            last = [event async for event in events][-1].response
    messages = [item for item in last.output if item.type == "message"]
    refusals = [part.refusal for item in messages for part in item.content if part.type == "refusal"]
    assert outcome.text == last.output_text + "".join(refusals)
    assert outcome.calls == [
        (item.call_id, item.name, item.arguments) for item in last.output if item.type == "function_call"
    ]
    theirs = last.usage
    details = (theirs.output_tokens_details.reasoning_tokens, theirs.input_tokens_details.cached_tokens)
    counted = Usage(theirs.input_tokens, theirs.output_tokens, *details)
    assert UsageUpdate(counted) in outcome.events
    [ours, sdks] = server.requests
    assert (ours.path, ours.headers["authorization"]) == (sdks.path, sdks.headers["authorization"])
