"""Proxies of every kind, over real sockets: who is told which name, who is let in, what is said if not."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pluma_tui.core.errors import ConfigError, TimedOut, Unreachable
from pluma_tui.core.profile import Connection, ConnectionProfile, ImageProfile
from pluma_tui.transport.exchange import get_json
from pluma_tui.transport.http import ClientPool
from pluma_tui.transport.proxy import read_proxy
from tests.servers.replay import Play, answer, replay
from tests.servers.socks import socks_proxy
from tests.transport.clients import CERT, KEY, PASSWORD, no_secret, outcome

OK = answer({"ok": True})


def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERT, KEY)
    return context


class TestSocks:
    @pytest.mark.parametrize("piece", [100, 1])
    async def test_socks5h_leaves_the_name_to_the_proxy(
        self, monkeypatch: pytest.MonkeyPatch, piece: int
    ) -> None:
        looked_up: list[Any] = []
        usual = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: looked_up.append(a[0]) or usual(*a, **k))
        async with replay(OK) as server, socks_proxy(server.url, piece=piece) as proxy:
            assert await outcome("http://far.invalid/v1", proxy=f"socks5h://{proxy.where}") == {"ok": True}
        assert (proxy.asked, proxy.kinds) == (["far.invalid"], ["name"])
        assert server.requests[0].headers["host"] == "far.invalid"
        assert "far.invalid" not in looked_up

    async def test_socks5_looks_the_name_up_here(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rows = [(socket.AF_INET, 1, 6, "", ("192.0.2.7", 1))]
        usual = socket.getaddrinfo
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda *a, **k: rows if a[0] == "far.invalid" else usual(*a, **k)
        )
        async with replay(OK) as server, socks_proxy(server.url) as proxy:
            assert await outcome("http://far.invalid/v1", proxy=f"socks5://{proxy.where}") == {"ok": True}
        assert (proxy.asked, proxy.kinds) == (["192.0.2.7"], ["ipv4"])
        assert server.requests[0].headers["host"] == "far.invalid"

    async def test_socks5_tries_each_address_of_a_host(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rows = [(socket.AF_INET6, 1, 6, "", ("2001:db8::1", 1, 0, 0)), (2, 1, 6, "", ("192.0.2.7", 1))]
        usual = socket.getaddrinfo
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda *a, **k: rows if a[0] == "far.invalid" else usual(*a, **k)
        )
        async with socks_proxy(reply=8) as proxy:
            error = await outcome("http://far.invalid", proxy=f"socks5://{proxy.where}")
        assert proxy.kinds == ["ipv6", "ipv4"]
        assert "does not take this kind of address" in error.message

    async def test_socks5_with_a_name_that_nobody_knows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(*_: Any, **__: Any) -> Any:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        error = await outcome("http://far.invalid", proxy="socks5://127.0.0.1:9")
        assert error.message == "no host is known by the name in http://far.invalid"

    @pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
    async def test_tls_is_set_up_with_the_server_behind_it(self, scheme: str) -> None:
        async with replay(OK, tls=tls()) as server, socks_proxy(server.url) as proxy:
            url = server.url.replace("127.0.0.1", "localhost")
            found = await outcome(url, proxy=f"{scheme}://{proxy.where}", ca_file=CERT)
            assert found == {"ok": True}
            untrusted = await outcome(url, proxy=f"{scheme}://{proxy.where}")
            assert "the certificate of https://localhost" in untrusted.message

    async def test_a_user_and_a_password_are_shown_to_the_proxy_alone(self) -> None:
        login = ("ann", PASSWORD)
        async with replay(OK) as server, socks_proxy(server.url, login=login) as proxy:
            url = f"socks5h://ann:{PASSWORD}@{proxy.where}"
            assert await outcome("http://far.invalid", proxy=url) == {"ok": True}
        assert proxy.users == [login]
        assert PASSWORD not in str(server.requests)

    @pytest.mark.parametrize(
        ("user", "settings", "words"),
        [
            ("", {"login": ("ann", PASSWORD)}, "it wants a user name and a password"),
            (f"ann:{PASSWORD}@", {}, "it takes no user name and password"),
            (f"bob:{PASSWORD}@", {"login": ("ann", PASSWORD)}, "it does not accept this user name"),
            ("", {"reply": 1}, "it failed"),
            ("", {"reply": 2}, "its rules do not allow"),
            ("", {"reply": 4}, "it cannot reach the server"),
            ("", {"reply": 5}, "nobody listens at the server's address"),
            ("", {"reply": 99}, "error 99"),
        ],
    )
    async def test_what_it_says_no_to_is_told(self, user: str, settings: Any, words: str) -> None:
        async with socks_proxy(**settings) as proxy:
            error = await outcome("http://far.invalid", proxy=f"socks5h://{user}{proxy.where}")
        assert type(error) is Unreachable
        assert error.message.startswith("the proxy before http://far.invalid does not let us through: ")
        assert words in error.message

    @pytest.mark.parametrize("play", [OK, b"", b"\x05", b"\x04\x00"])
    async def test_what_is_no_socks_proxy_is_told(self, play: bytes) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(3)
            writer.write(play)
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            error = await outcome("http://far.invalid", proxy=f"socks5h://127.0.0.1:{port}")
        assert type(error) is Unreachable
        assert "the proxy before" in error.message

    async def test_one_that_says_nothing_is_given_up_in_time(self) -> None:
        async with socks_proxy(silent=True) as proxy:
            error = await outcome("http://far.invalid", proxy=f"socks5h://{proxy.where}")
        assert type(error) is TimedOut
        assert f"the proxy {proxy.where} has not let us through" in error.message
        assert "connect_timeout" in error.hint

    async def test_one_that_is_away_is_named_without_its_password(self) -> None:
        async with socks_proxy() as gone:
            pass
        error = await outcome("http://far.invalid", proxy=f"socks5h://ann:{PASSWORD}@{gone.where}")
        assert type(error) is Unreachable
        assert f"nobody answers at {gone.where}" in error.message
        assert "proxy" in error.hint


class TestTor:
    async def test_each_profile_has_a_stream_of_its_own_and_keeps_it(self) -> None:
        async with replay(OK) as server, socks_proxy(server.url, any_login=True) as proxy:
            setting: dict[str, Any] = {"base_url": "http://service.onion", "proxy": f"tor://{proxy.where}"}
            profiles: list[Connection] = [
                ConnectionProfile(compat="openai", name="a", **setting),
                ConnectionProfile(compat="openai", name="b", **setting),
                ImageProfile(kind="a1111", name="a", **setting),
            ]
            pool = ClientPool()
            for profile in [*profiles, *profiles]:
                await get_json(pool.client(profile, secret=no_secret), "models", timeout=5)
            await pool.aclose()
        first, second = proxy.users[:3], proxy.users[3:]
        assert first == second
        assert len(set(first)) == 3
        assert set(proxy.kinds) == {"name"}

    async def test_profiles_share_no_connection_to_one_server(self) -> None:
        """A connection that is kept would carry what another profile asks over the same circuit."""
        kept = answer({"ok": True}, Content_Length="12").replace(b"Connection: close\r\n", b"")
        async with (
            replay(Play(kept, keep=True)) as server,
            socks_proxy(server.url, any_login=True) as proxy,
        ):
            pool = ClientPool()
            for name in ("a", "b", "a", "b"):
                profile = Connection(name=name, base_url="http://same.onion", proxy=f"tor://{proxy.where}")
                await get_json(pool.client(profile, secret=no_secret), "models", timeout=5)
            await pool.aclose()
        assert (server.connections, len(server.requests)) == (2, 4)

    def test_the_preset_is_this_machines_tor(self) -> None:
        proxy = read_proxy("tor", "mine")
        assert (proxy.scheme, proxy.where, proxy.user) == ("socks5h", "127.0.0.1:9050", "mine")
        assert read_proxy("tor://127.0.0.1:9150").port == 9150


class TestTunnel:
    """An HTTP proxy before a server with TLS."""

    async def test_it_passes_on_what_it_cannot_read(self) -> None:
        async with replay(answer(b"", status=407), tls=None) as proxy:
            error = await outcome("https://far.invalid", proxy=f"http://ann:{PASSWORD}@{proxy.url[7:]}")
        assert proxy.requests[0].method == "CONNECT"
        assert proxy.requests[0].path == "far.invalid:443"
        assert proxy.requests[0].headers["proxy-authorization"].startswith("Basic ")
        assert "does not let us through: it answers 407" in error.message

    async def test_the_server_behind_it_answers(self) -> None:
        async with replay(OK, tls=tls()) as server, connect_proxy(server.url) as where:
            assert await outcome(server.url, proxy=f"http://{where}", ca_file=CERT) == {"ok": True}

    @pytest.mark.parametrize("play", [b"SSH-2.0-x\r\n\r\n", b"", b"HTTP/1.1 200"])
    async def test_what_is_no_proxy_is_told(self, play: bytes) -> None:
        async with replay(play) as proxy:
            error = await outcome("https://far.invalid", proxy=proxy.url)
        assert type(error) is Unreachable
        assert "the proxy before https://far.invalid" in error.message

    async def test_one_that_never_answers_is_given_up_in_time(self) -> None:
        async with replay(Play(b"", silent=True)) as proxy:
            error = await outcome("https://far.invalid", proxy=proxy.url)
        assert type(error) is TimedOut
        assert "has not let us through" in error.message

    async def test_one_that_is_spoken_to_by_tls(self) -> None:
        async with replay(OK, tls=tls()) as proxy:
            found = await outcome("http://far.invalid/v1", proxy=proxy.url, ca_file=CERT)
        assert found == {"ok": True}
        assert proxy.requests[0].path == "http://far.invalid/v1/models"


@pytest.mark.parametrize("name", ["ALL_PROXY", "HTTP_PROXY", "http_proxy"])
async def test_this_machine_is_asked_without_the_environments_proxy(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async with replay(OK) as server, socks_proxy(server.url) as proxy:
        monkeypatch.setenv(name, f"socks5h://{proxy.where}")
        for host in ("127.0.0.1", "localhost"):
            assert await outcome(server.url.replace("127.0.0.1", host)) == {"ok": True}
        assert proxy.connections == 0
        assert await outcome("http://far.invalid") == {"ok": True}
        assert proxy.asked == ["far.invalid"]


@pytest.mark.parametrize(
    "text",
    ["socks4://host:1", "socks5://", "http://host:0", "http://host:99999", "host:3128", "torr", "http://[::1",
     f"socks5://ann:{PASSWORD * 9}@host", f"ftp://ann:{PASSWORD}@host"],
)  # fmt: skip
def test_what_is_no_proxy_is_a_mistake_in_the_config(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_proxy(text)
    assert caught.value.key == "proxy"
    assert PASSWORD not in f"{caught.value} {caught.value.hint}"


@asynccontextmanager
async def connect_proxy(url: str) -> AsyncIterator[str]:
    """An HTTP proxy whose every connection leads to the server at `url`; gives its host and port."""
    tasks: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        far = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        for source, target in ((reader, far[1]), (far[0], writer)):
            tasks.append(asyncio.create_task(pass_on(source, target)))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for task in tasks:
        task.cancel()


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()
