"""A server with TLS that offers HTTP/2, and notes what a client does: small, scripted, made of h2."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events

TLS = Path(__file__).parents[1] / "data" / "tls"


@dataclass(frozen=True)
class Play2:
    """An answer: `data` in frames of its own for each piece, then the end.

    Or nothing at all (`mute`), nothing more (`silent`), the last piece again and again (`endless`), the
    stream reset (`reset`), or bytes that are no frames (`junk`). `leaves`: the server says goodbye behind it.
    """

    data: tuple[bytes, ...] = ()
    status: int = 200
    kind: str = "text/event-stream"
    mute: bool = False
    silent: bool = False
    endless: bool = False
    reset: bool = False
    junk: bytes = b""
    leaves: bool = False


def document(content: Any, status: int = 200) -> Play2:
    """A JSON document."""
    return Play2((json.dumps(content).encode(),), status, "application/json")


@dataclass
class Http2Server:
    """`requests` are the headers and bodies that came, whatever the connection; `left` is set when a client
    goes, or resets a stream, before the server has ended.
    """

    url: str = ""
    connections: int = 0
    versions: list[str] = field(default_factory=list)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def http2_server(
    *plays: Play2, offers: tuple[str, ...] = ("h2", "http/1.1")
) -> AsyncIterator[Http2Server]:
    """Serve on a free loopback port: each request gets the next play, and the last one again and again."""
    state = Http2Server()
    waiting = list(plays)
    tasks: set[asyncio.Task[None]] = set()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "localhost.pem", TLS / "localhost.key")
    context.set_alpn_protocols(list(offers))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            tasks.add(task)
        state.connections += 1
        version = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        state.versions.append(version)
        if version == "h2":
            with suppress(ConnectionError, asyncio.CancelledError):
                await _Talk(state, waiting, reader, writer).run()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    state.url = f"https://localhost:{server.sockets[0].getsockname()[1]}"
    try:
        yield state
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Talk:
    """One connection."""

    def __init__(
        self,
        state: Http2Server,
        waiting: list[Play2],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._state, self._waiting = state, waiting
        self._reader, self._writer = reader, writer
        self._talk = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self._asked: dict[int, tuple[dict[str, str], bytearray]] = {}
        self._open: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Answer until the client goes."""
        self._talk.initiate_connection()
        try:
            await self._send()
            while data := await self._reader.read(65536):
                for event in self._talk.receive_data(data):
                    self._take(event)
                await self._send()
        finally:
            if self._open:
                self._state.left.set()
            self._state.gone.set()
            for task in self._open.values():
                task.cancel()

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            names = {bytes(name).decode(): bytes(value).decode() for name, value in event.headers or ()}
            self._asked[event.stream_id or 0] = (names, bytearray())
        elif isinstance(event, h2.events.DataReceived):
            self._asked[event.stream_id or 0][1].extend(event.data or b"")
            self._talk.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
        elif isinstance(event, h2.events.StreamEnded):
            number = event.stream_id or 0
            names, body = self._asked.pop(number)
            self._state.requests.append((names, bytes(body)))
            play = self._waiting.pop(0) if len(self._waiting) > 1 else self._waiting[0]
            self._open[number] = asyncio.create_task(self._perform(number, play))
        elif isinstance(event, h2.events.StreamReset):
            self._state.left.set()
            if task := self._open.pop(event.stream_id or 0, None):
                task.cancel()

    async def _perform(self, number: int, play: Play2) -> None:
        if play.mute:
            return
        headers = [(":status", str(play.status)), ("content-type", play.kind)]
        self._talk.send_headers(number, headers)
        for piece in play.data:
            await self._data(number, piece)
        while play.endless:
            await self._data(number, play.data[-1])
        if play.silent:
            await self._send()
            return
        if play.junk:
            self._writer.write(play.junk)
        elif play.reset:
            self._talk.reset_stream(number, h2.errors.ErrorCodes.INTERNAL_ERROR)
        else:
            self._talk.end_stream(number)
        self._open.pop(number)
        await self._send()
        if play.leaves:
            self._talk.close_connection()
            await self._send()
            self._writer.close()

    async def _data(self, number: int, piece: bytes) -> None:
        for start in range(0, len(piece), 16384):
            part = piece[start : start + 16384]
            while self._talk.local_flow_control_window(number) < len(part):
                await asyncio.sleep(0)
            self._talk.send_data(number, part)
            await self._send()
        await asyncio.sleep(0)

    async def _send(self) -> None:
        self._writer.write(self._talk.data_to_send())
        await self._writer.drain()
