"""Servers behind SSH: the address, and the way there through a real sshd on this machine."""

import asyncio
import contextlib
import os
import signal
import stat
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluma_tui.core.errors import BrokenStream, ConfigError, ConnectionDropped, TimedOut, Unreachable
from pluma_tui.core.profile import Connection, SecretRef
from pluma_tui.transport.address import read_base_url, upstream
from pluma_tui.transport.exchange import get_json
from pluma_tui.transport.http import ClientPool
from pluma_tui.transport.ssh import Target, ssh_target
from pluma_tui.transport.stream import ask
from tests.servers import sshd as servers
from tests.servers.replay import Play, ReplayServer, answer, replay
from tests.servers.sshd import Sshd

OK = answer({"ok": True})
EVENT = b"data: one\n\n"
LIMIT = 20.0  # seconds, for what takes a moment


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with servers.run(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def sshd(running: Sshd, monkeypatch: pytest.MonkeyPatch) -> Sshd:
    running.forget()
    monkeypatch.setenv("PATH", running.path)
    for name in ("SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    return running


@pytest.fixture
async def pool() -> AsyncIterator[ClientPool]:
    pool = ClientPool()
    yield pool
    await pool.aclose()


async def no_key(_: SecretRef, *, newer_than: float = 0.0) -> str:
    return ""


def client(pool: ClientPool, base_url: str, **profile: Any) -> httpx.AsyncClient:
    return pool.client(Connection(base_url=base_url, **profile), secret=no_key)


def behind(server: ReplayServer, host: str = "box") -> str:
    return f"ssh+http://{host}:{port(server)}/v1"


def port(server: ReplayServer) -> int:
    return int(server.url.rpartition(":")[2])


@contextlib.asynccontextmanager
async def asked(pool: ClientPool, server: ReplayServer) -> AsyncIterator[AsyncIterator[str]]:
    """The events of an answer through SSH; leaving stops it."""
    async with ask(client(pool, behind(server)), "chat", {"a": 1}, first=LIMIT, between=LIMIT) as reply:
        yield aiter(reply)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(LIMIT):
        while not holds():
            await asyncio.sleep(0.01)


async def refused(pool: ClientPool, host: str, far: int = 1, **profile: Any) -> Unreachable:
    """What somebody is told who asks there; it takes no longer than a connection may take."""
    with pytest.raises(Unreachable) as caught:
        await get_json(client(pool, f"ssh+http://{host}:{far}", **profile), "x", timeout=LIMIT)
    return caught.value


class TestTheAddress:
    @pytest.mark.parametrize(
        ("text", "target"),
        [
            ("ssh+http://box:11434/v1", Target("", "box", "127.0.0.1", 11434)),
            ("SSH+HTTP://ann@Box.lan:80/", Target("ann", "Box.lan", "127.0.0.1", 80)),
            ("ssh+http://ann@x@box,192.168.1.7:8080", Target("ann@x", "box", "192.168.1.7", 8080)),
            ("ssh+http://[fe80::1]:1", Target("", "fe80::1", "127.0.0.1", 1)),
            ("ssh+http://box", Target("", "box", "127.0.0.1", 0)),
        ],
    )
    def test_what_it_means(self, text: str, target: Target):
        url = read_base_url(text)
        assert ssh_target(url.host) == target
        assert read_base_url(upstream(url)) == url

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("ssh+http://ann@Box:11434/v1/?a=b#c", "ssh+http://ann@Box:11434/v1"),
            ("ssh+http://box,127.0.0.1:1", "ssh+http://box:1/api"),
            ("ssh+http://[::1],far:1", "ssh+http://[::1],far:1/api"),
        ],
    )
    def test_how_it_is_shown(self, text: str, shown: str):
        assert upstream(read_base_url(text, "/api")) == shown

    @pytest.mark.parametrize(
        "text",
        [
            "ssh+http://",
            "ssh+http:///v1",
            "ssh+http://-oProxyCommand=evil:1",
            "ssh+http://-l@box:1",
            "ssh+http://box,-x:1",
            "ssh+http://ann@:1",
            "ssh+http://a b:1",
            "ssh+http://$(evil):1",
            "ssh+http://`evil`@box:1",
            "ssh+http://box:0",
            "ssh+http://box:65536",
            "ssh+http://box:x",
            "ssh+http://[:1",
            "ssh+http://box\n:1",
            "ssh+https://box:1",
            "ssh://box:1",
            "ssh+http://ann:hunter2@box:1",
            "ssh+http://ann:hunter2@@/:1",
        ],
    )
    def test_what_ssh_could_not_be_given(self, text: str):
        with pytest.raises(ConfigError) as caught:
            read_base_url(text)
        assert caught.value.key == "base_url"
        assert "hunter2" not in caught.value.sentence

    @given(st.text(alphabet="ab-@:,/[]%$`;\\ \n1._", max_size=12) | st.text(max_size=20))
    def test_it_is_never_an_option_or_a_command(self, text: str):
        try:
            url = read_base_url(f"ssh+http://{text}")
        except ConfigError:
            return
        target = ssh_target(url.host)
        assert target
        for word in (target.user, target.host, target.far):
            assert not word.startswith("-")
            assert not set(word) & set("`$;|&<>()\\\"' \n\t*?!%")
        assert ssh_target(read_base_url(upstream(url)).host) == target

    @pytest.mark.parametrize(
        "host", ["box.ssh.invalid", "zz.ssh.invalid", "2d78.ssh.invalid", "ff.ssh.invalid"]
    )
    def test_a_host_that_a_server_made_up_is_none(self, host: str):
        assert ssh_target(host) is None

    def test_without_a_port_it_is_the_dialects_own(self, pool: ClientPool):
        profile = Connection(base_url="ssh+http://box")
        usual = "http://127.0.0.1:11434"
        mine = pool.client(profile, secret=no_key, default_base_url=usual, default_path="/v1")
        assert upstream(mine.base_url) == "ssh+http://box:11434/v1"

    @pytest.mark.parametrize("usual", ["https://api.openai.com/v1", "http://localhost", ""])
    def test_a_dialect_of_the_internet_has_none(self, pool: ClientPool, usual: str):
        with pytest.raises(ConfigError) as caught:
            pool.client(Connection(base_url="ssh+http://box"), secret=no_key, default_base_url=usual)
        assert "ssh+http://box:8080" in caught.value.hint

    def test_a_proxy_does_not_go_with_it(self, pool: ClientPool):
        with pytest.raises(ConfigError) as caught:
            client(pool, "ssh+http://box:1", proxy="http://host:3128")
        assert caught.value.key == "proxy"


