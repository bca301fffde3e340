"""Ollama's own client reads the same answers: it must come to the same as ours does."""

import json
from typing import Any

import pytest

from pluma_tui.core.chat import ChatRequest, Message, Sampling, Tool
from pluma_tui.core.events import Finished, UsageUpdate
from pluma_tui.providers.ollama import Ollama
from pluma_tui.transport.http import ClientPool
from tests.providers.feeding import QUESTION, listen, make_provider
from tests.servers.ollama import Model, OllamaServer, ollama_server

sdk = pytest.importorskip("ollama", reason="Ollama's own client is not installed: pip install ollama")

ALL = ("completion", "tools", "thinking")
WEATHER = Tool(
    "get_weather", "The weather of a town", {"type": "object", "properties": {"city": {"type": "string"}}}
)


async def by_sdk(server: OllamaServer) -> dict[str, Any]:
    """What the SDK makes of an answer: text, thinking, tool calls, counts and reason."""
    stream = await sdk.AsyncClient(host=server.url).chat(
        "m",
        [{"role": "user", "content": "hi"}],
        tools=[{"type": "function", "function": {"name": WEATHER.name, "parameters": WEATHER.parameters}}],
        think=True,
        options={"num_ctx": 2048},
        stream=True,
    )
    parts = [part async for part in stream]
    calls = [call.function for part in parts for call in part.message.tool_calls or ()]
    return {
        "text": "".join(part.message.content or "" for part in parts),
        "thinking": "".join(part.message.thinking or "" for part in parts),
        "calls": [(call.name, dict(call.arguments)) for call in calls],
        "counts": (parts[-1].prompt_eval_count, parts[-1].eval_count),
        "length": parts[-1].done_reason == "length",
    }


async def by_us(server: OllamaServer) -> dict[str, Any]:
    pool = ClientPool()
    request = ChatRequest(
        model="m",
        messages=(Message(role="user", text="hi"),),
        tools=(WEATHER,),
        sampling=Sampling(context_size=2048),
        options={"think": True},
    )
    outcome = await listen(make_provider("ollama", server.url, pool), request)
    await pool.aclose()
    (usage,) = [event.usage for event in outcome.events if isinstance(event, UsageUpdate)]
    return {
        "text": outcome.text,
        "thinking": outcome.reasoning,
        "calls": [(name, json.loads(arguments)) for _, name, arguments in outcome.calls],
        "counts": (usage.input, usage.output),
        "length": outcome.events[-1] == Finished("length"),
    }


@pytest.mark.parametrize("says", ["text", "think", "tools", "tools-old", "length"])
async def test_both_clients_read_the_same(says: str) -> None:
    async with ollama_server(models={"m:latest": Model(says, ALL)}) as server:
        ours, theirs = await by_us(server), await by_sdk(server)
        asked = server.bodies("/api/chat")
    assert ours == theirs
    assert any(ours[part] for part in ("text", "thinking", "calls"))
    assert [body["options"] for body in asked] == [{"num_ctx": 2048}] * 2


async def test_both_clients_end_in_the_same_error() -> None:
    async with ollama_server(models={"m:latest": Model("error", ALL)}) as server:
        outcome = await listen(make_provider("ollama", server.url, ClientPool()), QUESTION)
        with pytest.raises(sdk.ResponseError) as caught:
            await by_sdk(server)
    assert outcome.error is not None
    assert caught.value.error in outcome.error.message


async def test_both_clients_see_the_same_models() -> None:
    models = {"m:latest": Model(capabilities=ALL), "x:3b": Model(capabilities=("embedding",), context=512)}
    async with ollama_server(models=models, loaded={"x:3b": 512}, library=("new",)) as server:
        pool, client = ClientPool(), sdk.AsyncClient(host=server.url)
        provider = make_provider("ollama", server.url, pool)
        assert isinstance(provider, Ollama)
        ours, theirs = await provider.models(), (await client.list()).models
        assert [(one.id, one.size) for one in ours] == [(one.model, one.size) for one in theirs]
        loaded = [one.model for one in (await client.ps()).models]
        assert [one.id for one in ours if one.loaded] == loaded
        shown = await client.show("x:3b")
        assert (await provider.describe("x:3b")).traits == tuple(shown.capabilities or ())
        steps = [step async for step in provider.pull("new")]
        told = [step async for step in await client.pull("new", stream=True)]
        assert [step.message for step in steps] == [step.status for step in told]
        await client.delete("new")
        assert [one.id for one in await provider.models()] == ["m:latest", "x:3b"]
        await pool.aclose()
