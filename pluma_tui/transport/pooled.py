"""httpx on top of pools of connections that are made here: httpx's own transport knows fewer ways."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import httpx

from pluma_tui.transport.client import Unlock
from pluma_tui.transport.lean import httpcore
from pluma_tui.transport.ssh import ssh_target
from pluma_tui.transport.unix import socket_path

MakePool = Callable[[bool], httpcore.AsyncConnectionPool]
"""Makes the pool, told whether HTTP/2 may be spoken in it."""

_ERRORS = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)


class Pooled(httpx.AsyncBaseTransport):
    """Sends requests through connections that are kept. `unlock` is awaited before each."""

    def __init__(self, make: MakePool, unlock: Unlock | None = None) -> None:
        self._make = make
        self._pools: dict[bool, httpcore.AsyncConnectionPool] = {}
        self.unlock = unlock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """httpx's hook: called once for every request."""
        if self.unlock:
            await self.unlock()
        url = request.url
        if socket_path(url.host):
            request.headers["Host"] = "localhost"  # our own notation means nothing to a server
        elif target := ssh_target(url.host):
            request.headers["Host"] = target.server  # Ollama answers no other: it is its guard for browsers
        asked = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _as_httpx():
            response = await self._pool("upgrade" not in request.headers).handle_async_request(asked)
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            await pool.aclose()

    def _pool(self, http2: bool) -> httpcore.AsyncConnectionPool:
        """A websocket begins with HTTP/1.1, and on a connection that has not chosen otherwise."""
        if http2 not in self._pools:
            self._pools[http2] = self._make(http2)
        return self._pools[http2]


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx():
            async for piece in cast(AsyncIterable[bytes], self._response.stream):
                yield piece

    async def aclose(self) -> None:
        with _as_httpx():
            await self._response.aclose()


@contextmanager
def _as_httpx() -> Iterator[None]:
    """Both libraries call their errors by the same names."""
    try:
        yield
    except _ERRORS as error:
        kind: Any = getattr(httpx, type(error).__name__)
        raise kind(str(error)) from error
