"""HTTP/2 with a server that offers it: streams, stopping, time limits, and what can go wrong."""

import asyncio
import json

import httpx
import pytest

from pluma_tui.core.errors import BrokenStream, ConnectionDropped, ProviderError, TimedOut, Unauthorized
from pluma_tui.core.profile import ImageProfile
from pluma_tui.transport import ws
from pluma_tui.transport.exchange import get_json
from pluma_tui.transport.http import ClientPool
from pluma_tui.transport.stream import ask
from tests.servers.http2 import Play2, document, http2_server
from tests.transport.clients import CERT, asking, no_secret

EVENT = b"data: one\n\n"
LIMIT = 0.3


async def listen(url: str, *, first: float = 5, between: float = 5) -> tuple[list[str], ProviderError | None]:
    """The events that came, and the error they ended in."""
    async with asking(url, ca_file=CERT, connect_timeout=5) as client:
        return await hear(client, first=first, between=between)


async def hear(
    client: httpx.AsyncClient, *, first: float = 5, between: float = 5
) -> tuple[list[str], ProviderError | None]:
    """The same, with a client whose connections live on."""
    events: list[str] = []
    try:
        async with ask(client, "chat", {"a": 1}, first=first, between=between) as reply:
            async for data in reply:
                events.append(data)
    except ProviderError as error:
        return events, error
    return events, None


async def test_a_server_that_offers_it_is_asked_by_it() -> None:
    async with http2_server(document({"ok": True})) as server, asking(server.url, ca_file=CERT) as client:
        assert await get_json(client, "v1/models", timeout=5) == {"ok": True}
        assert await get_json(client, "v1/ask", timeout=5, post={"a": 1}) == {"ok": True}
    assert server.versions == ["h2"]
    (first, _), (second, body) = server.requests
    assert (first[":path"], first[":authority"]) == ("/v1/models", server.url.removeprefix("https://"))
    assert (second[":method"], json.loads(body)) == ("POST", {"a": 1})


async def test_events_come_as_they_are_sent() -> None:
    async with (
        http2_server(Play2((EVENT,) * 3, silent=True)) as server,
        asking(server.url, ca_file=CERT) as client,
        ask(client, "chat", {}, first=5, between=5) as reply,
    ):
        assert [await anext(reply) for _ in range(3)] == ["one"] * 3


async def test_more_than_fits_into_its_windows_comes_whole() -> None:
    large = b"data: " + b"x" * 5_000_000 + b"\n\n"
    async with http2_server(Play2((large,) * 8)) as server:
        events, error = await listen(server.url, first=60, between=60)
    assert ([len(event) for event in events], error) == ([5_000_000] * 8, None)


async def test_a_long_question_is_sent_whole() -> None:
    async with http2_server(document({})) as server, asking(server.url, ca_file=CERT) as client:
        await get_json(client, "ask", timeout=30, post={"text": "x" * 3_000_000})
    assert len(server.requests[0][1]) > 3_000_000


# Stopping


async def test_leaving_an_answer_ends_it_at_the_server() -> None:
    endless = Play2((EVENT,), endless=True)
    async with http2_server(endless) as server, asking(server.url, ca_file=CERT) as client:
        async with ask(client, "chat", {}, first=5, between=5) as reply:
            await anext(reply)
            assert not server.left.is_set()
        async with asyncio.timeout(5):
            await server.left.wait()


@pytest.mark.parametrize("play", [Play2(mute=True), Play2(silent=True), Play2((EVENT,), silent=True)])
async def test_a_cancelled_question_ends_at_the_server(play: Play2) -> None:
    """Also before the first header: a model may read a long prompt in silence for minutes."""
    async with http2_server(play) as server, asking(server.url, ca_file=CERT) as client:
        task = asyncio.create_task(hear(client, first=60, between=60))
        async with asyncio.timeout(5):
            while not server.requests:
                await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):
            await server.left.wait()


