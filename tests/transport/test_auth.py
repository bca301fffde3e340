"""A key goes to its profile's own server and to no other; one that was replaced is fetched anew."""

from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable, Sequence
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest

from pluma_tui.core.errors import Refused, SecretError, Unauthorized
from pluma_tui.core.profile import Connection, SecretRef
from pluma_tui.transport.exchange import get_json
from pluma_tui.transport.http import ClientPool
from tests.servers.replay import answer, replay

KEY = "sk-a-key-that-nobody-may-see"
OK = answer({"ok": True})
NO = answer({"error": {"message": "wrong key"}}, status=401)


class Source:
    """Gives the first key as one that was kept from before, and the second to who wants a newer one."""

    def __init__(self, *keys: str | SecretError) -> None:
        self.keys = list(keys)
        self.asked: list[bool] = []

    async def fetch(self, ref: SecretRef, *, newer_than: float = float("-inf")) -> str:
        self.asked.append(newer_than > float("-inf"))
        key = self.keys[min(len(self.asked), len(self.keys)) - 1]
        if isinstance(key, SecretError):
            raise key
        return key


@pytest.fixture
async def pool() -> AsyncIterator[ClientPool]:
    pool = ClientPool()
    yield pool
    await pool.aclose()


def client(pool: ClientPool, url: str, source: Source) -> httpx.AsyncClient:
    return pool.client(Connection(base_url=url, api_key=SecretRef("env", "KEY")), secret=source.fetch)


async def ask(pool: ClientPool, source: Source, *plays: bytes) -> tuple[list[str], Any]:
    """The keys that the server saw, and what came of it."""
    async with replay(*plays) as server:
        try:
            result = await get_json(client(pool, server.url, source), "models", timeout=10)
        except Refused as error:
            result = error
    return [request.headers["authorization"].removeprefix("Bearer ") for request in server.requests], result


@pytest.mark.parametrize(
    ("keys", "plays", "sent", "answered"),
    [
        (["old", "new"], [NO, OK], ["old", "new"], True),
        (["same", "same"], [NO, OK], ["same"], False),
        (["old", "new"], [NO, NO], ["old", "new"], False),
        (["old", SecretError("gone")], [NO, OK], ["old"], False),
    ],
    ids=["replaced", "not replaced", "replaced by another wrong one", "no longer to be had"],
)
async def test_a_key_that_is_not_taken_is_fetched_once_more(
    pool: ClientPool, keys: Sequence[Any], plays: Sequence[bytes], sent: list[str], answered: bool
) -> None:
    source = Source(*keys)
    seen, result = await ask(pool, source, *plays)
    assert seen == sent
    assert source.asked == [False, True]
    assert result == {"ok": True} if answered else type(result) is Unauthorized


async def test_another_refusal_is_no_reason_to_fetch_it_again(pool: ClientPool) -> None:
    source = Source("old", "new")
    seen, result = await ask(pool, source, answer({"detail": "no"}, status=403))
    assert (seen, source.asked, type(result)) == (["old"], [False], Unauthorized)


async def test_what_was_asked_is_sent_again_whole(pool: ClientPool) -> None:
    async with replay(NO, OK) as server:
        mine = client(pool, server.url, Source("old", "new"))
        assert (await mine.post("chat", json={"question": "why"})).json() == {"ok": True}
    assert [request.json for request in server.requests] == [{"question": "why"}] * 2


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "place", ["http://127.0.0.1:{port}/", "http://localhost:{port}/", "//127.0.0.1:{port}/v1"]
)
async def test_a_redirect_takes_the_key_nowhere(pool: ClientPool, status: int, place: str) -> None:
    async with replay(OK) as other:
        target = place.format(port=other.url.rpartition(":")[2])
        seen, result = await ask(pool, Source(KEY), answer(b"", status=status, Location=target))
    assert seen == [KEY]
    assert "sends us on to" in str(result)
    assert (other.connections, other.requests) == (0, [])


@pytest.mark.parametrize(
    "elsewhere", ["https://127.0.0.1:{port}/v1", "http://localhost:{port}/v1", "http://127.0.0.1:{other}/v1"]
)
async def test_another_scheme_host_or_port_is_another_server(elsewhere: str) -> None:
    seen: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(401)

    pool = ClientPool(transport=httpx.MockTransport(take))
    source = Source(KEY)
    mine = client(pool, "http://127.0.0.1:8080/v1", source)
    await mine.get(elsewhere.format(port=8080, other=8081))
    assert (len(seen), source.asked) == (1, [])
    assert KEY not in str(seen[0].headers.raw)


ODD = 'sk-a/b+"c\\d<e&f'
"""A key with all that JSON, HTML or an address would write otherwise."""


