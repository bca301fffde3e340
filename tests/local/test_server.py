"""The embedded server's process: started once, shared, restarted, and gone with its parent."""

import asyncio
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pluma_tui import local
from pluma_tui.core.errors import ProviderError
from pluma_tui.local import child, server
from pluma_tui.local.server import LocalServer, LocalServers, Spec, close_servers, servers

pytestmark = [
    pytest.mark.skipif(not local.available(), reason="no wheel of xllamacpp for this Python"),
    pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="the end of a process is awaited by its pidfd"),
]


def spec_of(model: Path, **changes: int) -> Spec:
    values = {"context": 1024, "threads": 1, "size": 1} | changes
    return Spec(name=model.stem, model=model, **values)  # type: ignore[arg-type]


@pytest.fixture
async def running() -> AsyncIterator[LocalServers]:
    made = LocalServers()
    yield made
    await made.aclose()


def gone_within(pid: int, seconds: float) -> bool:
    """Wait until the process has ended. A process that cannot be found has."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], seconds)[0])
    finally:
        os.close(watched)


async def asked(running: LocalServer) -> str:
    async with httpx.AsyncClient(base_url=running.url, trust_env=False) as client:
        answer = await client.post(
            "/v1/chat/completions",
            json={"messages": [{"role": "user", "content": "hi"}]},
            headers={"Authorization": f"Bearer {running.key}"},
        )
    return str(answer.json()["choices"][0]["message"]["content"])


async def test_it_answers_on_loopback_to_its_key_alone(running: LocalServers, scripted_model: Path) -> None:
    async with running.lease(spec_of(scripted_model)) as one:
        await one.start()
        assert one.url.startswith("http://127.0.0.1:")
        assert await asked(one) == "Hello from a tiny scripted model."
        async with httpx.AsyncClient(base_url=one.url, trust_env=False) as client:
            assert (await client.get("/v1/models")).status_code == 401
            assert (await client.get("/slots")).status_code == 401


async def test_its_key_is_neither_in_its_arguments_nor_in_its_environment(
    running: LocalServers, scripted_model: Path
) -> None:
    async with running.lease(spec_of(scripted_model)) as one:
        await one.start()
        for name in ("cmdline", "environ"):
            assert one.key.encode() not in Path(f"/proc/{one.pid}/{name}").read_bytes()


async def test_equal_questions_share_one_process_also_while_it_starts(
    running: LocalServers, scripted_model: Path
) -> None:
    async def pid() -> int:
        async with running.lease(spec_of(scripted_model)) as one:
            await one.start()
            return one.pid

    assert len({await pid(), *await asyncio.gather(pid(), pid(), pid())}) == 1


async def test_who_leaves_while_it_starts_leaves_it_starting(
    running: LocalServers, scripted_model: Path
) -> None:
    spec = spec_of(scripted_model)
    async with running.lease(spec) as left:
        left.start()
    async with running.lease(spec) as one:
        await one.start()
        assert one is left
        assert await asked(one)


async def test_another_model_ends_the_idle_one_and_not_the_busy_one(
    running: LocalServers, scripted_model: Path
) -> None:
    first, second, third = (spec_of(scripted_model, context=context) for context in (512, 1024, 2048))
    async with running.lease(first) as idle:
        await idle.start()
    async with running.lease(second) as busy:
        await busy.start()
        assert gone_within(idle.pid, 0)
        async with running.lease(third) as other:
            await other.start()
            assert not gone_within(busy.pid, 0)


async def asked_for(running: LocalServer, path: str) -> Any:
    """What the server says at that path."""
    async with httpx.AsyncClient(base_url=running.url, trust_env=False) as client:
        return (await client.get(path, headers={"Authorization": f"Bearer {running.key}"})).json()


async def test_the_context_is_the_one_that_was_asked_for(running: LocalServers, scripted_model: Path) -> None:
    async with running.lease(spec_of(scripted_model, context=768)) as one:
        await one.start()
        slots = await asked_for(one, "/slots")
    assert {slot["n_ctx"] for slot in slots} == {768}


async def test_repeating_itself_is_made_dear_unless_a_profile_says_otherwise(
    running: LocalServers, scripted_model: Path
) -> None:
    async with running.lease(spec_of(scripted_model)) as one:
        await one.start()
        settings = (await asked_for(one, "/props"))["default_generation_settings"]
    assert settings["params"]["repeat_penalty"] == pytest.approx(1.1)


async def test_one_that_died_is_replaced(running: LocalServers, scripted_model: Path) -> None:
    spec = spec_of(scripted_model)
    async with running.lease(spec) as one:
        await one.start()
        os.kill(one.pid, signal.SIGKILL)
        assert "memory" in await one.last_words()
        assert one.ended
    async with running.lease(spec) as other:
        await other.start()
        assert other.pid != one.pid
        assert await asked(other)


async def test_closing_ends_the_process_and_leaves_no_zombie(
    running: LocalServers, scripted_model: Path
) -> None:
    async with running.lease(spec_of(scripted_model)) as one:
        await one.start()
    await running.aclose()
    with pytest.raises(ProcessLookupError):  # which a zombie would not raise
        os.kill(one.pid, 0)


async def test_closing_while_it_loads_ends_the_process(running: LocalServers, scripted_model: Path) -> None:
    async with running.lease(spec_of(scripted_model)) as one:
        starting = one.start()
        while not one.pid:
            await asyncio.wait({starting}, timeout=0.001)
        await running.aclose()
        assert one.ended
        with pytest.raises(ProcessLookupError):
            os.kill(one.pid, 0)


async def test_the_servers_of_a_loop_are_kept_until_they_are_closed(scripted_model: Path) -> None:
    await close_servers()
    async with servers().lease(spec_of(scripted_model)) as one:
        await one.start()
    assert servers() is servers()
    await close_servers()
    assert gone_within(one.pid, 0)


@pytest.mark.parametrize("length", [4, 24, 100_000])
async def test_a_broken_model_is_told_in_the_servers_words(
    running: LocalServers, scripted_model: Path, tmp_path: Path, length: int
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(scripted_model.read_bytes()[:length])
    async with running.lease(spec_of(broken)) as one:
        with pytest.raises(ProviderError, match=r"broken could not be loaded: .*(failed|corrupted)"):
            await one.start()
        assert one.ended
        with pytest.raises(ProcessLookupError):
            os.kill(one.pid, 0)


async def test_a_child_that_cannot_even_begin_is_told(
    running: LocalServers, scripted_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "child.py"
    program.write_text("raise ImportError('no such library: libgomp')")
    monkeypatch.setattr(server, "_CHILD", program)
    async with running.lease(spec_of(scripted_model)) as one:
        with pytest.raises(ProviderError, match="no such library: libgomp"):
            await one.start()


async def test_what_the_child_prints_reaches_no_terminal(
    running: LocalServers, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF")
    async with running.lease(spec_of(broken)) as one:
        with contextlib.suppress(ProviderError):
            await one.start()
    assert capfd.readouterr() == ("", "")


def test_the_child_ends_with_its_stdin(scripted_model: Path) -> None:
    with subprocess.Popen(
        [sys.executable, child.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        settings = {"model": str(scripted_model), "name": "m", "context": 512, "threads": 1, "key": "k"}
        settings |= {"gpu_layers": None, "parent": os.getpid()}
        process.stdin.write(json.dumps(settings).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["url"].startswith("http://127.0.0.1:")
        process.stdin.close()
        try:
            assert process.wait(5) == 0
        finally:
            process.kill()


_PARENT = """
import asyncio, pathlib, sys
from pluma_tui.local.server import Spec, servers

async def main():
    path = pathlib.Path(sys.argv[1])
    async with servers().lease(Spec("m", path, 1, 512, 1)) as one:
        starting = one.start()
        while not one.pid:
            await asyncio.wait({starting}, timeout=0.001)
        if sys.argv[2] == "loaded":
            await starting
        print(one.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("when", ["loading", "loaded"])
def test_a_parent_killed_outright_leaves_no_child(scripted_model: Path, when: str) -> None:
    command = [sys.executable, "-c", _PARENT, str(scripted_model), when]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
        assert gone_within(pid, 2)
