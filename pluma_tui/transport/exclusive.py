"""Connections that serve one request at a time, over HTTP/2 as over HTTP/1.1: to stop one is to close it.

httpcore would put several requests on one connection with HTTP/2, and tells the server nothing when one of
them is given up: a model would go on to the end of its answer, unheard. Nor does it see that a server has
closed a connection meanwhile.
"""

import sys
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import cast

import anyio

from pluma_tui.transport.lean import httpcore


class ExclusivePool(httpcore.AsyncConnectionPool):
    """A pool of such connections."""

    def create_connection(self, origin: httpcore.Origin) -> httpcore.AsyncConnectionInterface:
        """httpcore's hook."""
        return Exclusive(super().create_connection(origin))


class Exclusive(httpcore.AsyncConnectionInterface):
    """A connection that takes the next request when the answer to the last one has ended."""

    def __init__(self, inner: httpcore.AsyncConnectionInterface) -> None:
        self._inner = inner
        self._busy = False
        self._stream: httpcore.AsyncNetworkStream | None = None

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """httpcore's hook. Raises httpcore's errors."""
        if self._busy:
            raise httpcore.ConnectionNotAvailable
        self._busy = True
        try:
            with _in_httpcores_words():
                response = await self._inner.handle_async_request(request)
        except BaseException:
            await self._ended(whole=False)
            raise
        self._stream = response.extensions.get("network_stream")
        return httpcore.Response(
            response.status,
            headers=response.headers,
            content=_Body(response, self._ended),
            extensions=response.extensions,
        )

    async def _ended(self, *, whole: bool) -> None:
        if not whole:
            with anyio.CancelScope(shield=True):
                await self._inner.aclose()
        self._busy = False

    async def aclose(self) -> None:
        """Close the connection."""
        await self._inner.aclose()

    def info(self) -> str:
        """For httpcore's log."""
        return self._inner.info()

    def can_handle_request(self, origin: httpcore.Origin) -> bool:
        """Whether it leads there."""
        return self._inner.can_handle_request(origin)

    def is_available(self) -> bool:
        """Whether it takes a request now."""
        return not self._busy and self._inner.is_available()

    def has_expired(self) -> bool:
        """Whether it was idle for too long, or the server has said something since, most likely goodbye."""
        return self._inner.has_expired() or (
            self.is_idle() and self._stream is not None and bool(self._stream.get_extra_info("is_readable"))
        )

    def is_idle(self) -> bool:
        """Whether nothing is going on."""
        return not self._busy and self._inner.is_idle()

    def is_closed(self) -> bool:
        """Whether it is of no more use."""
        return self._inner.is_closed()


class _Body:
    """A body, which says when it is done with, and whether it was read whole."""

    def __init__(self, response: httpcore.Response, ended: Callable[..., Awaitable[None]]) -> None:
        self._response = response
        self._ended = ended
        self._whole = False
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _in_httpcores_words():
            async for piece in cast(AsyncIterable[bytes], self._response.stream):
                yield piece
        self._whole = True

    async def aclose(self) -> None:
        if not self._closed:
            self._closed = True
            try:
                await self._response.aclose()
            finally:
                await self._ended(whole=self._whole)


@contextmanager
def _in_httpcores_words() -> Iterator[None]:
    """Frames that are none make h2 raise errors of its own, which httpcore lets through."""
    try:
        yield
    except Exception as error:
        h2 = sys.modules.get("h2.exceptions")
        if h2 is not None and isinstance(error, h2.H2Error):
            raise httpcore.RemoteProtocolError(str(error)) from error
        raise
