"""A websocket on top of a profile's own HTTP client: the same proxy, certificates, key and headers.

The handshake (RFC 6455) is a request like any other; what follows it is framed by wsproto.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.utilities import ProtocolError, generate_accept_token, generate_nonce

from pluma_tui.core.errors import BrokenStream, TimedOut
from pluma_tui.transport.address import upstream
from pluma_tui.transport.auth import ready
from pluma_tui.transport.exchange import deadline_at
from pluma_tui.transport.lean import httpcore
from pluma_tui.transport.mapping import NETWORK_ERRORS, mapped
from pluma_tui.transport.refusal import refusal

MAX_MESSAGE = 16 * 1024 * 1024
"""Bytes of one message; a longer one ends the connection."""
_PIECE = 64 * 1024  # bytes read at a time
_LINE_ERRORS = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, *NETWORK_ERRORS)


@asynccontextmanager
async def connect(
    client: httpx.AsyncClient, url: str, *, params: Mapping[str, str] | None = None, timeout: float = 0.0
) -> AsyncIterator["Socket"]:
    """Open a websocket at `url`, within `timeout` seconds (0: no limit); leaving closes it.

    Raises ProviderError, `Refused` if the server or a proxy does not change to websockets.
    """
    key = generate_nonce()
    request = client.build_request("GET", url, params=params, headers=_handshake(key.decode()))
    where = upstream(client.base_url)
    await ready(client)
    deadline = asyncio.get_running_loop().time() + timeout if timeout else None
    with mapped(where):
        async with deadline_at(deadline, TimedOut(f"{where} has not opened a websocket in time")):
            response = await client.send(request, stream=True)
    try:
        if response.status_code != httpx.codes.SWITCHING_PROTOCOLS:
            raise refusal(response, b"")
        if response.headers.get("sec-websocket-accept") != generate_accept_token(key).decode():
            raise BrokenStream(f"what answers at {where} does not speak websockets")
        socket = Socket(response.extensions["network_stream"], where)
        try:
            yield socket
        finally:
            await socket.aclose()
    finally:
        with suppress(*_LINE_ERRORS):
            await response.aclose()


class Socket:
    """An open websocket: iterating gives its messages, text or bytes, until the other side closes it.

    Raises BrokenStream when the line breaks, or when a message is none or too long.
    """

    def __init__(self, stream: Any, where: str) -> None:
        self._stream = stream
        self._where = where
        self._frames = Connection(ConnectionType.CLIENT)
        self._ready: list[str | bytes] = []
        self._text: list[str] = []
        self._bytes = bytearray()
        self._size = 0

    async def send(self, text: str) -> None:
        """Send one message. Raises BrokenStream."""
        await self._write(TextMessage(data=text))

    def __aiter__(self) -> "Socket":
        return self

    async def __anext__(self) -> str | bytes:
        while not self._ready:
            if self._frames.state is not ConnectionState.OPEN:
                raise StopAsyncIteration
            try:
                data = await self._stream.read(_PIECE)
            except _LINE_ERRORS as error:
                raise self._broken(error) from error
            self._frames.receive_data(data or None)
            await self._take()
        return self._ready.pop(0)

    async def aclose(self) -> None:
        """Say goodbye, if there is still somebody to say it to."""
        if self._frames.state in (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING):
            with suppress(BrokenStream):
                await self._write(CloseConnection(code=1000))

    async def _take(self) -> None:
        try:
            for event in self._frames.events():
                if isinstance(event, TextMessage | BytesMessage):
                    self._add(event)
                elif isinstance(event, Ping):
                    await self._write(event.response())
                elif isinstance(event, CloseConnection) and self._frames.state is ConnectionState.OPEN:
                    raise self._broken(ValueError(event.reason or "frames that are none"))
        except ProtocolError as error:
            raise self._broken(error) from error

    def _add(self, part: TextMessage | BytesMessage) -> None:
        """One more part of a message: a long one comes in many."""
        self._size += len(part.data)
        if self._size > MAX_MESSAGE:
            raise self._broken(ValueError(f"a message of more than {MAX_MESSAGE >> 20} MB"))
        if isinstance(part, TextMessage):
            self._text.append(part.data)
        else:
            self._bytes += part.data
        if part.message_finished:
            whole = "".join(self._text) if isinstance(part, TextMessage) else bytes(self._bytes)
            self._ready.append(whole)
            self._text, self._bytes, self._size = [], bytearray(), 0

    async def _write(self, event: Event) -> None:
        try:
            await self._stream.write(self._frames.send(event))
        except (ProtocolError, *_LINE_ERRORS) as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> BrokenStream:
        return BrokenStream(f"the websocket to {self._where} broke: {error or type(error).__name__}")


def _handshake(key: str) -> dict[str, str]:
    return {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Version": "13",
    }
