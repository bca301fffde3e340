"""Streams over a real socket: time limits that count events, and every way a server can fall short."""

import asyncio
import gzip
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest

from pluma_tui.core.errors import (
    BrokenStream,
    ConnectionDropped,
    NotFound,
    ProviderError,
    Refused,
    TimedOut,
    Unreachable,
)
from pluma_tui.core.profile import Connection, SecretRef
from pluma_tui.transport.exchange import get_json
from pluma_tui.transport.http import ClientPool
from pluma_tui.transport.stream import Answer, ask
from tests.conftest import DATA
from tests.servers.replay import Play, answer, replay

Heard = tuple[list[str], ProviderError | None]
"""The events that came, and the error they ended in."""

HEAD = answer(b"")
EVENT = b"data: one\n\n"
LIMIT = 0.2


async def no_key(_: SecretRef, *, newer_than: float = 0.0) -> str:
    return ""


@asynccontextmanager
async def client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    pool = ClientPool()
    yield pool.client(Connection(base_url=url, connect_timeout=LIMIT), secret=no_key)
    await pool.aclose()


async def listen(
    url: str, *, first: float = LIMIT, between: float = LIMIT
) -> tuple[list[str], ProviderError | None]:
    """The events that came, and the error they ended in."""
    events: list[str] = []
    async with client(url) as http:
        try:
            async with ask(http, "chat", {"a": 1}, first=first, between=between) as reply:
                async for data in reply:
                    events.append(data)
        except ProviderError as error:
            return events, error
    return events, None


def asking(http: httpx.AsyncClient) -> AbstractAsyncContextManager[Answer]:
    return ask(http, "chat", {}, first=LIMIT, between=LIMIT)


async def outcome(
    *plays: Play | bytes, first: float = LIMIT, between: float = LIMIT
) -> tuple[list[str], object]:
    async with replay(*plays) as server:
        return await listen(server.url, first=first, between=between)


async def test_a_stream_is_asked_for_by_post_and_read_to_its_end() -> None:
    async with replay(HEAD + EVENT + b": hi\n\nevent: x\nid: 1\n\ndata: two\n\n") as server:
        assert await listen(server.url) == (["one", "two"], None)
    [request] = server.requests
    assert (request.method, request.path, request.json) == ("POST", "/chat", {"a": 1})
    assert request.headers["accept"].startswith("text/event-stream")
    assert request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("name", ["xl-think-grammar-stream.http", "micro-md.http"])
async def test_recorded_responses_are_read_from_the_wire(name: str) -> None:
    raw = (DATA / "chat" / name).read_bytes()
    expected = raw.count(b"data: ")
    for piece in (1 << 20, 11):
        events, error = await outcome(Play(raw, piece=piece), first=5, between=5)
        assert (len(events), events[-1], error) == (expected, "[DONE]", None)


# Time limits


@pytest.mark.parametrize(
    "play",
    [
        Play(b"", silent=True),
        Play(HEAD[:20], silent=True),
        Play(HEAD, silent=True),
        Play(HEAD + EVENT[:8], silent=True),
        Play(HEAD, again=b": keep-alive\n\n", every=0.02),
        Play(HEAD, again=b"x", every=0.02),
        Play(HEAD + EVENT, piece=1, every=0.05),
        Play(answer(b'{"choices": ', kind="application/json"), silent=True),
    ],
)
async def test_without_a_first_event_the_time_runs_out(play: Play) -> None:
    started = time.monotonic()
    events, error = await outcome(play)
    assert isinstance(error, TimedOut)
    assert "first_event_timeout" in error.hint
    assert not events
    assert LIMIT * 0.9 < time.monotonic() - started < 10 * LIMIT


@pytest.mark.parametrize(
    "play",
    [
        Play(HEAD + EVENT, silent=True),
        Play(HEAD + EVENT + EVENT[:8], silent=True),
        Play(HEAD + EVENT, again=b":\n\n", every=0.02),
        Play(HEAD + EVENT, again=b"data:\n\n", every=0.02),
    ],
)
async def test_between_events_silence_breaks_the_stream(play: Play) -> None:
    events, error = await outcome(play, first=5)
    assert events == ["one"]
    assert isinstance(error, BrokenStream)
    assert "fell silent" in str(error)


