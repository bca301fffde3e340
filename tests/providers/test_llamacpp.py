"""What llama.cpp's own server has beyond Chat Completions: against the real one where it can be had."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluma_tui.core.chat import ChatRequest, Message, Sampling, Tool, ToolCall, ToolResult
from pluma_tui.core.errors import ContextExceeded, NotFound, ProviderError, Refused
from pluma_tui.core.events import Finished, Notice, TextDelta, UsageUpdate
from pluma_tui.core.models import ModelInfo
from pluma_tui.providers.base import CountsTokens, DescribesModels, LoadsModels
from pluma_tui.providers.llamacpp import LlamaCpp, ProgressReader
from pluma_tui.transport.http import ClientPool
from tests.conftest import DATA
from tests.providers.feeding import KEY, Fed, listen, make_provider, response
from tests.servers.http import Answer, serving
from tests.servers.llamacpp import CONTEXT, LlamaServer, run
from tests.servers.replay import Request

WEATHER = Tool("get_weather", "Tells it.", {"type": "object", "properties": {"city": {"type": "string"}}})


def made(url: str, pool: ClientPool, key: str = KEY, **profile: Any) -> LlamaCpp:
    headers = {"Authorization": f"Bearer {key}"}
    provider = make_provider("llamacpp", url, pool, api_key=None, headers=headers, **profile)
    assert isinstance(provider, LlamaCpp)
    return provider


@pytest.fixture
async def pool() -> AsyncIterator[ClientPool]:
    pool = ClientPool()
    yield pool
    await pool.aclose()


@pytest.fixture
def server(pool: ClientPool, llama: LlamaServer) -> LlamaCpp:
    return made(llama.url, pool, llama.key)


def question(text: str = "hello", **more: Any) -> ChatRequest:
    return ChatRequest(model="", messages=(Message(role="user", text=text),), **more)


LONG_TALK = (
    Message(role="user", text="weather"),
    Message(role="assistant", parts=(ToolCall("a", "get_weather", '{"city": "Paris"}'),)),
    Message(role="tool", parts=(ToolResult("a", "sunny"),)),
    Message(role="assistant", text="It is sunny.", reasoning="Let me see."),
    Message(role="user", text="Thanks, 日本 \u2028 🎉!"),
)
TALKS = [
    question(),
    question(system="Be terse."),
    question("weather", tools=(WEATHER,)),
    question("think", options={"chat_template_kwargs": {"enable_thinking": False}}),
    ChatRequest(model="", messages=LONG_TALK, tools=(WEATHER,), system="Be terse."),
]


@pytest.mark.parametrize("asked", TALKS)
async def test_the_count_is_what_the_answer_says_was_read(server: LlamaCpp, asked: ChatRequest) -> None:
    counted = await server.count(asked)
    outcome = await listen(server, asked)
    [used] = [event.usage for event in outcome.events if isinstance(event, UsageUpdate)]
    assert counted == used.input


@pytest.mark.parametrize("asked", TALKS)
async def test_an_older_build_counts_by_its_template(llama: LlamaServer, asked: ChatRequest) -> None:
    class Older(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("input_tokens"):
                request.url = request.url.copy_with(path="/v1/no-such-route")
            return await super().handle_async_request(request)

    transports = [Older(), httpx.AsyncHTTPTransport()]
    older, newer = (made(llama.url, ClientPool(transport=each), llama.key) for each in transports)
    assert await older.count(asked) == await newer.count(asked) > 10
    for transport in transports:
        await transport.aclose()


async def test_the_model_is_described(server: LlamaCpp) -> None:
    described = await server.describe("")
    assert described.label.startswith("all F32, llama.cpp ")
    assert (described.id, described.context, described.loaded) == ("micro", CONTEXT, True)
    assert described.traits == ("tools", "thinking")
    assert await server.describe("any name") == described


async def test_a_slot_at_work_is_told(pool: ClientPool, llama: LlamaServer) -> None:
    asking, looking = (made(llama.url, pool, llama.key) for _ in range(2))
    async with aclosing(asking.stream(question("long"))) as stream:
        assert isinstance(await anext(stream), TextDelta)
        assert (await looking.describe("")).label.endswith(", 1 slots busy")


async def test_a_grammar_holds_the_answer(server: LlamaCpp) -> None:
    outcome = await listen(server, question(options={"grammar": 'root ::= "Hello tiny"'}))
    assert outcome.text == "Hello tiny"
    schema = {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}
    outcome = await listen(
        server, question(options={"json_schema": schema}, sampling=Sampling(max_tokens=200))
    )
    assert outcome.text.lstrip().startswith("{")


async def test_a_grammar_that_is_none_is_refused_with_the_servers_words(server: LlamaCpp) -> None:
    outcome = await listen(server, question(options={"grammar": "root :== "}))
    assert isinstance(outcome.error, Refused)
    assert "grammar" in outcome.error.message


async def test_samplers_are_taken(server: LlamaCpp) -> None:
    options = {
        "mirostat": 2,
        "dry_multiplier": 0.8,
        "xtc_probability": 0.1,
        "n_probs": 2,
        "cache_prompt": False,
    }
    settings = Sampling(temperature=0.0, repetition_penalty=1.0, min_p=0.1, seed=1)
    outcome = await listen(server, question(options=options, sampling=settings))
    assert (outcome.error, outcome.events[-1]) == (None, Finished("complete"))


async def test_times_are_the_servers_own(server: LlamaCpp) -> None:
    outcome = await listen(server, question("think"))
    [used] = [event.usage for event in outcome.events if isinstance(event, UsageUpdate)]
    assert used.rate > 0
    assert 0 < used.first < 10


async def test_stopping_frees_the_slot_within_a_second(server: LlamaCpp, llama: LlamaServer) -> None:
    async with aclosing(server.stream(question("long"))) as stream:
        assert isinstance(await anext(stream), TextDelta)
    async with httpx.AsyncClient(trust_env=False, headers={"Authorization": f"Bearer {llama.key}"}) as client:
        async with asyncio.timeout(1):
            while any(slot["is_processing"] for slot in (await client.get(f"{llama.url}/slots")).json()):
                pass


@pytest.fixture(scope="module")
def roomy(scripted_model: Path) -> Iterator[LlamaServer]:
    """A server with room for a prompt that it reads in several pieces."""
    pytest.importorskip("xllamacpp")
    with run(scripted_model, context=16_384) as server:
        yield server


async def test_how_far_a_long_prompt_is_read_comes_as_the_server_tells_it(
    pool: ClientPool, roomy: LlamaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pluma_tui.providers.llamacpp._EVERY", 1)
    outcome = await listen(made(roomy.url, pool, roomy.key), question("word " * 2500))
    told = [event.message for event in outcome.events if isinstance(event, Notice)]
    assert len(told) >= 3
    percents = [int(words.removeprefix("Reading the prompt: ").removesuffix("%")) for words in told]
    assert percents == sorted(set(percents))
    assert 0 < percents[0] < percents[-1] < 100
    assert outcome.text == "Hello from a tiny scripted model."


async def test_a_short_prompt_needs_no_word(server: LlamaCpp) -> None:
    outcome = await listen(server, question())
    assert not [event for event in outcome.events if isinstance(event, Notice)]


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
async def test_native_routes_lie_beside_v1(pool: ClientPool, llama: LlamaServer, path: str) -> None:
    assert (await made(llama.url + path, pool, llama.key).describe("")).context == CONTEXT


async def test_a_server_of_one_model_says_that_it_loads_none(server: LlamaCpp) -> None:
    for attempt in (server.unload(), server.unload("micro"), anext(server.load("micro"))):
        with pytest.raises(ProviderError, match="the one model it was started with") as caught:
            await attempt
        assert "router" in caught.value.hint


async def test_too_long_a_conversation_is_told_with_its_numbers(server: LlamaCpp) -> None:
    error = (await listen(server, question("x" * 2 * CONTEXT))).error
    assert isinstance(error, ContextExceeded)
    assert error.limit == CONTEXT


def test_it_says_what_it_can() -> None:
    provider = Fed(lambda _: response(b"")).provider("llamacpp")
    assert isinstance(provider, CountsTokens)
    assert isinstance(provider, DescribesModels)
    assert isinstance(provider, LoadsModels)


OK = b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n'


async def test_progress_is_asked_for_and_the_context_is_told_as_fixed() -> None:
    fed = Fed(lambda _: response(OK))
    sampling = Sampling(repetition_penalty=1.1, context_size=512)
    outcome = await listen(fed.provider("llamacpp"), question(sampling=sampling, options={"mirostat": 2}))
    [told] = [event.message for event in outcome.events if isinstance(event, Notice)]
    assert "context_size is not used" in told
    assert json.loads(fed.requests[0].content) == {
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "repeat_penalty": 1.1,
        "mirostat": 2,
        "return_progress": True,
    }


def progress(time: Any, processed: Any, total: Any = 1000) -> dict[str, Any]:
    told = {"total": total, "cache": 0, "processed": processed, "time_ms": time}
    return {"choices": [{"index": 0, "delta": {"content": None}}], "prompt_progress": told}


def test_progress_is_told_once_a_second_and_never_as_done() -> None:
    reader = ProgressReader()
    steps = [(0, 0), (400, 100), (1000, 250), (1900, 400), (2100, 555), (9000, 1000)]
    told = [event for step in steps for event in reader.read(progress(*step))]
    assert told == [Notice("Reading the prompt: 25%"), Notice("Reading the prompt: 55%")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.sampled_from(["prompt_progress", "choices", "usage", "timings"]), JSON))
def test_no_document_breaks_the_reader(document: dict[str, Any]) -> None:
    reader = ProgressReader()
    list(reader.read(document))
    list(reader.close())


@given(JSON, JSON, JSON)
def test_no_number_breaks_the_progress(time: Any, processed: Any, total: Any) -> None:
    list(ProgressReader().read(progress(time, processed, total)))


async def test_what_props_say_is_read_from_a_recording() -> None:
    props = json.loads((DATA / "chat" / "llamacpp-props.json").read_bytes())
    models = (DATA / "chat" / "xl-models.http").read_bytes().partition(b"\r\n\r\n")[2]
    answers = {"/v1/models": models, "/props": json.dumps({**props, "endpoint_slots": False}).encode()}
    fed = Fed(lambda request: response(answers[request.url.path], kind="application/json"))
    described = await fed.provider("llamacpp").describe("")  # type: ignore[attr-defined]
    assert described == ModelInfo(
        "smollm2",
        f"135M, Q4_1, llama.cpp {props['build_info']}",
        context=4096,
        traits=("tools", "thinking"),
        size=96_576_768,
        loaded=True,
    )


@pytest.mark.parametrize("nonsense", [b"[]", b"{}", b'"x"', b'{"data": 3}', b'{"data": [{"status": 1}]}'])
async def test_nonsense_in_place_of_facts_raises_nothing_but_provider_errors(nonsense: bytes) -> None:
    fed = Fed(lambda _: response(nonsense, kind="application/json"))
    provider: Any = fed.provider("llamacpp")
    for attempt in (provider.describe(""), provider.count(question()), provider.unload("x")):
        with suppress(ProviderError):
            await attempt


class Router:
    """A server in router mode; a model takes three looks to load, and `broken` never does."""

    def __init__(self) -> None:
        self.states = {"big": "unloaded", "small": "loaded", "broken": "unloaded"}
        self.steps = 3
        self.asked: list[tuple[str, Any]] = []

    async def answer(self, request: Request) -> Answer:
        path = request.path.partition("?")[0]
        if request.method == "POST":
            self.asked.append((path, request.json))
            return self._told(path, request.json["model"])
        if path in ("/models", "/v1/models"):
            self._step()
            listed = [{"id": name, "status": self._status(name)} for name in self.states]
            return 200, {"object": "list", "data": listed}
        assert "autoload=false" in request.path
        return 200, {"default_generation_settings": {"n_ctx": 4096}, "build_info": "b7777"}

    def _told(self, path: str, model: str) -> Answer:
        if model not in self.states:
            return 404, {"error": {"code": 404, "message": "model not found", "type": "not_found_error"}}
        self.states[model] = "loading" if path == "/models/load" else "unloaded"
        return 200, {"success": True}

    def _step(self) -> None:
        for name, state in self.states.items():
            if state == "loading":
                self.steps -= 1
                self.states[name] = state if self.steps else "unloaded" if name == "broken" else "loaded"

    def _status(self, name: str) -> dict[str, Any]:
        status: dict[str, Any] = {"value": self.states[name], "args": []}
        return status | ({"failed": True, "exit_code": 1} if name == "broken" and not self.steps else {})


@pytest.fixture
async def router(pool: ClientPool, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Router, LlamaCpp]]:
    monkeypatch.setattr("pluma_tui.providers.llamacpp._LOOK", 0)
    state = Router()
    async with serving(state.answer) as url:
        yield state, made(url, pool)


async def test_a_router_loads_a_model_and_tells_while_it_does(router: tuple[Router, LlamaCpp]) -> None:
    state, provider = router
    steps = [step async for step in provider.load("big")]
    assert {step.message for step in steps} == {"loading big"}
    assert state.asked == [("/models/load", {"model": "big"})]
    assert [step async for step in provider.load("small")] == []
    assert len(state.asked) == 1


async def test_a_model_that_cannot_be_loaded_is_told(router: tuple[Router, LlamaCpp]) -> None:
    with pytest.raises(ProviderError, match="could not load broken"):
        _ = [step async for step in router[1].load("broken")]
    with pytest.raises(NotFound, match="model not found"):
        _ = [step async for step in router[1].load("nowhere")]


async def test_a_router_lets_go_of_one_or_of_all(router: tuple[Router, LlamaCpp]) -> None:
    state, provider = router
    await provider.unload("big")
    await provider.unload()
    assert state.asked == [("/models/unload", {"model": name}) for name in ("big", "small")]


async def test_a_routers_models_are_described_without_loading_them(router: tuple[Router, LlamaCpp]) -> None:
    _, provider = router
    assert [(model.id, model.loaded) for model in await provider.models()] == [
        ("big", False),
        ("small", True),
        ("broken", False),
    ]
    assert await provider.describe("big") == ModelInfo("big", loaded=False)
    described = ModelInfo("small", "llama.cpp b7777", context=4096, loaded=True)
    assert await provider.describe("") == await provider.describe("small") == described
    with pytest.raises(NotFound, match="no model other"):
        await provider.describe("other")
