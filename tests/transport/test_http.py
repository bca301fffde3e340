"""The client of a profile: where it goes, by which way, and what it sends along."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pluma_tui.core.errors import ConfigError, SecretError
from pluma_tui.core.profile import Connection, SecretRef
from pluma_tui.transport.http import ClientPool
from tests.conftest import DATA
from tests.servers.replay import Play, answer, replay

OK = answer({"ok": True})
REF = SecretRef("env", "KEY")


async def give_key(_: SecretRef, *, newer_than: float = 0.0) -> str:
    return "sk-123"


@pytest.fixture
async def pool() -> AsyncIterator[ClientPool]:
    pool = ClientPool()
    yield pool
    await pool.aclose()


def client(pool: ClientPool, base_url: str, **profile: Any) -> httpx.AsyncClient:
    return pool.client(Connection(base_url=base_url, **profile), secret=give_key)


async def test_a_request_goes_below_the_base_url_with_the_profiles_headers(pool: ClientPool) -> None:
    async with replay(OK) as server:
        await client(pool, server.url + "/api/", headers={"X-Team": "a", "User-Agent": "me"}).get("models")
    [request] = server.requests
    assert (request.path, request.headers["x-team"], request.headers["user-agent"]) == (
        "/api/models",
        "a",
        "me",
    )
    assert "authorization" not in request.headers


async def test_the_key_is_fetched_for_each_request_and_not_before(pool: ClientPool) -> None:
    asked: list[SecretRef] = []

    async def secret(ref: SecretRef, *, newer_than: float = 0.0) -> str:
        asked.append(ref)
        return f"sk-{len(asked)}"

    async with replay(OK) as server:
        profile = Connection(base_url=server.url, api_key=REF)
        mine = pool.client(profile, secret=secret, auth_header="x-api-key", auth_prefix="")
        assert not asked
        await mine.get("")
        await mine.get("")
    assert [request.headers["x-api-key"] for request in server.requests] == ["sk-1", "sk-2"]
    assert asked == [REF, REF]


async def test_the_key_never_goes_to_another_host(pool: ClientPool) -> None:
    async with replay(OK) as home, replay(answer(b"", status=302, Location=home.url)) as other:
        mine = client(pool, home.url, api_key=REF)
        response = await mine.get(other.url)
        assert response.status_code == 302
        await mine.get("")
    assert "authorization" not in other.requests[0].headers
    assert [request.headers["authorization"] for request in home.requests] == ["Bearer sk-123"]


async def test_a_name_and_password_in_the_address_are_sent_as_such(pool: ClientPool) -> None:
    async with replay(OK) as server:
        mine = client(pool, server.url.replace("//", "//ann:pass@"))
        await mine.get("")
    assert server.requests[0].headers["authorization"] == httpx.BasicAuth("ann", "pass")._auth_header
    assert "pass" not in str(mine.base_url)


@pytest.mark.parametrize("key", ["sk-1\n", "sk-1\r\nX: y", "schlüssel", "a\0b"])
async def test_a_key_that_no_header_can_hold_is_not_shown(pool: ClientPool, key: str) -> None:
    async def secret(_: SecretRef, *, newer_than: float = 0.0) -> str:
        return key

    mine = pool.client(Connection(base_url="http://localhost:9", api_key=REF), secret=secret)
    with pytest.raises(SecretError) as caught:
        await mine.get("")
    assert key not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize(
    "headers",
    [{"X-Key": "a\nb"}, {"X-Key": "schlüssel"}, {"X Key": "a"}, {"": "a"}, {"X:": "a"}, {"X\n": "a"}],
)
async def test_a_header_that_cannot_be_sent_is_a_mistake_in_the_config(
    pool: ClientPool, headers: dict[str, str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        client(pool, "http://localhost:9", headers=headers)
    assert caught.value.key == "headers"
    assert "schlüssel" not in str(caught.value)


async def test_connections_outlive_the_client_and_end_with_the_pool() -> None:
    data = answer({"ok": True}, Content_Length="12").replace(b"Connection: close\r\n", b"")
    pool = ClientPool()
    async with replay(Play(data, keep=True)) as server:
        for _ in range(3):
            async with client(pool, server.url) as mine:
                await mine.get("")
        assert server.connections == 1
        assert not server.left.is_set()
        await pool.aclose()
        await server.left.wait()


async def test_the_environments_proxy_is_used_but_not_for_this_machine(
    pool: ClientPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with replay(OK) as proxy, replay(OK) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        await client(pool, server.url).get("")
        await client(pool, "http://api.example/v1").get("models")
    assert [request.path for request in proxy.requests] == ["http://api.example/v1/models"]
    assert len(server.requests) == 1


async def test_a_proxy_of_the_profile_is_used_for_every_address(pool: ClientPool) -> None:
    async with replay(OK) as proxy:
        await client(pool, "http://127.0.0.1:9", proxy=proxy.url).get("x")
    assert proxy.requests[0].path == "http://127.0.0.1:9/x"


@pytest.mark.parametrize("proxy", ["gopher://host:70", "http://[::1"])
async def test_a_proxy_that_cannot_be_used_is_a_mistake_in_the_config(pool: ClientPool, proxy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        client(pool, "http://host", proxy=proxy)
    assert caught.value.key == "proxy"


TLS = DATA / "tls"
CERT, KEY, LOCKED = (str(TLS / name) for name in ("localhost.pem", "localhost.key", "locked.key"))


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"ca_file": "/no/such/file"}, "ca_file"),
        ({"ca_file": KEY}, "ca_file"),
        ({"client_cert": "/no/such/file"}, "client_cert"),
        ({"client_cert": CERT, "client_key": CERT}, "client_cert"),
        ({"client_cert": CERT, "client_key": CERT, "ca_file": CERT}, "client_cert"),
    ],
)
async def test_certificates_that_cannot_be_used_are_mistakes_in_the_config(
    pool: ClientPool, settings: dict[str, str], key: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        client(pool, "https://localhost", **settings)
    assert caught.value.key == key


async def test_an_authority_and_a_certificate_of_ones_own_are_used(pool: ClientPool) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=CERT)
    context.load_cert_chain(CERT, KEY)
    context.verify_mode = ssl.CERT_REQUIRED
    async with replay(OK, tls=context) as server:
        mine = client(pool, server.url, ca_file=CERT, client_cert=CERT, client_key=KEY)
        assert (await mine.get("")).json() == {"ok": True}


def test_a_client_without_tls_reads_no_certificates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Reading them takes tens of milliseconds, for nothing, with a server on this machine."""
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda *_, **__: pytest.fail("read"))
    client(ClientPool(), "http://localhost:8080")