class TestTheWay:
    async def test_an_answer_streams_through_it(self, sshd: Sshd, pool: ClientPool):
        events = [EVENT.replace(b"one", b"%d" % number) for number in range(3)]
        async with replay(answer(b"".join(events))) as server, asked(pool, server) as heard:
            assert [event async for event in heard] == ["0", "1", "2"]
        assert server.requests[0].path == "/v1/chat"
        assert server.requests[0].headers["host"] == f"127.0.0.1:{port(server)}"

    async def test_stopping_closes_the_connection_on_the_far_side(self, sshd: Sshd, pool: ClientPool):
        async with replay(Play(answer(EVENT), again=EVENT, every=0.01)) as server:
            async with asked(pool, server) as heard:
                assert await anext(heard) == "one"
            await server.left.wait()

    async def test_two_profiles_share_one_ssh(self, sshd: Sshd, pool: ClientPool):
        async with replay(OK) as server:
            mine = client(pool, behind(server))
            other = client(pool, behind(server), headers={"X-Other": "yes"}, connect_timeout=LIMIT)
            await asyncio.gather(*(get_json(one, "x", timeout=LIMIT) for one in (mine, other, mine)))
        assert len(sshd.calls()) == 1
        assert len(server.requests) == 3

    async def test_nothing_is_started_before_a_request_and_nothing_is_left(self, sshd: Sshd):
        pool = ClientPool()
        async with replay(OK) as server:
            mine = client(pool, behind(server))
            assert not sshd.calls()
            await get_json(mine, "x", timeout=LIMIT)
            [call] = sshd.calls()
            folder = Path(call[call.index("-L") + 1].partition(":")[0]).parent
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert len(sshd.running()) == 1
            await pool.aclose()
        assert not sshd.running()
        assert not folder.exists()

    async def test_the_socket_is_where_the_session_keeps_its_own(
        self, sshd: Sshd, pool: ClientPool, monkeypatch: pytest.MonkeyPatch
    ):
        with tempfile.TemporaryDirectory(dir="/tmp") as short:
            for base in (Path(short), Path(short, "long" * 30), Path(short, "with:colon")):
                base.mkdir(exist_ok=True)
                monkeypatch.setenv("XDG_RUNTIME_DIR", str(base))
                async with replay(OK) as server:
                    await get_json(client(pool, behind(server)), "x", timeout=LIMIT)
                call = sshd.calls()[-1]
                folder = Path(call[call.index("-L") + 1]).parents[1]
                assert (folder == base) == (base == Path(short))
            await pool.aclose()

    async def test_it_is_started_again_when_it_has_ended(self, sshd: Sshd, pool: ClientPool):
        async with replay(OK) as server:
            mine = client(pool, behind(server))
            await get_json(mine, "x", timeout=LIMIT)
            os.kill(sshd.running()[0], signal.SIGKILL)
            await until(lambda: not sshd.running())
            await get_json(mine, "x", timeout=LIMIT)
        assert len(sshd.calls()) == 2

    async def test_the_environments_proxy_is_not_used(
        self, sshd: Sshd, pool: ClientPool, monkeypatch: pytest.MonkeyPatch
    ):
        for name in ("HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        async with replay(OK) as server:
            assert await get_json(client(pool, behind(server)), "x", timeout=LIMIT) == {"ok": True}

    async def test_a_forwarding_of_ones_own_that_is_in_use_does_no_harm(self, sshd: Sshd, pool: ClientPool):
        async with replay(OK) as server:
            sshd.override(LocalForward=f"127.0.0.1:{port(server)} 127.0.0.1:1")
            assert await get_json(client(pool, behind(server)), "x", timeout=LIMIT) == {"ok": True}

    async def test_a_link_to_another_server_does_not_go_there(self, sshd: Sshd, pool: ClientPool):
        async with replay(OK) as server, replay(OK) as other:
            await client(pool, behind(server)).get(f"{other.url}/picture.png")
        assert not server.requests
        assert [request.path for request in other.requests] == ["/picture.png"]

    async def test_giving_up_while_it_connects_ends_it(self, sshd: Sshd, pool: ClientPool):
        asking = asyncio.create_task(
            get_json(client(pool, "ssh+http://silent:1", connect_timeout=0.0), "x", timeout=0)
        )
        await until(sshd.running)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert not sshd.running()


class TestInWords:
    async def test_a_host_key_that_is_not_known(self, sshd: Sshd, pool: ClientPool):
        error = await refused(pool, "ann@unknown")
        assert error.message == "ssh does not know the host key of ann@unknown yet"
        assert "`ssh ann@unknown`" in error.hint

    async def test_a_host_key_that_is_another(self, sshd: Sshd, pool: ClientPool):
        error = await refused(pool, "changed")
        assert error.message == "the host key of changed is not the one that is known here"

    async def test_a_key_that_is_not_let_in(self, sshd: Sshd, pool: ClientPool):
        error = await refused(pool, "stranger")
        assert error.message == "stranger does not let us in by SSH: permission denied (publickey)"
        assert "ssh-agent" in error.hint
        assert len(sshd.calls()) == 1

    async def test_no_such_host(self, sshd: Sshd, pool: ClientPool):
        error = await refused(pool, "nowhere")
        assert error.message == "ssh finds no host by the name nowhere.invalid"

    async def test_nobody_listens_for_ssh(self, sshd: Sshd, pool: ClientPool):
        error = await refused(pool, "closed")
        assert error.message == "no SSH connection to 127.0.0.1 port 1: connection refused"

    async def test_no_ssh_at_all(self, pool: ClientPool, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("PATH", "")
        assert "no ssh on this machine" in (await refused(pool, "box")).message

    async def test_a_mistake_in_its_configuration(self, sshd: Sshd, pool: ClientPool):
        sshd.override(Nonsense="yes")
        assert "Bad configuration option: nonsense" in (await refused(pool, "box")).message

    async def test_nobody_answers_in_time(self, sshd: Sshd, pool: ClientPool):
        with pytest.raises(TimedOut) as caught:
            await get_json(client(pool, "ssh+http://silent:1", connect_timeout=0.3), "x", timeout=LIMIT)
        assert caught.value.message == "no SSH connection to silent in time"
        assert not sshd.running()

    async def test_nobody_listens_on_the_far_side(self, sshd: Sshd, pool: ClientPool):
        error = await refused(pool, "box", 1)
        assert error.message == "nobody listens at 127.0.0.1:1 on box"

    async def test_it_may_not_forward(self, sshd: Sshd, pool: ClientPool):
        async with replay(OK) as server:
            error = await refused(pool, "restricted", port(server))
        assert error.message == f"restricted lets nobody through to 127.0.0.1:{port(server)}"
        assert "AllowTcpForwarding" in error.hint

    async def test_the_line_is_cut_while_the_server_thinks(self, sshd: Sshd, pool: ClientPool):
        async with replay(Play(b"", silent=True)) as server:
            asking = asyncio.create_task(get_json(client(pool, behind(server)), "x", timeout=LIMIT))
            await until(lambda: server.requests)
            sshd.signal_sessions(signal.SIGKILL)
            with pytest.raises(ConnectionDropped) as caught:
                await asking
        assert "ssh to box has ended" in caught.value.message
        assert caught.value.retryable

    async def test_the_line_is_dead_in_the_middle_of_an_answer(self, sshd: Sshd, pool: ClientPool):
        """It says nothing, and nobody hangs up: ssh asks whether anybody is there."""
        sshd.override(ServerAliveInterval="1", ServerAliveCountMax="1")
        async with replay(Play(answer(EVENT), silent=True)) as server, asked(pool, server) as heard:
            assert await anext(heard) == "one"
            sshd.signal_sessions(signal.SIGSTOP)
            with pytest.raises(BrokenStream) as caught:
                await anext(heard)
        assert caught.value.message.endswith("broke off the answer: the line to box is dead")


class TestAsking:
    async def test_a_pass_phrase_is_asked_for_by_its_own_helper(
        self, sshd: Sshd, pool: ClientPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        helper = tmp_path / "askpass"
        helper.write_text(f"#!/bin/sh\necho '{servers.PASS_PHRASE}'\n")
        helper.chmod(0o755)
        monkeypatch.setenv("SSH_ASKPASS", str(helper))
        monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
        async with replay(OK) as server:
            assert await get_json(client(pool, behind(server, "locked")), "x", timeout=LIMIT) == {"ok": True}
        assert ["BatchMode=yes" in call for call in sshd.calls()] == [True, False]
        assert len(sshd.running()) == 1

    async def test_with_nobody_to_be_asked_it_is_told(self, sshd: Sshd, pool: ClientPool):
        error = await refused(pool, "locked")
        assert "A key with a pass phrase wants ssh-agent, or a terminal to ask on." in error.hint
        assert len(sshd.calls()) == 1
