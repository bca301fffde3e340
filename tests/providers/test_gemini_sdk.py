"""Google's own client reads the same server to the same answer."""

import json
from typing import Any

import pytest

from pluma_tui.core.chat import Usage
from pluma_tui.core.events import UsageUpdate
from pluma_tui.transport.http import ClientPool
from tests.conftest import DATA
from tests.providers.feeding import KEY, listen, make_provider
from tests.servers.replay import answer, replay

genai: Any = pytest.importorskip("google.genai", reason="Google's client is not installed")


@pytest.mark.parametrize("name", ["text", "think", "tools", "length", "sources"])
async def test_googles_client_hears_the_same(name: str) -> None:
    body = (DATA / "chat" / f"synthetic-gemini-{name}.sse").read_bytes()
    async with replay(answer(body)) as server:
        pool = ClientPool()
        outcome = await listen(make_provider("gemini", server.url, pool))
        await pool.aclose()
        address = genai.types.HttpOptions(base_url=server.url, api_version="v1beta")
        client = genai.Client(api_key=KEY, http_options=address).aio
        stream = await client.models.generate_content_stream(model="m", contents="hi")
        chunks = [chunk async for chunk in stream]
        await client.aclose()
    contents = [chunk.candidates[0].content for chunk in chunks if chunk.candidates[0].content]
    parts = [part for content in contents for part in content.parts or ()]
    assert outcome.text == "".join(part.text for part in parts if part.text and not part.thought)
    assert outcome.reasoning == "".join(part.text for part in parts if part.text and part.thought)
    calls = [part.function_call for part in parts if part.function_call]
    assert [(call.name, call.args) for call in calls] == [
        (called, json.loads(arguments)) for _, called, arguments in outcome.calls
    ]
    told = chunks[-1].usage_metadata
    thought = told.thoughts_token_count or 0
    asked = told.prompt_token_count + (told.tool_use_prompt_token_count or 0)
    cached = told.cached_content_token_count or 0
    counted = [event.usage for event in outcome.events if isinstance(event, UsageUpdate)]
    assert counted[-1] == Usage(asked, told.candidates_token_count + thought, thought, cached)
    [ours, theirs] = server.requests
    assert (ours.method, ours.path) == (theirs.method, theirs.path)
    assert ours.headers["x-goog-api-key"] == theirs.headers["x-goog-api-key"]