@pytest.mark.parametrize("key", [KEY, ODD])
@pytest.mark.parametrize(
    "say",
    [
        lambda key: answer(b"", status=302, Location=f"http://other/{key}"),
        lambda key: answer(b"", status=302, Location=f"http://other/{quote(key, safe='')}?k={key}"),
        lambda key: answer(b"", status=401).replace(b"401 X", b"401 " + key.encode()),
        lambda key: answer({"error": {"odd": [key]}}, status=400),
        lambda key: answer({"error": {"message": f"no: Bearer {key}"}}, status=401),
        lambda key: answer(f"<title>{escape(key)}</title>", status=500, kind="text/html"),
        lambda key: answer(f"bad key {key}", status=403, kind="text/plain"),
        lambda key: answer(f"key={quote_plus(key)}", status=404, kind="text/plain"),
    ],
)  # fmt: skip
async def test_a_server_that_repeats_the_key_is_not_quoted(
    pool: ClientPool, key: str, say: Callable[[str], bytes]
) -> None:
    _, error = await ask(pool, Source(key), say(key))
    assert isinstance(error, Refused)
    said = f"{error.message} {error.hint}"
    assert not [form for form in (key, quote(key), escape(key), key[3:]) if form in said]


async def test_a_password_that_is_repeated_is_not_quoted(pool: ClientPool) -> None:
    async with replay(answer({"detail": "ann may not with secret-word"}, status=403)) as server:
        mine = pool.client(
            Connection(base_url=server.url.replace("//", "//ann:secret-word@")), secret=Source().fetch
        )
        with pytest.raises(Unauthorized) as caught:
            await get_json(mine, "models", timeout=10)
    assert caught.value.message.startswith("ann may not with (hidden)")


class TestBasic:
    """`auth` of an image profile: "user:password" behind a reference, sent before anybody asks for it."""

    REF = SecretRef("env", "AUTH")

    def client(self, pool: ClientPool, url: str, source: Source, **settings: Any) -> httpx.AsyncClient:
        return pool.client(Connection(base_url=url, **settings), secret=source.fetch, basic=self.REF)

    @pytest.mark.parametrize("pair", ["ann:secret", "ann:with:colons", ":", "änn:pässwörd"])
    async def test_it_is_sent_with_the_first_request(self, pool: ClientPool, pair: str) -> None:
        async with replay(OK) as server:
            await get_json(self.client(pool, server.url, Source(pair)), "models", timeout=10)
        scheme, _, sent = server.requests[0].headers["authorization"].partition(" ")
        assert (scheme, b64decode(sent).decode()) == ("Basic", pair)

    async def test_it_goes_before_a_key(self, pool: ClientPool) -> None:
        async with replay(OK) as server:
            mine = self.client(pool, server.url, Source("ann:secret"), api_key=SecretRef("env", "KEY"))
            await get_json(mine, "models", timeout=10)
        assert server.requests[0].headers["authorization"].startswith("Basic ")

    async def test_one_that_is_not_taken_is_fetched_once_more(self, pool: ClientPool) -> None:
        source = Source("ann:old", "ann:new")
        async with replay(NO, OK) as server:
            assert await get_json(self.client(pool, server.url, source), "models", timeout=10) == {"ok": True}
        sent = [request.headers["authorization"].partition(" ")[2] for request in server.requests]
        assert [b64decode(pair) for pair in sent] == [b"ann:old", b"ann:new"]

    async def test_a_secret_without_a_colon_is_not_sent(self, pool: ClientPool) -> None:
        async with replay(OK) as server:
            with pytest.raises(SecretError, match="user:password") as caught:
                await get_json(self.client(pool, server.url, Source(KEY)), "models", timeout=10)
        assert server.requests == []
        assert KEY not in f"{caught.value.message} {caught.value.hint}"

    async def test_what_a_server_repeats_of_it_is_not_quoted(self, pool: ClientPool) -> None:
        encoded = b64encode(f"ann:{KEY}".encode()).decode()
        said = {"detail": f"{KEY}, ann:{KEY}, Basic {encoded}"}
        async with replay(answer(said, status=403)) as server:
            with pytest.raises(Unauthorized) as caught:
                await get_json(self.client(pool, server.url, Source(f"ann:{KEY}")), "models", timeout=10)
        assert KEY not in caught.value.message
        assert encoded not in caught.value.message

    @pytest.mark.parametrize("in_address", [True, False])
    async def test_it_goes_to_no_other_server(self, in_address: bool) -> None:
        seen: list[httpx.Request] = []
        pool = ClientPool(transport=httpx.MockTransport(lambda r: seen.append(r) or httpx.Response(200)))
        if in_address:
            mine = pool.client(Connection(base_url="http://ann:secret@home:1"), secret=Source().fetch)
        else:
            mine = self.client(pool, "http://home:1", Source("ann:secret"))
        for url in ("http://home:1/a", "http://home:2/a", "https://home:1/a", "http://away:1/a"):
            await mine.get(url)
        assert ["authorization" in request.headers for request in seen] == [True, False, False, False]