async def test_what_is_stopped_disturbs_no_other_answer() -> None:
    plays = Play2((EVENT,), endless=True), Play2((EVENT,) * 5)
    async with http2_server(*plays) as server, asking(server.url, ca_file=CERT) as client:
        async with ask(client, "chat", {}, first=5, between=5) as stopped:
            await anext(stopped)
            async with ask(client, "chat", {}, first=5, between=5) as other:
                await anext(other)
                await stopped.aclose()
                assert [data async for data in other] == ["one"] * 4
        async with ask(client, "chat", {}, first=5, between=5) as later:
            assert [data async for data in later] == ["one"] * 5
    assert server.connections == 2  # the other one's was used again


async def test_a_connection_that_was_read_to_its_end_is_used_again() -> None:
    async with http2_server(Play2((EVENT,))) as server, asking(server.url, ca_file=CERT) as client:
        for _ in range(3):
            async with ask(client, "chat", {}, first=5, between=5) as reply:
                await anext(reply)
                await reply.drain()
    assert (server.connections, len(server.requests)) == (1, 3)


# Time limits and mishaps


@pytest.mark.parametrize("play", [Play2(mute=True), Play2(silent=True)])
async def test_without_a_first_event_the_time_runs_out(play: Play2) -> None:
    async with http2_server(play) as server, asking(server.url, ca_file=CERT) as client:
        events, error = await hear(client, first=LIMIT)
        assert (events, type(error)) == ([], TimedOut)
        async with asyncio.timeout(5):
            await server.left.wait()


async def test_between_events_silence_breaks_the_stream() -> None:
    async with http2_server(Play2((EVENT,), silent=True)) as server:
        events, error = await listen(server.url, between=LIMIT)
    assert (events, type(error)) == (["one"], BrokenStream)


@pytest.mark.parametrize(
    "play",
    [Play2((EVENT,), reset=True), Play2((EVENT,), junk=b"\xff" * 64), Play2((EVENT,), junk=b"HTTP/1.1")],
)
async def test_what_breaks_off_is_an_error_of_ours(play: Play2) -> None:
    async with http2_server(play) as server:
        events, error = await listen(server.url, between=2)
    assert events == ["one"]
    assert isinstance(error, BrokenStream)


async def test_an_event_without_end_is_cut_off() -> None:
    async with http2_server(Play2((EVENT, b"data: ", b"x" * 1_000_000), endless=True)) as server:
        events, error = await listen(server.url, first=60, between=60)
    assert events == ["one"]
    assert "8 MB" in str(error)


async def test_a_refusal_is_told_as_such() -> None:
    async with http2_server(document({"error": {"message": "wrong key"}}, status=401)) as server:
        _, error = await listen(server.url)
    assert isinstance(error, Unauthorized)
    assert "wrong key" in str(error)


async def test_a_server_that_said_goodbye_meanwhile_is_called_anew() -> None:
    plays = Play2((EVENT,), leaves=True), Play2((EVENT,))
    async with http2_server(*plays) as server, asking(server.url, ca_file=CERT) as client:
        for _ in range(2):
            async with ask(client, "chat", {}, first=5, between=5) as reply:
                assert [data async for data in reply] == ["one"]
            async with asyncio.timeout(5):
                await server.gone.wait()
    assert server.connections == 2


async def test_many_at_once_all_get_their_answers() -> None:
    async with http2_server(Play2((EVENT,) * 20)) as server, asking(server.url, ca_file=CERT) as client:

        async def one() -> int:
            async with ask(client, "chat", {}, first=20, between=20) as reply:
                return len([data async for data in reply])

        assert await asyncio.gather(*(one() for _ in range(10))) == [20] * 10


async def test_a_websocket_begins_with_http_1() -> None:
    """HTTP/2 has no way to change to websockets that servers would know."""
    async with http2_server(document({})) as server:
        pool = ClientPool()
        profile = ImageProfile(kind="comfy", base_url=server.url, ca_file=CERT, connect_timeout=5)
        client = pool.client(profile, secret=no_secret)
        await get_json(client, "models", timeout=5)
        with pytest.raises(ConnectionDropped):
            async with ws.connect(client, "ws", timeout=5):
                pass
        await pool.aclose()
    assert server.versions == ["h2", "http/1.1"]


async def test_a_server_without_it_is_asked_as_ever() -> None:
    async with http2_server(document({}), offers=("http/1.1",)) as server:
        _, error = await listen(server.url)
    assert server.versions == ["http/1.1"]
    assert isinstance(error, ConnectionDropped)
