"""Servers on this machine's usual ports."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from pluma_tui.runtime.discover import HOST, PORTS, Found, discover
from tests.servers.by_path import Seen, by_path
from tests.servers.llamacpp import LlamaServer
from tests.servers.replay import Play, answer, replay

DATA = Path(__file__).parents[1] / "data"
SERVERS = json.loads((DATA / "discover" / "servers.json").read_text())
MODELS = '{"object": "list", "data": []}'


@asynccontextmanager
async def port(*plays: Play | bytes) -> AsyncIterator[int]:
    async with replay(*plays) as server:
        yield int(server.url.rpartition(":")[2])


@asynccontextmanager
async def recorded(name: str) -> AsyncIterator[Seen]:
    entry = SERVERS[name]
    async with by_path(entry["GET"], tuple(entry["other"]), server=entry["server"]) as seen:
        yield seen


@pytest.mark.parametrize(
    ("name", "label", "profile", "section", "kind", "flavour"),
    [
        ("ollama", "Ollama", "ollama", "chat", "ollama", ""),
        ("ollama-empty", "Ollama", "ollama", "chat", "ollama", ""),
        ("lmstudio", "LM Studio", "lmstudio", "chat", "openai", "lmstudio"),
        ("lmstudio-empty", "LM Studio", "lmstudio", "chat", "openai", "lmstudio"),
        ("vllm", "vLLM", "vllm", "chat", "openai", "vllm"),
        ("textgen", "text-generation-webui", "textgen", "chat", "openai", "textgen"),
        ("koboldcpp", "KoboldCpp", "koboldcpp", "chat", "koboldcpp", ""),
        ("mlx", "mlx_lm", "mlx", "chat", "openai", "mlx_lm"),
        ("a1111", "AUTOMATIC1111", "a1111", "images", "a1111", ""),
        ("forge", "Forge", "a1111", "images", "a1111", ""),
        ("sdcpp", "an A1111-compatible image server", "a1111", "images", "a1111", ""),
        ("comfy", "ComfyUI", "comfy", "images", "comfy", ""),
    ],
)
async def test_a_kind_is_told_by_its_answers(
    name: str, label: str, profile: str, section: str, kind: str, flavour: str
):
    async with recorded(name) as server:
        (found,) = await discover((server.port,))
    assert found == Found(label, profile, f"http://{HOST}:{server.port}", section, kind, flavour=flavour)
    assert server.connections == 1


async def test_a_port_that_usually_draws_is_asked_for_that_first(monkeypatch):
    async with recorded("comfy") as server:
        monkeypatch.setattr("pluma_tui.runtime.discover._IMAGES_FIRST", (server.port,))
        await discover((server.port,))
    assert server.paths == ["/system_stats"]


async def test_what_speaks_openai_and_nothing_else_known_is_called_that():
    async with recorded("other") as server:
        (found,) = await discover((server.port,))
    assert (found.label, found.name) == ("an OpenAI-compatible server", f"server-{server.port}")


async def test_a_real_llamacpp_is_told_without_its_key(llama: LlamaServer):
    (found,) = await discover((int(llama.url.rpartition(":")[2]),))
    assert found == Found("llama.cpp", "llamacpp", llama.url, kind="llamacpp", wants_key=True)


async def test_a_llamacpp_that_loads_its_model_is_one():
    loading = (DATA / "chat" / "llamacpp-err-503-loading-v1-chat-completions.http").read_bytes()
    async with port(loading) as here:
        (found,) = await discover((here,))
    assert (found.label, found.wants_key) == ("llama.cpp", False)


@pytest.mark.parametrize(("name", "label"), [("vllm-key", "vLLM"), ("a1111-auth", "AUTOMATIC1111")])
async def test_who_wants_a_key_is_told_all_the_same(name: str, label: str):
    async with recorded(name) as server:
        (found,) = await discover((server.port,))
    assert (found.label, found.wants_key) == (label, True)


async def test_what_a_profile_would_hold():
    assert Found("x", "x", "http://h:1").values == {"compat": "openai", "base_url": "http://h:1"}
    flavoured = Found("x", "x", "http://h:1", flavour="vllm").values
    assert flavoured == {"compat": "openai", "base_url": "http://h:1", "options": {"flavour": "vllm"}}
    comfy = Found("x", "x", "http://h:1", "images", "comfy")
    assert comfy.values == {"kind": "comfy", "base_url": "http://h:1"}


async def test_two_of_a_kind_get_two_names():
    async with recorded("ollama") as one, recorded("ollama") as other:
        found = await discover((one.port, other.port))
    assert [server.name for server in found] == ["ollama", f"ollama-{other.port}"]


async def test_what_answers_otherwise_is_not_found_and_costs_no_second_question():
    answers = [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"",
        Play(answer(MODELS), cut=20, silent=True),  # falls silent: given up within the time limit
        answer(b"\xff" * 100, content_encoding="gzip"),
        answer(b"", content_encoding="br"),
    ]
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(replay(play)) for play in answers]
        assert await discover([int(server.url.rpartition(":")[2]) for server in servers]) == []
        assert [len(server.requests) for server in servers] == [1] * len(answers)


@pytest.mark.parametrize(
    "play",
    [
        answer(MODELS, status=404),
        answer("<html>something else</html>", kind="text/html"),
        answer({"error": "log in"}, status=401),
        answer({"data": []}, status=403),
        answer("[1, 2]"),
        answer("{" * 100_000),
        answer({"data": "models", "system": "x"}, status=500),
        Play(answer(""), again=b"x" * 65536),  # an answer without end
    ],
)
async def test_other_web_servers_are_not_found(play: Play | bytes):
    async with port(play) as here:
        assert await discover((here,)) == []


async def test_what_is_known_when_the_time_is_over_counts():
    """It lists its models, and hangs at every other question."""
    async with by_path({"/v1/models": (200, {"object": "list", "data": []})}, (None, "")) as server:
        (found,) = await discover((server.port,))
    assert found.label == "an OpenAI-compatible server"


async def test_a_port_where_nobody_listens_is_passed_over():
    async with port(answer(MODELS)) as gone:
        pass
    assert await discover((gone,)) == []


async def test_servers_are_asked_all_at_once():
    """Each answers only when all have been asked."""
    asked = asyncio.Barrier(5)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asked.wait()
        writer.write(answer(MODELS))
        writer.close()

    async with AsyncExitStack() as stack:
        servers = [await asyncio.start_server(serve, HOST, 0) for _ in range(5)]
        for server in servers:
            await stack.enter_async_context(server)
        ports = [server.sockets[0].getsockname()[1] for server in servers]
        assert len(await discover(ports)) == 5


async def test_nothing_but_this_machine_is_asked(monkeypatch):
    """A proxy of the environment would hear of it."""
    async with replay(answer(MODELS)) as proxy, port(answer(MODELS)) as here:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert len(await discover((here,))) == 1
        assert proxy.requests == []


def test_every_usual_server_is_asked():
    assert set(PORTS) >= {11434, 1234, 8080, 8000, 5000, 5001, 7860, 8188}
