"""`compat = "local"`: an answer out of a model on this machine, with nothing started by hand."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest

from pluma_tui import local
from pluma_tui.core.chat import ChatRequest, Message, Sampling
from pluma_tui.core.errors import BrokenStream, ConfigError, ContextExceeded, ProviderError, TimedOut
from pluma_tui.core.events import ChatEvent, Finished, Notice, TextDelta, UsageUpdate
from pluma_tui.core.profile import ConnectionProfile
from pluma_tui.local import server as local_server
from pluma_tui.local.server import LocalServer, servers
from pluma_tui.providers import registry
from pluma_tui.providers.base import CountsTokens, Provider

needs_server = pytest.mark.skipif(not local.available(), reason="no wheel of xllamacpp for this Python")


@pytest.fixture(autouse=True)
async def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    """An empty library, and the end of what a test has started."""
    monkeypatch.setenv("PLUMA_DATA_DIR", str(tmp_path))
    (tmp_path / "models").mkdir()
    yield tmp_path / "models"
    close = registry.load("local").close
    assert close is not None
    await close()


@pytest.fixture
def micro(library: Path, scripted_model: Path) -> Path:
    """The scripted model, installed."""
    return Path(shutil.copy(scripted_model, library / "micro.gguf"))


def provider(**profile: Any) -> Provider:
    options = {"threads": 1} | profile.pop("options", {})
    made = ConnectionProfile(compat="local", options=options, **profile)
    return registry.load("local").factory(made, httpx.AsyncClient())


def question(text: str = "hi", model: str = "", **more: Any) -> ChatRequest:
    return ChatRequest(model=model, messages=(Message(role="user", text=text),), **more)


async def listen(talker: Provider, request: ChatRequest) -> list[ChatEvent]:
    async with aclosing(talker.stream(request)) as events:
        return [event async for event in events]


def text_of(events: list[ChatEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def notices(events: list[ChatEvent]) -> list[str]:
    return [event.message for event in events if isinstance(event, Notice)]


def running() -> list[LocalServer]:
    return list(servers()._servers.values())


@needs_server
async def test_the_first_question_starts_the_model_and_the_next_finds_it(micro: Path) -> None:
    first = await listen(provider(), question())
    assert notices(first)[0] == "Starting micro…"
    assert text_of(first) == "Hello from a tiny scripted model."
    assert first[-1] == Finished("complete")
    second = await listen(provider(), question())
    assert notices(second) == []
    assert text_of(second) == text_of(first)
    assert len(running()) == 1


@needs_server
async def test_the_count_is_what_the_answer_says_was_read(micro: Path) -> None:
    asked = question("think about 日本", system="Be terse.", options={"threads": 1})
    talker = provider()
    assert isinstance(talker, CountsTokens)
    counted = await talker.count(asked)
    assert [one.spec.name for one in running()] == ["micro"]
    used = [event.usage for event in await listen(talker, asked) if isinstance(event, UsageUpdate)]
    assert [usage.input for usage in used] == [counted]


@needs_server
async def test_a_grammar_is_passed_on(micro: Path) -> None:
    assert text_of(await listen(provider(), question(options={"grammar": 'root ::= "Hello"'}))) == "Hello"


@needs_server
async def test_thinking_comes_apart_from_the_answer(micro: Path) -> None:
    events = await listen(provider(), question("think"))
    assert text_of(events).strip() == "Answer: **42**"


@needs_server
async def test_the_model_of_the_request_goes_before_the_profiles(micro: Path, library: Path) -> None:
    shutil.copy(micro, library / "other.gguf")
    events = await listen(provider(model="micro"), question(model="other"))
    assert notices(events)[0] == "Starting other…"
    events = await listen(provider(model=str(micro)), question())
    assert notices(events)[0] == "Starting micro…"


@needs_server
async def test_two_questions_at_once_are_answered_by_one_server(micro: Path) -> None:
    answers = await asyncio.gather(*(listen(provider(), question()) for _ in range(3)))
    assert {text_of(events) for events in answers} == {"Hello from a tiny scripted model."}
    assert len(running()) == 1


@needs_server
async def test_closing_the_stream_stops_the_server_from_working(micro: Path) -> None:
    async with aclosing(provider().stream(question("long"))) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break
    (one,) = running()
    headers = {"Authorization": f"Bearer {one.key}"}
    async with (
        httpx.AsyncClient(base_url=one.url, headers=headers, trust_env=False) as client,
        asyncio.timeout(1),
    ):
        while any(slot["is_processing"] for slot in (await client.get("/slots")).json()):
            pass


@needs_server
async def test_the_context_size_comes_from_the_request_then_the_profile(micro: Path) -> None:
    sampling = Sampling(context_size=512)
    await listen(provider(sampling=sampling), question())
    assert [one.spec.context for one in running()] == [512]
    await listen(provider(sampling=sampling), question(sampling=Sampling(context_size=1024)))
    assert [one.spec.context for one in running()] == [1024]


@needs_server
async def test_too_long_a_conversation_says_what_to_raise(micro: Path) -> None:
    talker = provider(sampling=Sampling(context_size=256))
    with pytest.raises(ContextExceeded) as caught:
        await listen(talker, question("many words " * 400))
    assert caught.value.limit == 256
    assert "context_size" in caught.value.hint


@needs_server
async def test_options_of_ours_start_the_server_and_those_of_the_shape_are_passed_on(micro: Path) -> None:
    options = {"threads": 2, "gpu_layers": 0, "max_tokens": 2}
    events = await listen(provider(), question(options=options))
    assert text_of(events) == "Hello from"
    assert events[-1] == Finished("length")
    assert [(one.spec.threads, one.spec.gpu_layers) for one in running()] == [(2, 0)]


@needs_server
@pytest.mark.parametrize("value", ["many", 0, -1, True, 1.5])
async def test_an_option_of_the_wrong_kind_is_a_config_error(micro: Path, value: object) -> None:
    with pytest.raises(ConfigError) as caught:
        await listen(provider(), question(options={"threads": value}))
    assert caught.value.key == "options.threads"


@needs_server
async def test_a_broken_model_is_told_and_the_next_try_is_a_new_one(micro: Path) -> None:
    whole = micro.read_bytes()
    micro.write_bytes(whole[:5000])
    with pytest.raises(ProviderError, match="micro could not be loaded"):
        await listen(provider(), question())
    micro.write_bytes(whole)
    assert text_of(await listen(provider(), question()))


@needs_server
async def test_a_server_that_dies_while_it_answers_says_how(micro: Path) -> None:
    async with aclosing(provider().stream(question("long"))) as events:
        while not isinstance(await anext(events), TextDelta):
            pass
        os.kill(running()[0].pid, signal.SIGKILL)
        with pytest.raises(BrokenStream, match=r"micro ended: .*memory"):
            async for _ in events:
                pass
    assert text_of(await listen(provider(), question()))


@needs_server
async def test_loading_is_told_and_given_up_in_time(
    micro: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sluggish = tmp_path / "child.py"
    sluggish.write_text("import sys; sys.stdin.read()")
    monkeypatch.setattr(local_server, "_CHILD", sluggish)
    seen: list[str] = []
    with pytest.raises(TimedOut, match=r"micro was not loaded within 1\.2 s"):
        async with aclosing(provider(first_event_timeout=1.2).stream(question())) as events:
            async for event in events:
                seen += notices([event])
    assert seen[0] == "Starting micro…"
    assert seen[1].startswith("Loading micro, ")
    assert all(one.ended for one in running())


async def test_the_models_are_the_librarys_and_nothing_is_started(library: Path) -> None:
    assert await provider().models() == []
    for name in ("zebra", "smollm2-135m"):
        (library / f"{name}.gguf").write_bytes(b"GGUF")
    assert [model.id for model in await provider().models()] == ["smollm2-135m", "zebra"]
    assert running() == []


@needs_server
async def test_no_model_says_the_command_that_gets_one() -> None:
    with pytest.raises(ConfigError) as caught:
        await listen(provider(), question())
    assert "pluma local install" in caught.value.hint


async def test_no_extra_says_the_command_that_installs_it(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (library / "micro.gguf").write_bytes(b"GGUF")
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    monkeypatch.setattr(local, "available", lambda: False)
    monkeypatch.setattr(sys, "version_info", (3, 13))
    with pytest.raises(ConfigError) as caught:
        await listen(provider(), question())
    assert "pip install 'pluma-tui[local]'" in caught.value.hint


def test_it_names_what_answers() -> None:
    made = provider()
    assert (made.id, made.upstream) == ("local", "embedded llama.cpp")