async def test_events_that_keep_coming_meet_no_limit() -> None:
    events, error = await outcome(Play(HEAD + EVENT * 12, piece=len(EVENT), every=LIMIT / 8), first=5)
    assert (events, error) == (["one"] * 12, None)


async def test_zero_is_no_limit() -> None:
    play = Play(HEAD + EVENT * 2, piece=len(HEAD + EVENT), every=LIMIT)
    assert await outcome(play, first=0, between=0) == (["one", "one"], None)


async def test_the_time_a_reader_takes_for_itself_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    play = Play(HEAD + EVENT * 2, piece=len(HEAD + EVENT))
    async with replay(play) as server, client(server.url) as http, asking(http) as reply:
        assert await anext(reply) == "one"
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: time.monotonic() + 1000)
        assert await anext(reply) == "one"


# Broken connections


@pytest.mark.parametrize("cut", [0, 1, 15, len(HEAD) - 1])
async def test_a_line_that_is_cut_before_a_word_is_worth_another_try(cut: int) -> None:
    _, error = await outcome(Play(HEAD + EVENT, cut=cut))
    assert isinstance(error, ConnectionDropped)
    assert error.retryable


CHUNKED = answer(b"", Transfer_Encoding="chunked")


@pytest.mark.parametrize(
    "data",
    [
        answer(EVENT, Content_Length="100"),
        CHUNKED + b"b\r\n" + EVENT + b"\r\n",
        CHUNKED + b"b\r\n" + EVENT + b"\r\n5",
        CHUNKED + b"b\r\n" + EVENT + b"\r\nxyz\r\n",
    ],
)
async def test_a_connection_that_is_lost_after_an_event_breaks_the_stream(data: bytes) -> None:
    events, error = await outcome(data)
    assert events == ["one"]
    assert isinstance(error, BrokenStream)


