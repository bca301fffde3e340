"""Ollama's models: listed, described, taken into memory and let go, fetched and deleted."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluma_tui.core.chat import Sampling
from pluma_tui.core.errors import BrokenStream, NotFound, ProviderError, Refused
from pluma_tui.core.models import ModelInfo, ModelProgress
from pluma_tui.providers import ollama
from pluma_tui.providers.ollama import Ollama
from pluma_tui.providers.ollama_models import described, progress, read_models
from pluma_tui.transport.http import ClientPool
from tests.conftest import DATA
from tests.providers.feeding import Fed, make_provider, response
from tests.servers.ollama import Model, ollama_server
from tests.servers.replay import Play, answer, replay

THINKER = Model(
    "think", ("completion", "tools", "thinking"), context=40960, size=5_200_000_000, family="qwen3"
)
BERT = Model(capabilities=("embedding",), context=512, size=45_960_996, family="bert", parameters="23M")
SIGHTED = Model(capabilities=("completion", "vision"), num_ctx=2048)
MODELS = {"qwen3:8b": THINKER, "all-minilm:latest": BERT, "llava:latest": SIGHTED}
KIND = "application/x-ndjson"


@asynccontextmanager
async def talking(url: str, **profile: Any) -> AsyncIterator[Ollama]:
    pool = ClientPool()
    provider = make_provider("ollama", url, pool, **profile)
    assert isinstance(provider, Ollama)
    yield provider
    await pool.aclose()


# The list


async def test_models_are_told_with_size_and_whether_they_are_loaded() -> None:
    loaded = {"qwen3:8b": 8192}
    async with ollama_server(models=MODELS, loaded=loaded) as server, talking(server.url) as provider:
        assert await provider.models() == [
            ModelInfo("qwen3:8b", "qwen3:8b, 8.0B, Q4_K_M", 8192, size=5_200_000_000, loaded=True),
            ModelInfo(
                "all-minilm:latest",
                "all-minilm:latest, 23M, Q4_K_M",
                traits=("embedding",),
                size=45_960_996,
                loaded=False,
            ),
            ModelInfo("llava:latest", "llava:latest, 8.0B, Q4_K_M", size=3_825_819_519, loaded=False),
        ]


async def test_a_server_that_does_not_tell_what_is_loaded_still_lists() -> None:
    async with ollama_server(models=MODELS, missing=("/api/ps",)) as server, talking(server.url) as provider:
        assert [model.loaded for model in await provider.models()] == [None, None, None]


@pytest.mark.parametrize(
    ("name", "family", "embeds"),
    [
        ("nomic-embed-text:latest", "nomic-bert", True),
        ("bge-m3:latest", "bert", True),
        ("embeddinggemma:300m", "gemma3", True),
        ("qwen3-embedding:8b", "qwen3", True),
        ("llama3.2:3b", "llama", False),
    ],
)
def test_what_only_embeds_is_marked(name: str, family: str, embeds: bool) -> None:
    (model,) = read_models({"models": [{"name": name, "details": {"family": family}}]}, None)
    assert model.traits == (("embedding",) if embeds else ())


def test_what_a_newer_server_says_of_abilities_goes_first() -> None:
    entry = {"name": "embedder", "capabilities": ["completion", "tools", "vision", "insert", 3]}
    (model,) = read_models({"models": [entry]}, None)
    assert model.traits == ("vision", "tools")


def test_a_model_that_runs_elsewhere_says_where() -> None:
    entry = {"name": "gpt-oss:120b-cloud", "remote_host": "https://ollama.com:443"}
    (model,) = read_models({"models": [entry]}, None)
    assert model.label == "gpt-oss:120b-cloud, https://ollama.com:443"


# One model


async def test_a_model_is_described_by_all_that_is_told_of_it() -> None:
    async with ollama_server(models=MODELS) as server, talking(server.url) as provider:
        assert await provider.describe("qwen3:8b") == ModelInfo(
            "qwen3:8b",
            "qwen3:8b, 8.0B, Q4_K_M",
            40960,
            ("tools", "thinking"),
            size=5_200_000_000,
            loaded=False,
        )
        assert (await provider.describe("all-minilm")).id == "all-minilm:latest"


async def test_the_context_is_the_one_in_memory_else_the_one_it_is_set_to() -> None:
    async with ollama_server(models=MODELS) as server, talking(server.url) as provider:
        assert (await provider.describe("llava")).context == 2048
        server.loaded["llava:latest"] = 1024
        assert (await provider.describe("llava")).context == 1024


async def test_no_name_means_the_profiles_model_else_one_in_memory() -> None:
    async with ollama_server(models=MODELS, loaded={"llava:latest": 64}) as server:
        async with talking(server.url) as provider:
            assert (await provider.describe("")).id == "llava:latest"
        async with talking(server.url, model="qwen3:8b") as provider:
            assert (await provider.describe("")).id == "qwen3:8b"
        server.loaded.clear()
        async with talking(server.url) as provider:
            with pytest.raises(Refused, match="model is required"):
                await provider.describe("")


async def test_an_unknown_model_is_told_with_the_command_that_fetches_it() -> None:
    async with ollama_server(models=MODELS) as server, talking(server.url) as provider:
        for asked in (provider.describe, lambda name: _all(provider.load(name))):
            with pytest.raises(NotFound) as caught:
                await asked("mistral")
            assert "`pluma models pull mistral`" in caught.value.hint


# In memory and out of it


async def _all(steps: Any) -> list[ModelProgress]:
    async with aclosing(steps):
        return [step async for step in steps]


async def test_a_model_is_loaded_as_the_profile_will_use_it() -> None:
    profile = {
        "sampling": Sampling(context_size=8192),
        "options": {"keep_alive": -1, "num_gpu": 0, "think": True},
    }
    async with ollama_server(models=MODELS) as server, talking(server.url, **profile) as provider:
        assert await _all(provider.load("llava")) == [ModelProgress("Loading llava, 0 s…")]
        assert server.loaded == {"llava:latest": 8192}
        assert server.bodies("/api/generate") == [
            {
                "model": "llava",
                "keep_alive": -1,
                "options": {"num_ctx": 8192, "num_gpu": 0},
                "stream": False,
            }
        ]


async def test_loading_that_takes_long_is_told_until_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ollama, "_EVERY", 0.001)
    async with ollama_server(models=MODELS, busy=True) as server, talking(server.url) as provider:
        steps = provider.load("llava")
        for _ in range(3):
            assert (await anext(steps)).message.startswith("Loading llava")
        assert server.loaded == {}
        server.may_load.set()
        await _all(steps)
        assert server.loaded == {"llava:latest": 2048}


async def test_who_stops_looking_gives_up_the_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ollama, "_EVERY", 0.001)
    async with replay(Play(b"", silent=True)) as server, talking(server.url) as provider:
        steps = provider.load("llava")
        while not server.requests:
            await anext(steps)
        await steps.aclose()
        await server.left.wait()


async def test_a_model_that_only_embeds_cannot_be_loaded_for_a_chat() -> None:
    async with ollama_server(models=MODELS) as server, talking(server.url) as provider:
        with pytest.raises(Refused, match="does not support generate"):
            await _all(provider.load("all-minilm"))


async def test_one_model_is_let_go_of_or_all() -> None:
    loaded = {"qwen3:8b": 8192, "llava:latest": 64, "all-minilm:latest": 512}
    async with ollama_server(models=MODELS, loaded=loaded) as server, talking(server.url) as provider:
        await provider.unload("llava")
        assert set(server.loaded) == {"qwen3:8b", "all-minilm:latest"}
        await provider.unload()
        assert server.loaded == {}


# On the disk


async def test_a_model_is_fetched_layer_by_layer() -> None:
    async with ollama_server(library=("llama3.1",)) as server, talking(server.url) as provider:
        steps = await _all(provider.pull("llama3.1"))
        assert "llama3.1:latest" in server.models
    assert steps == [
        ModelProgress("pulling manifest"),
        ModelProgress("pulling 6a0746a1ec1a", 0, 4661211808),
        ModelProgress("pulling 6a0746a1ec1a", 241970, 4661211808),
        ModelProgress("pulling 6a0746a1ec1a", 4661211808, 4661211808),
        ModelProgress("pulling 4fa551d4f938", 4661224211, 4661224211),
        ModelProgress("verifying sha256 digest", 4661224211, 4661224211),
        ModelProgress("writing manifest", 4661224211, 4661224211),
        ModelProgress("success", 4661224211, 4661224211),
    ]


async def test_a_model_that_the_library_does_not_have() -> None:
    async with ollama_server() as server, talking(server.url) as provider:
        with pytest.raises(Refused, match="file does not exist") as caught:
            await _all(provider.pull("no-such"))
    assert "ollama.com" in caught.value.hint
    assert not caught.value.retryable


async def test_an_error_before_the_first_step_is_the_same() -> None:
    no = json.dumps({"error": "pull model manifest: file does not exist"}).encode()
    fed = Fed(lambda _: response(no, status=500, kind="application/json"))
    provider = fed.provider("ollama")
    assert isinstance(provider, Ollama)
    with pytest.raises(Refused, match="file does not exist") as caught:
        await _all(provider.pull("no-such"))
    assert not caught.value.retryable


async def test_fetching_that_ends_too_early_is_an_error() -> None:
    first, _, _ = (DATA / "chat" / "synthetic-ollama-pull.ndjson").read_bytes().partition(b"\n")
    provider = Fed(lambda _: response(first + b"\n", kind=KIND)).provider("ollama")
    assert isinstance(provider, Ollama)
    with pytest.raises(BrokenStream):
        await _all(provider.pull("llama3.1"))


async def test_closing_cancels_the_fetching() -> None:
    first, _, _ = (DATA / "chat" / "synthetic-ollama-pull.ndjson").read_bytes().partition(b"\n")
    play = Play(answer(first + b"\n", kind=KIND), silent=True)
    async with replay(play) as server, talking(server.url) as provider:
        steps = provider.pull("llama3.1")
        assert await anext(steps) == ModelProgress("pulling manifest")
        await steps.aclose()
        await server.left.wait()


async def test_a_model_is_deleted_once() -> None:
    async with ollama_server(models=dict(MODELS)) as server, talking(server.url) as provider:
        await provider.delete("llava")
        assert "llava:latest" not in server.models
        with pytest.raises(NotFound, match="model 'llava' not found"):
            await provider.delete("llava")
    assert {request.method for request in server.requests} == {"DELETE"}


# Whatever comes

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_fields = ("name", "size", "details", "capabilities", "context_length", "parameters", "model_info")
_entry = st.dictionaries(
    st.sampled_from(_fields), _json | st.just({"general.architecture": "a", "a.context_length": -1})
)
_list = _json | st.fixed_dictionaries({"models": _json | st.lists(_entry | _json, max_size=3)})


@given(_list, _list, _entry | _json)
def test_lists_of_any_form_are_read_or_passed_over(listed: Any, running: Any, shown: Any) -> None:
    assert all(isinstance(model.id, str) for model in read_models(listed, running))
    assert isinstance(described("m", shown, listed, running), ModelInfo)


@given(st.lists(st.dictionaries(st.sampled_from(("status", "digest", "total", "completed")), _json)))
def test_steps_of_any_form_are_read_or_passed_over(steps: list[dict[str, Any]]) -> None:
    layers: dict[str, tuple[int, int]] = {}
    assert all(progress(step, layers).done >= 0 for step in steps)


@pytest.mark.parametrize("body", [b"[]", b"null", b"3", b'{"models": null}', b"{}"])
async def test_answers_of_no_use_are_no_models(body: bytes) -> None:
    provider = Fed(lambda _: response(body, kind="application/json")).provider("ollama")
    assert await provider.models() == []


async def test_an_answer_that_is_no_json_is_a_provider_error() -> None:
    provider = Fed(lambda _: response(b"{", kind="application/json")).provider("ollama")
    with pytest.raises(ProviderError):
        await provider.models()
