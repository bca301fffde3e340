"""Connections to a server behind SSH: one `ssh` for all of them, started by the first that needs it."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

from pluma_tui.core.errors import ConnectionDropped, Unreachable
from pluma_tui.transport.lean import httpcore
from pluma_tui.transport.line import Straight
from pluma_tui.transport.ssh import Target, ssh_target
from pluma_tui.transport.ssh_child import SshChild
from pluma_tui.transport.ssh_words import ended

Lend = Callable[[], AbstractAsyncContextManager[bool]]
"""Entered around an ssh that may ask a person; gives whether it can do so on the terminal."""

_PATIENCE = 300.0  # seconds for a person who is asked
_BUSY = 10.0  # seconds for a server to say anything, where connect_timeout sets no limit
_NOTHING = (httpcore.TimeoutException, httpcore.NetworkError)


class ThroughSsh(Straight):
    """The way to one server. `aclose` ends its ssh."""

    def __init__(self, target: Target, lend: Lend | None = None) -> None:
        super().__init__()
        self._target = target
        self._lend = lend or _nobody
        self._child: SshChild | None = None
        self._opening = asyncio.Lock()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """httpcore's hook: a connection, straight where another server is meant.

        Raises Unreachable, TimedOut, and httpcore's errors.
        """
        if ssh_target(host) != self._target:
            return await super().connect_tcp(host, port, timeout)
        return await self._connection(timeout)

    async def open(self, limit: float | None) -> None:
        """Have an ssh that runs. It gets `limit` seconds (None: no end), or as long as a person needs who
        is asked: but that is tried only where it does not get in by itself. Raises Unreachable, TimedOut.
        """
        await self._running(limit)

    async def knock(self, limit: float) -> None:
        """Connect, and leave when the server has said anything. Raises Unreachable, TimedOut.

        ssh takes a connection before it has one on the far side: only what comes back tells. A server that
        is busy drawing says nothing within `limit` seconds (0: ten), and is there all the same.
        """
        stream = await self._connection(limit or None)
        try:
            with suppress(*_NOTHING):
                await stream.write(f"HEAD / HTTP/1.1\r\nHost: {self._target.server}\r\n\r\n".encode())
                await stream.read(1, limit or _BUSY)
        finally:
            await stream.aclose()

    async def aclose(self) -> None:
        """End the ssh, and all connections through it."""
        async with self._opening:
            await self._end()

    async def _connection(self, timeout: float | None) -> "_Line":
        for _ in range(2):
            child = await self._running(timeout)
            mark = child.mark()
            try:
                stream = await self._network.connect_unix_socket(str(child.path), timeout)
            except httpcore.ConnectError:  # it has ended just now
                await child.aclose()
            else:
                return _Line(stream, child, mark)
        raise ConnectionDropped(ended("", self._target))

    async def _running(self, limit: float | None) -> SshChild:
        async with self._opening:
            if self._child is None or self._child.ended:
                await self._end()
                self._child = await self._started(limit)
            return self._child

    async def _started(self, limit: float | None) -> SshChild:
        child = SshChild(self._target)
        try:
            return await self._open(child, limit)
        except Unreachable:
            if not child.may_be_asked:
                raise
            async with self._lend() as terminal:
                if not terminal and "SSH_ASKPASS" not in os.environ:
                    raise
                return await self._open(SshChild(self._target), _PATIENCE, asks=True, terminal=terminal)

    async def _open(self, child: SshChild, limit: float | None, **asking: bool) -> SshChild:
        try:
            await child.open(limit, **asking)
        except BaseException:
            await child.aclose()
            raise
        return child

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await child.aclose()


@asynccontextmanager
async def _nobody() -> AsyncIterator[bool]:
    """Where there is no terminal to be lent."""
    yield False


class _Line(httpcore.AsyncNetworkStream):
    """A connection that says why it has ended, where ssh knows."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, child: SshChild, mark: int) -> None:
        self._stream = stream
        self._child = child
        self._mark = mark
        self._heard = False

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """httpcore's hook. Raises Unreachable where there never was a server, and httpcore's errors."""
        try:
            data = await self._stream.read(max_bytes, timeout)
        except httpcore.ReadError:
            await self._tell()
            raise
        if not data:
            await self._tell()
        self._heard = True
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """httpcore's hook."""
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """httpcore's hook."""
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        """httpcore's hook: it looks whether a connection that was kept has been closed."""
        return self._stream.get_extra_info(info)

    async def _tell(self) -> None:
        if not self._heard and (error := self._child.refusal(self._mark)):
            raise error
        if words := await self._child.last_words():
            raise httpcore.ReadError(words)
