"""A tiny HTTP server that plays bytes exactly as given: whole, cut short, in pieces, or falling silent."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Play:
    """One answer, from its status line on: `piece` bytes at a time, with `every` seconds after each.

    `moments` are those of a recording, instead: seconds since its beginning, and how many bytes came then.
    `cut`: only so many bytes. `again`: a coda that is repeated until the client goes. Then the connection
    is closed; or nothing more happens on it (`silent`); or the next request on it is answered (`keep`).
    """

    data: bytes
    cut: int | None = None
    silent: bool = False
    piece: int = 1 << 20
    every: float = 0.0
    again: bytes = b""
    keep: bool = False
    moments: Sequence[tuple[float, int]] = ()


@dataclass
class Request:
    """What a client sent. Header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class ReplayServer:
    """`url` has no path. `left` is set when a client closes a connection before the server does."""

    url: str = ""
    connections: int = 0
    requests: list[Request] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def replay(*plays: Play | bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[ReplayServer]:
    """Serve on a free loopback port: each request gets the next play, and the last one again and again."""
    state = ReplayServer()
    handlers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
    waiting = [play if isinstance(play, Play) else Play(play) for play in plays]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state.connections += 1
        if task := asyncio.current_task():
            handlers[task] = writer
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                state.requests.append(await _read(reader))
                play = waiting.pop(0) if len(waiting) > 1 else waiting[0]
                if await _over(play, reader, writer):
                    writer.close()
                    return
        state.left.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    host, port = server.sockets[0].getsockname()
    state.url = f"{'https' if tls else 'http'}://{host}:{port}"
    try:
        yield state
    finally:
        server.close()
        for writer in handlers.values():
            writer.transport.abort()
        await asyncio.gather(*handlers)


def answer(body: bytes | str | dict | list, *, status: int = 200, kind: str = "", **headers: str) -> bytes:
    """A response that ends with its connection; underscores in header names become dashes."""
    if isinstance(body, dict | list):
        body, kind = json.dumps(body, ensure_ascii=False), kind or "application/json"
    if isinstance(body, str):
        body = body.encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind or 'text/event-stream'}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body)


async def _over(play: Play, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Play; whether that was the end. Raises ConnectionError if the client goes before it."""
    if play.keep:
        await _perform(play, writer)
        return False
    gone = asyncio.create_task(reader.read())
    performance = asyncio.create_task(_perform(play, writer))
    done, pending = await asyncio.wait({gone, performance}, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*done, *pending, return_exceptions=True)
    for task in done:
        task.result()
    if gone in done:
        raise ConnectionError
    return True


def recorded(http: Path) -> Play:
    """A whole recorded response in the time it took: beside it lies NAME.timing, lines of "7.8ms 905"."""
    rows = (line.split() for line in http.with_suffix(".timing").read_text().splitlines())
    moments = [(float(when.removesuffix("ms")) / 1000, int(size)) for when, size in rows]
    return Play(http.read_bytes(), moments=moments)


async def _perform_in_time(play: Play, writer: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    began, at = loop.time(), 0
    for moment, size in play.moments:
        await asyncio.sleep(began + moment - loop.time())
        writer.write(play.data[at : at + size])
        await writer.drain()
        at += size


async def _perform(play: Play, writer: asyncio.StreamWriter) -> None:
    if play.moments:
        await _perform_in_time(play, writer)
        return
    data = play.data[: play.cut]
    for start in range(0, len(data), play.piece):
        writer.write(data[start : start + play.piece])
        await writer.drain()
        await asyncio.sleep(play.every)
    while play.again:
        writer.write(play.again)
        await writer.drain()
        await asyncio.sleep(play.every)
    if play.silent:
        await asyncio.Event().wait()
