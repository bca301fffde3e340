"""Connections through a proxy; TLS with the server is set up on top of them."""

import asyncio
import socket
import ssl

from pluma_tui.transport import socks, tunnel
from pluma_tui.transport.lean import httpcore
from pluma_tui.transport.line import Options, Straight, Stream
from pluma_tui.transport.proxy import Proxy


class ToProxy(Straight):
    """To a proxy, whatever host is asked for."""

    def __init__(self, proxy: Proxy, tls: ssl.SSLContext | None = None) -> None:
        """`tls` is for a proxy that is spoken to by https."""
        super().__init__()
        self.proxy = proxy
        self._tls = tls

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Options = None,
    ) -> Stream:
        """httpcore's hook: a connection within `timeout` seconds. Raises httpcore's errors."""
        try:
            stream = await super().connect_tcp(self.proxy.host, self.proxy.port, timeout)
            return await stream.start_tls(self._tls, self.proxy.host, timeout) if self._tls else stream
        except httpcore.ConnectError as error:
            raise httpcore.ProxyError(f"nobody answers at {self.proxy.where}") from error


class ThroughProxy(ToProxy):
    """To the host, by a proxy that is asked for it within the time that a connection may take."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Options = None,
    ) -> Stream:
        """httpcore's hook: a connection within `timeout` seconds. Raises httpcore's errors."""
        try:
            async with asyncio.timeout(timeout):
                if self.proxy.scheme == "socks5":
                    return await self._by_address(host, port)
                return await self._through(host, port)
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"the proxy {self.proxy.where} has not let us through") from None

    async def _by_address(self, host: str, port: int) -> Stream:
        """By a proxy that is told no names: the first of the host's addresses that it gets to."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from error
        refused = httpcore.ProxyError("the server has no address")
        for address in dict.fromkeys(str(row[4][0]) for row in found):
            try:
                return await self._through(address, port)
            except httpcore.ProxyError as error:
                refused = error
        raise refused

    async def _through(self, host: str, port: int) -> Stream:
        stream = await super().connect_tcp(host, port)
        try:
            await (socks if self.proxy.socks else tunnel).ask(stream, host, port, self.proxy.login)
        except httpcore.NetworkError:
            await stream.aclose()
            raise httpcore.ProxyError("it broke the connection") from None
        except BaseException:
            await stream.aclose()
            raise
        return stream
