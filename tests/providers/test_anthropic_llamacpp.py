"""Anthropic's shape against llama.cpp's own server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from pluma_tui.core.chat import ChatRequest, Message, Sampling, Tool, ToolCall, ToolResult
from pluma_tui.core.errors import ConnectionDropped, ContextExceeded, NotFound, Unauthorized
from pluma_tui.core.events import Finished, TextDelta, UsageUpdate
from pluma_tui.core.profile import ConnectionProfile, SecretRef
from pluma_tui.providers import registry
from pluma_tui.providers.base import CountsTokens, Provider
from pluma_tui.transport.http import ClientPool
from tests.providers.feeding import Outcome, listen
from tests.servers.llamacpp import CONTEXT, LlamaServer

WEATHER = Tool("get_weather", "", {"type": "object", "properties": {"city": {"type": "string"}}})


@pytest.fixture
async def pool() -> AsyncIterator[ClientPool]:
    pool = ClientPool()
    yield pool
    await pool.aclose()


def provider(pool: ClientPool, base_url: str, key: str) -> Provider:
    async def secret(_: SecretRef, *, newer_than: float = 0.0) -> str:
        return key

    plugin = registry.load("anthropic")
    profile = ConnectionProfile(compat="anthropic", base_url=base_url, api_key=SecretRef("env", "KEY"))
    client = pool.client(
        profile,
        secret=secret,
        default_path=plugin.default_path,
        auth_header=plugin.auth.header,
        auth_prefix=plugin.auth.prefix,
    )
    return plugin.factory(profile, client)


def question(text: str, **more: object) -> ChatRequest:
    return ChatRequest(model="micro", messages=(Message(role="user", text=text),), **more)  # type: ignore[arg-type]


async def heard(server: Provider, request: ChatRequest) -> Outcome:
    """What it answers. A kept connection may be closed at that very moment: the runtime asks again, too."""
    outcome = await listen(server, request)
    return await listen(server, request) if isinstance(outcome.error, ConnectionDropped) else outcome


@pytest.fixture
def server(pool: ClientPool, llama: LlamaServer) -> Provider:
    return provider(pool, llama.url, llama.key)


@pytest.mark.parametrize(
    ("word", "text", "reasoning"),
    [
        ("hello", "Hello from a tiny scripted model.", ""),
        ("think", "Answer: **42**", "Let me think; 6*7 = 42\n"),
        ("unicode", "Café 🎉 日本 \u2028sep ال", ""),
        (
            "markdown",
            "# Title\n\n- item one\n- item *two*\n\n```python\nprint(\"hi\")\n```\n\n"
            "| a | b |\n|---|---|\n| 1 | 2 |\n\nInline `code` and [link](https://example.com) done",
            "",
        ),
    ],
)  # fmt: skip
async def test_every_word_brings_its_answer(server: Provider, word: str, text: str, reasoning: str) -> None:
    outcome = await listen(server, question(word))
    assert (outcome.text, outcome.reasoning, outcome.error) == (text, reasoning, None)
    assert outcome.events[-1] == Finished("complete")


async def test_a_tool_is_called_and_its_result_answered(server: Provider) -> None:
    asked = question("weather", tools=(WEATHER,))
    outcome = await listen(server, asked)
    [(id_, name, arguments)] = outcome.calls
    assert (name, arguments) == ("get_weather", '{"city": "Paris"}')
    assert outcome.events[-1] == Finished("tool_calls")
    call = Message(role="assistant", parts=(ToolCall(id_, name, arguments),))
    result = Message(role="tool", parts=(ToolResult(id_, "sunny"),))
    again = ChatRequest(model="micro", messages=(*asked.messages, call, result), tools=(WEATHER,))
    outcome = await heard(server, again)
    assert (outcome.error, outcome.text) == (None, "The tool said it is sunny!")


async def test_a_limit_ends_a_long_answer_and_counts_it(server: Provider) -> None:
    outcome = await listen(server, question("long", sampling=Sampling(max_tokens=12)))
    assert outcome.events[-1] == Finished("length")
    usage = outcome.events[-2].usage  # type: ignore[union-attr]
    assert usage.output == 12
    assert usage.input > 10


async def test_stopping_frees_the_slot_within_a_second(server: Provider, llama: LlamaServer) -> None:
    async with aclosing(server.stream(question("long"))) as stream:
        while not isinstance(await anext(stream), TextDelta):
            pass
    async with httpx.AsyncClient(trust_env=False, headers={"Authorization": f"Bearer {llama.key}"}) as client:
        async with asyncio.timeout(1):
            while any(slot["is_processing"] for slot in (await client.get(f"{llama.url}/slots")).json()):
                pass


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
async def test_the_base_url_may_be_written_in_any_way(
    pool: ClientPool, llama: LlamaServer, path: str
) -> None:
    outcome = await listen(provider(pool, llama.url + path, llama.key), question("hello"))
    assert outcome.text == "Hello from a tiny scripted model."


async def refused(pool: ClientPool, url: str, key: str, text: str = "hello") -> Outcome:
    outcome = await listen(provider(pool, url, key), question(text))
    assert not outcome.events
    return outcome


async def test_a_wrong_key_is_unauthorized(pool: ClientPool, llama: LlamaServer) -> None:
    error = (await refused(pool, llama.url, "sk-wrong")).error
    assert isinstance(error, Unauthorized)
    assert "Invalid API Key" in str(error)
    assert "sk-wrong" not in str(error)


async def test_a_wrong_path_is_not_found(pool: ClientPool, llama: LlamaServer) -> None:
    error = (await refused(pool, llama.url + "/nowhere", llama.key)).error
    assert isinstance(error, NotFound)
    assert llama.url + "/nowhere" in str(error)


async def test_too_long_a_conversation_is_told_with_its_numbers(pool: ClientPool, llama: LlamaServer) -> None:
    error = (await refused(pool, llama.url, llama.key, "x" * 2 * CONTEXT)).error
    assert isinstance(error, ContextExceeded)
    assert error.limit == CONTEXT
    assert error.tokens > 2 * CONTEXT


async def test_the_model_is_listed_with_its_context(server: Provider) -> None:
    [model] = await server.models()
    assert (model.id, model.context) == ("micro", CONTEXT)


@pytest.mark.parametrize("more", [{}, {"system": "Be terse."}, {"tools": (WEATHER,)}])
async def test_it_counts_the_tokens_that_an_answer_then_takes(server: Provider, more: dict[str, Any]) -> None:
    assert isinstance(server, CountsTokens)
    asked = question("hello", **more)
    counted = await server.count(asked)
    outcome = await heard(server, asked)
    assert [event.usage for event in outcome.events if isinstance(event, UsageUpdate)][-1].input == counted


async def test_a_second_question_finds_the_first_one_in_the_cache(server: Provider) -> None:
    asked = question("hello", system="Say hello " * 20)
    await listen(server, asked)
    usage = [event.usage for event in (await heard(server, asked)).events if isinstance(event, UsageUpdate)]
    assert usage[-1].input >= usage[-1].cached > 0


async def test_an_answer_that_comes_at_once_is_the_same(server: Provider) -> None:
    outcome = await listen(server, question("think", options={"stream": False}))
    assert (outcome.text, outcome.reasoning) == ("Answer: **42**", "Let me think; 6*7 = 42\n")
    assert outcome.events[-1] == Finished("complete")


@pytest.mark.parametrize(
    "thinking", [True, False, "adaptive", 2048, {"type": "enabled", "budget_tokens": 1024}]
)
async def test_thinking_can_be_asked_for_in_every_way(server: Provider, thinking: Any) -> None:
    outcome = await listen(server, question("think", options={"thinking": thinking}))
    assert (outcome.error, outcome.text) == (None, "Answer: **42**")
