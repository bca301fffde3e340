"""How servers are at the moment, as a list of profiles tells it."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pluma_tui.runtime import states as module
from pluma_tui.runtime.states import State, states
from pluma_tui.runtime.wiring import Options, Runtime, open_runtime
from tests.servers.by_path import by_path
from tests.servers.replay import Play, answer, replay

MODELS = {"object": "list", "data": [{"id": "model-a"}]}


@asynccontextmanager
async def profiles(tmp_path: Path, **rows: dict[str, Any]) -> AsyncIterator[Runtime]:
    file = tmp_path / "config.toml"
    lines = []
    for name, values in rows.items():
        lines.append(f"[chat.profiles.{name}]")
        lines += [f"{key} = {value}" for key, value in values.items()]
    file.write_text("\n".join(lines))
    file.chmod(0o600)
    runtime = open_runtime(Options(config=str(file), data_dir=str(tmp_path / "data")), {})
    try:
        yield runtime
    finally:
        await runtime.aclose()


def openai(url: str, **more: str) -> dict[str, str]:
    return {"compat": '"openai"', "base_url": json.dumps(url), **more}


async def told(runtime: Runtime) -> dict[str, State]:
    return {state.profile: state async for state in states(runtime, runtime.connections.names())}


async def test_each_server_says_how_it_is(tmp_path: Path) -> None:
    loading = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
    async with (
        by_path({"/v1/models": (200, MODELS)}) as good,
        by_path({"/v1/models": (401, {"error": {"message": "no key"}})}) as closed,
        by_path({"/v1/models": (503, loading)}) as slow,
        by_path({}) as listless,
        profiles(
            tmp_path,
            good=openai(f"http://127.0.0.1:{good.port}"),
            nobody=openai("http://127.0.0.1:9"),
            closed=openai(f"http://127.0.0.1:{closed.port}"),
            wrong=openai(f"http://127.0.0.1:{closed.port}", api_key='"sk-wrong"'),
            slow=openai(f"http://127.0.0.1:{slow.port}"),
            listless=openai(f"http://127.0.0.1:{listless.port}"),
            unknown={"compat": '"zzz"'},
            unset=openai(f"http://127.0.0.1:{good.port}", api_key='"env:NO_SUCH_VARIABLE_HERE"'),
        ) as runtime,
    ):
        found = {name: (state.words, state.health) for name, state in (await told(runtime)).items()}
    assert found == {
        "good": ("answers", "good"),
        "nobody": ("nobody answers", "bad"),
        "closed": ("wants a key", "bad"),
        "wrong": ("refuses the key", "bad"),
        "slow": ("loading its model", "waiting"),
        "listless": ("answers", "good"),
        "unknown": ("cannot be used", "bad"),
        "unset": ("has no key", "bad"),
    }


async def test_no_program_is_run_for_a_key_and_the_server_is_asked_without_it(tmp_path: Path) -> None:
    mark = tmp_path / "asked"
    command = f'{{ command = ["touch", {json.dumps(str(mark))}] }}'
    async with (
        replay(Play(answer({"error": "no key"}, status=401))) as server,
        profiles(tmp_path, home=openai(server.url, api_key=command)) as runtime,
    ):
        assert (await told(runtime))["home"].words == "answers"
    assert not mark.exists()
    assert [request.headers.get("authorization") for request in server.requests] == [None]


async def test_a_way_that_runs_a_program_is_not_gone(tmp_path: Path) -> None:
    async with profiles(
        tmp_path,
        far=openai("ssh+http://box:11434"),
        sealed=openai("https://127.0.0.1:9", client_cert='"x.pem"', client_key='"x.key"'),
    ) as runtime:
        assert {state.words for state in (await told(runtime)).values()} == {"not asked"}


async def test_who_says_nothing_is_told_when_the_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIME_LIMIT", 0.05)
    async with (
        replay(Play(b"", silent=True)) as silent,
        profiles(tmp_path, silent=openai(silent.url)) as runtime,
    ):
        assert (await told(runtime))["silent"].words == "no answer in time"


async def test_leaving_the_list_ends_the_asking(tmp_path: Path) -> None:
    async with (
        by_path({"/v1/models": (200, MODELS)}) as good,
        replay(Play(b"", silent=True)) as silent,
        profiles(
            tmp_path, good=openai(f"http://127.0.0.1:{good.port}"), silent=openai(silent.url)
        ) as runtime,
    ):
        async with aclosing(states(runtime, runtime.connections.names())) as asking:
            assert (await anext(asking)).profile == "good"
        await silent.left.wait()
