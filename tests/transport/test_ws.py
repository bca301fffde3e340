"""Websockets on a profile's own client."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from pluma_tui.core.errors import BrokenStream, NotFound, Refused, TimedOut, Unreachable
from pluma_tui.core.profile import ImageProfile, SecretRef
from pluma_tui.transport import ws
from pluma_tui.transport.http import ClientPool
from tests.conftest import DATA
from tests.servers.replay import Play, answer, replay

TLS = DATA / "tls"
UPGRADED = "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


async def secret(ref: SecretRef, *, newer_than: float = 0.0) -> str:
    return "a-key"


@asynccontextmanager
async def client(url: str, **settings: Any) -> AsyncIterator[Any]:
    pool = ClientPool()
    try:
        yield pool.client(ImageProfile(kind="x", base_url=url, **settings), secret=secret)
    finally:
        await pool.aclose()


@asynccontextmanager
async def serving(talk: Callable[[web.WebSocketResponse], Any], *, tls: bool = False) -> AsyncIterator[Any]:
    """A server; `requests` is what it was asked, `url` where it is."""
    requests: list[web.Request] = []

    async def handler(request: web.Request) -> web.WebSocketResponse:
        requests.append(request)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await talk(socket)
        return socket

    app = web.Application()
    app.router.add_get("/base/ws", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TLS / "localhost.pem", TLS / "localhost.key")
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    port = runner.addresses[0][1]
    try:
        yield f"{'https' if tls else 'http'}://localhost:{port}/base", requests
    finally:
        await runner.cleanup()


async def test_messages_come_whole_in_their_order_and_the_key_goes_along():
    big = "é" * 300_000

    async def talk(socket: web.WebSocketResponse) -> None:
        said = await socket.receive_str()
        await socket.ping()
        await socket.send_str(said + "!")
        await socket.send_bytes(b"\0\xff" * 100_000)
        await socket.send_str(big)

    settings: dict[str, Any] = {"api_key": SecretRef("env", "K"), "headers": {"X-A": "b"}}
    async with (
        serving(talk) as (url, requests),
        client(url, **settings) as mine,
        ws.connect(mine, "ws", params={"clientId": "a b"}) as socket,
    ):
        await socket.send("hello")
        assert [message async for message in socket] == ["hello!", b"\0\xff" * 100_000, big]
    assert requests[0].query["clientId"] == "a b"
    assert requests[0].headers["Authorization"] == "Bearer a-key"
    assert requests[0].headers["X-A"] == "b"


async def test_over_tls_with_ones_own_authority():
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.send_str("safe")

    async with (
        serving(talk, tls=True) as (url, _),
        client(url, ca_file=str(TLS / "localhost.pem")) as mine,
        ws.connect(mine, "ws") as socket,
    ):
        assert [message async for message in socket] == ["safe"]
    async with serving(talk, tls=True) as (url, _), client(url) as mine:
        with pytest.raises(Unreachable, match="not trusted"):
            async with ws.connect(mine, "ws"):
                pass


async def test_leaving_says_goodbye():
    ended: asyncio.Queue[tuple[WSMsgType, int | None]] = asyncio.Queue()

    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.send_str("x")
        message = await socket.receive()
        await ended.put((message.type, socket.close_code))

    async with serving(talk) as (url, _), client(url) as mine, asyncio.timeout(10):
        async with ws.connect(mine, "ws") as socket:
            assert await anext(socket) == "x"
        assert await ended.get() == (WSMsgType.CLOSE, 1000)


async def test_a_proxy_on_the_way_is_asked_first():
    refusal = answer("no websockets here", status=403)
    async with replay(refusal) as proxy, client("http://comfy.invalid", proxy=proxy.url) as mine:
        with pytest.raises(Refused):
            async with ws.connect(mine, "ws"):
                pass
    assert proxy.requests[0].path == "http://comfy.invalid/ws"


@pytest.mark.parametrize(
    ("play", "kind"),
    [
        (answer(b"", status=404), NotFound),
        (answer({"fine": True}), Refused),
        (f"{UPGRADED}Sec-WebSocket-Accept: x\r\n\r\n".encode(), BrokenStream),
        (Play(b"", silent=True), TimedOut),
        (b"", Unreachable),
    ],
)  # fmt: skip
async def test_what_is_no_websocket_is_a_clear_error(play: Play | bytes, kind: type[Exception]):
    async with replay(play) as server, client(server.url) as mine:
        with pytest.raises(kind):
            async with ws.connect(mine, "ws", timeout=0.2):
                pass


@pytest.mark.parametrize(
    "data",
    [
        b"\x83\x00",  # an opcode that there is not
        b"\x81\x02\xff\xfe",  # text that is no UTF-8
        b"\x82\x7f" + struct.pack(">Q", 1 << 40) + bytes(17 * 1024 * 1024),  # a message without end
    ],
)
async def test_broken_frames_end_the_connection(data: bytes):
    async def talk(socket: web.WebSocketResponse) -> None:
        assert socket._req is not None and socket._req.transport is not None
        socket._req.transport.write(data)
        await socket.receive()

    async with (
        asyncio.timeout(10),
        serving(talk) as (url, _),
        client(url) as mine,
        ws.connect(mine, "ws") as socket,
    ):
        with pytest.raises(BrokenStream):
            await anext(socket)


async def test_a_line_that_is_cut_is_the_end():
    async def talk(socket: web.WebSocketResponse) -> None:
        assert socket._req is not None and socket._req.transport is not None
        socket._req.transport.abort()

    async with (
        asyncio.timeout(10),
        serving(talk) as (url, _),
        client(url) as mine,
        ws.connect(mine, "ws") as socket,
    ):
        with pytest.raises((BrokenStream, StopAsyncIteration)):
            await anext(socket)
