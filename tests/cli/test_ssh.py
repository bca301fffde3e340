"""pluma with a server behind SSH, from outside: what is asked, what is told, what is left."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import PLUMA, Program
from tests.servers import sshd as servers
from tests.servers.by_path import by_path
from tests.servers.replay import Play, answer, replay
from tests.servers.sse import chunk, whole
from tests.servers.sshd import PASS_PHRASE, Sshd
from tests.servers.terminal import Terminal

HELLO = answer(whole("hello"))
ENDLESS = Play(answer(chunk("first ")), again=chunk("word "), every=0.01)
MODELS = {"object": "list", "data": [{"id": "micro"}]}
ASKS = "Enter passphrase for key"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with servers.run(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def sshd(running: Sshd, program: Program) -> Sshd:
    running.forget()
    program.env["PATH"] = running.path
    return running


def configure(program: Program, url: str, host: str = "box", **more: Any) -> None:
    program.configure(f"ssh+http://{host}:{url.rpartition(':')[2]}", api_key="", **more)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


async def test_ask(program: Program, sshd: Sshd):
    async with replay(HELLO) as server:
        configure(program, server.url)
        done = await program.run("ask", "hi")
    assert (done.code, done.out, done.err) == (0, "hello\n", "")
    assert server.requests[0].path == "/v1/chat/completions"
    assert len(sshd.calls()) == 1
    assert not sshd.running()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
async def test_no_ssh_is_left_whatever_ends_pluma(program: Program, sshd: Sshd, number: signal.Signals):
    async with replay(ENDLESS) as server:
        configure(program, server.url)
        async with program.started("ask", "hi") as process:
            assert process.stdout is not None
            await process.stdout.readexactly(20)
            [call] = sshd.calls()
            assert sshd.running()
            process.send_signal(number)
            await process.wait()
            await until(lambda: not sshd.running())
            await server.left.wait()
    folder = Path(call[call.index("-L") + 1].partition(":")[0]).parent
    await until(lambda: not folder.exists())


async def test_what_stands_in_the_way_is_told(program: Program, sshd: Sshd):
    async with replay(HELLO) as server:
        configure(program, server.url, "unknown")
        done = await program.run("ask", "hi")
    assert (done.code, done.out) == (5, "")
    assert "ssh does not know the host key of unknown yet" in done.err


class TestProfileTest:
    async def test_all_is_well(self, program: Program, sshd: Sshd):
        pages = {"/v1/models": (200, MODELS), "/v1/chat/completions": (200, whole("hello").decode())}
        async with by_path(pages) as server:
            configure(program, f":{server.port}")
            done = await program.run("profile", "test", "home", "--json")
        assert {step["name"]: step["state"] for step in done.json} == {
            "address": "ok", "tls": "skipped", "key": "ok", "models": "ok", "answer": "ok",
        }  # fmt: skip
        assert len(sshd.calls()) == 1

    @pytest.mark.parametrize(
        ("host", "words"),
        [("box", "nobody listens at 127.0.0.1:1 on box"), ("stranger", "stranger does not let us in by SSH")],
    )
    async def test_the_step_that_fails(self, program: Program, sshd: Sshd, host: str, words: str):
        configure(program, ":1", host)
        done = await program.run("profile", "test", "home", "--json")
        assert done.code == 5
        assert [step["state"] for step in done.json] == ["failed", *["skipped"] * 4]
        assert done.json[0]["message"].startswith(words)

    async def test_a_server_that_is_busy_is_there(self, program: Program, sshd: Sshd):
        async with replay(Play(b"", silent=True)) as server:
            configure(program, server.url, connect_timeout=1.0, timeout=0.5, first_event_timeout=0.5)
            done = await program.run("profile", "test", "home", "--json")
        assert [step["state"] for step in done.json[:2]] == ["ok", "skipped"]


class TestOnATerminal:
    """ssh asks there by itself."""

    async def test_ask(self, program: Program, sshd: Sshd):
        async with replay(HELLO) as server:
            configure(program, server.url, "locked")
            code, output = await asyncio.to_thread(self._ask, program)
        assert code == 0
        assert output.rstrip().endswith("hello")
        assert PASS_PHRASE not in output
        assert not sshd.running()

    def _ask(self, program: Program) -> tuple[int, str]:
        with Terminal([*PLUMA, "ask", "hi"], program.env) as terminal:
            terminal.until(ASKS)
            terminal.send(f"{PASS_PHRASE}\r")
            return terminal.wait(), terminal.text()

    async def test_ctrl_c_gives_it_up(self, program: Program, sshd: Sshd):
        async with replay(HELLO) as server:
            configure(program, server.url, "locked")
            code = await asyncio.to_thread(self._give_up, program)
        assert code == 130
        assert not server.requests
        await until(lambda: not sshd.running())

    def _give_up(self, program: Program) -> int:
        with Terminal([*PLUMA, "ask", "hi"], program.env) as terminal:
            terminal.until(ASKS)
            terminal.send("\x03")
            return terminal.wait()

    async def test_whether_a_host_is_the_right_one(self, program: Program, sshd: Sshd):
        configure(program, ":1", "unknown")
        assert await asyncio.to_thread(self._say_no, program) == 5

    def _say_no(self, program: Program) -> int:
        with Terminal([*PLUMA, "ask", "hi"], program.env) as terminal:
            terminal.until("Are you sure you want to continue connecting")
            terminal.send("no\r")
            terminal.until("ssh does not know the host key of unknown yet")
            return terminal.wait()

    async def test_the_app_lends_it(self, program: Program, sshd: Sshd):
        async with replay(HELLO) as server:
            configure(program, server.url, "locked")
            await asyncio.to_thread(self._talk, program, sshd)
        assert len(server.requests) == 1
        assert not sshd.running()

    def _talk(self, program: Program, sshd: Sshd) -> None:
        with Terminal(PLUMA, program.env) as terminal:
            terminal.until("Message")
            terminal.send("hi\r")
            terminal.until(ASKS)
            terminal.send("\x03")
            terminal.until("locked does not let us in by SSH")
            terminal.send("\r")
            terminal.until(lambda: terminal.text().count(ASKS) and len(sshd.calls()) == 4)
            terminal.send(f"{PASS_PHRASE}\r")
            terminal.until("hello")
            assert len(sshd.running()) == 1
            terminal.send("\x11")
            assert terminal.wait() == 0

    async def test_hanging_up_does_not_cut_the_line(self, program: Program, sshd: Sshd):
        """The ssh that has asked stays with the terminal, and is not to end with it."""
        async with replay(ENDLESS) as server:
            configure(program, server.url, "locked")
            await asyncio.to_thread(self._hang_up, program, sshd)
        await until(lambda: not sshd.running())

    def _hang_up(self, program: Program, sshd: Sshd) -> None:
        with Terminal([*PLUMA, "ask", "hi"], program.env) as terminal:
            terminal.until(ASKS)
            terminal.send(f"{PASS_PHRASE}\r")
            terminal.until("word")
            [pid] = sshd.running()
            os.kill(pid, signal.SIGHUP)
            seen = len(terminal.output)
            terminal.until(lambda: len(terminal.output) > seen + 200)
            assert sshd.running() == [pid]