async def test_what_speaks_no_http_is_said() -> None:
    _, error = await outcome(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
    assert isinstance(error, Unreachable)
    assert not error.retryable
    assert "does not speak HTTP" in str(error)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


async def test_a_proxy_that_is_away_is_told_from_the_server_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://ann:secret@127.0.0.1:{free_port()}")
    _, error = await listen("http://host.invalid")
    assert type(error) is Unreachable
    assert "the proxy before http://host.invalid" in str(error)
    assert "secret" not in str(error)


async def test_nobody_at_the_address_is_said_with_it() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    _, error = await listen(url)
    assert type(error) is Unreachable
    assert f"nobody answers at {url}" in str(error)
    assert error.hint


async def test_an_unknown_host_is_said() -> None:
    _, error = await listen("http://no-such-host.invalid", first=5)
    assert isinstance(error, Unreachable | TimedOut)  # a resolver may take its time
    assert "no-such-host.invalid" in str(error)


async def test_a_server_that_accepts_nobody_is_given_up() -> None:
    with socket.socket() as listener, socket.socket() as other:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        other.connect(listener.getsockname())  # fills the queue: what comes now waits for ever
        _, error = await listen(f"http://127.0.0.1:{listener.getsockname()[1]}")
    assert isinstance(error, TimedOut)


# TLS


@pytest.mark.parametrize("data", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
async def test_a_server_that_does_not_get_through_tls_is_unreachable(data: bytes) -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        _, error = await listen(f"https://127.0.0.1:{port}", first=5)
    assert type(error) is Unreachable
    assert "TLS" in str(error)
    assert "http://" in error.hint


async def test_a_certificate_that_nobody_vouches_for_is_said() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(DATA / "tls" / "localhost.pem", DATA / "tls" / "localhost.key")
    async with replay(HEAD, tls=context) as server:
        _, error = await listen(server.url, first=5)
    assert isinstance(error, Unreachable)
    assert "certificate" in str(error)
    assert "ca_file" in error.hint


# Sizes and packing


async def test_an_event_without_end_is_cut_off() -> None:
    endless = Play(HEAD + EVENT + b"data: ", again=b"x" * 1_000_000)
    events, error = await outcome(endless, first=30, between=30)
    assert events == ["one"]
    assert isinstance(error, BrokenStream)
    assert "8 MB" in str(error)


async def test_an_error_without_end_is_read_only_at_its_start() -> None:
    endless = Play(answer(b"no ", status=400, kind="text/plain"), again=b"x" * 100_000)
    _, error = await outcome(endless, first=30)
    assert isinstance(error, Refused)
    assert len(str(error)) < 1000


async def test_a_packed_answer_is_unpacked_bit_by_bit() -> None:
    packed = gzip.compress(EVENT * 3 + b"data: " + b"x" * 50_000_000)
    events, error = await outcome(answer(packed, Content_Encoding="gzip"), first=30, between=30)
    assert events == ["one"] * 3
    assert isinstance(error, BrokenStream)
    assert "8 MB" in str(error)


@pytest.mark.parametrize("coding", ["gzip", "br"])
async def test_an_answer_packed_wrongly_is_an_error_of_ours(coding: str) -> None:
    _, error = await outcome(answer(b"not packed at all", Content_Encoding=coding))
    assert isinstance(error, ProviderError)


# Stopping


async def test_leaving_closes_the_connection() -> None:
    async with replay(Play(HEAD, again=EVENT, every=0.01)) as server, client(server.url) as http:
        async with asking(http) as reply:
            await anext(reply)
            assert not server.left.is_set()
        async with asyncio.timeout(1):
            await server.left.wait()


async def test_a_stream_that_was_drained_leaves_its_connection_for_the_next() -> None:
    stream = CHUNKED.replace(b"Connection: close\r\n", b"") + b"b\r\n" + EVENT + b"\r\n0\r\n\r\n"
    async with replay(Play(stream, keep=True)) as server, client(server.url) as http:
        for _ in range(2):
            async with asking(http) as reply:
                await anext(reply)
                await reply.drain()
        assert (server.connections, len(server.requests)) == (1, 2)


async def test_draining_waits_for_no_one() -> None:
    endless = Play(HEAD + EVENT, again=EVENT, every=0.01)
    async with replay(endless) as server, client(server.url) as http, asking(http) as reply:
        await anext(reply)
        async with asyncio.timeout(5):
            await reply.drain()


async def test_a_cancelled_task_closes_the_connection() -> None:
    async with replay(Play(HEAD + EVENT, silent=True)) as server:
        task = asyncio.create_task(listen(server.url, first=5, between=60))
        async with asyncio.timeout(5):
            while not server.requests:
                await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(1):
            await server.left.wait()


# Documents


async def document(*plays: Play | bytes) -> object:
    async with replay(*plays) as server, client(server.url) as http:
        return await get_json(http, "models", timeout=LIMIT)


async def test_another_method_may_be_answered_by_nothing() -> None:
    async with replay(answer("", kind="application/json")) as server, client(server.url) as http:
        assert await get_json(http, "m", timeout=LIMIT, post={"model": "m"}, method="DELETE") is None
        with pytest.raises(BrokenStream):
            await get_json(http, "m", timeout=LIMIT, post={"model": "m"})
    assert [(request.method, request.json) for request in server.requests] == [
        ("DELETE", {"model": "m"}),
        ("POST", {"model": "m"}),
    ]


async def test_a_document_is_fetched_whole_packed_or_not() -> None:
    assert await document(answer({"a": "é"})) == {"a": "é"}
    packed = gzip.compress(json.dumps({"a": 1}).encode())
    assert await document(answer(packed, kind="application/json", Content_Encoding="gzip")) == {"a": 1}


@pytest.mark.parametrize(
    ("play", "expected"),
    [
        (answer(b"<html>", kind="text/html"), NotFound),
        (answer({"error": "Unexpected endpoint or method. (GET /models)"}), NotFound),
        (answer(b"{", kind="application/json"), BrokenStream),
        (answer(b"", status=404), NotFound),
        (Play(answer(b"[1,", kind="application/json"), silent=True), BrokenStream),
        (Play(answer(b"[", kind="application/json"), again=b"1," * 100_000), BrokenStream),
        (Play(b"", silent=True), TimedOut),
    ],
)
async def test_what_is_no_document_is_an_error(play: Play | bytes, expected: type[ProviderError]) -> None:
    with pytest.raises(expected):
        await document(play)


async def test_bug_a_document_that_is_late_was_said_to_wait_for_its_first_event() -> None:
    with pytest.raises(TimedOut) as caught:
        await document(Play(b"", silent=True))
    assert "first_event_timeout" not in caught.value.hint
