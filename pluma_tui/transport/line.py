"""Connections to a server's port, or to its unix socket. TLS is set up on top of them."""

from collections.abc import Iterable

from pluma_tui.transport.lean import httpcore
from pluma_tui.transport.unix import socket_path

Options = Iterable[httpcore.SOCKET_OPTION] | None
Stream = httpcore.AsyncNetworkStream


class Straight(httpcore.AsyncNetworkBackend):
    """To the host itself, or to the socket that the host stands for."""

    def __init__(self) -> None:
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Options = None,
    ) -> Stream:
        """httpcore's hook: a connection within `timeout` seconds. Raises httpcore's errors."""
        if path := socket_path(host):
            return await self._network.connect_unix_socket(path, timeout)
        return await self._network.connect_tcp(host, port, timeout)
