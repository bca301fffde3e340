"""Reaching a server one step at a time, so that what is in the way can be named: name, port, certificate."""

import asyncio
import contextlib
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pluma_tui.core.errors import TimedOut, Unreachable
from pluma_tui.core.profile import Connection
from pluma_tui.transport.address import is_loopback, origin, read_base_url
from pluma_tui.transport.auth import FetchSecret
from pluma_tui.transport.proxy import proxy_before
from pluma_tui.transport.tls import Tls, TlsSettings
from pluma_tui.transport.unix import not_reached, shown_socket, socket_path

# OpenSSL's X509_V_ERR_* numbers, as in its x509_vfy.h.
_CERTIFICATE = {
    9: ("is not valid yet", "Check this machine's clock."),
    10: ("has expired", "Renew it on the server, or check this machine's clock."),
    18: ("is self-signed", "If the server is yours, name its certificate's file in ca_file."),
    19: ("is signed by an authority of its own", "Name the authority's file in ca_file, if you trust it."),
    20: ("is signed by an authority that is not known here", "Name the authority's file in ca_file."),
    62: ("is for another host", "Put the name that it was made for into base_url."),
    64: ("is for another address", "Put the name that it was made for into base_url."),
}
_PLAIN_HTTP = "Does the server speak plain HTTP there? Then base_url begins with http://."
_NO_WAY = "Is the address right, and does every firewall let it through?"
_CLOSING = 1.0  # seconds for a polite end of a connection


class Route:
    """The way to a profile's server: what a connection is made to first, and whether that is a proxy."""

    def __init__(self, profile: Connection, address: str, secret: FetchSecret) -> None:
        """`address` is the server's base URL; `secret` fetches the pass phrase of a client's certificate.

        Raises ConfigError if the address, or the proxy's, is none.
        """
        url = read_base_url(address)
        proxy = proxy_before(profile, url)
        self.secure = url.scheme == "https"
        self.proxied = proxy is not None
        self.socket = socket_path(url.host)
        self.host, self.port = url.raw_host.decode("ascii"), origin(url)[2]
        if proxy:
            self.host, self.port = proxy.host, proxy.port
        self._far = "" if is_loopback(url.host) else url.host
        self._profile = profile
        self._secret = secret

    @property
    def where(self) -> str:
        """Host and port, or the socket, for people to read."""
        if self.socket:
            return shown_socket(self.socket)
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def in_the_open(self, addresses: list[str]) -> bool:
        """Whether others can read what is sent: not on this machine, nor on the way to an onion service."""
        if self.secure or not self._far or self._far.endswith(".onion"):
            return False
        return self.proxied or not all(map(is_loopback, addresses))

    async def addresses(self) -> list[str]:
        """What the host's name stands for, in the system's order. Raises Unreachable, TimedOut."""
        if self.socket:
            return [self.socket]
        loop = asyncio.get_running_loop()
        try:
            async with self._in_time(f"nobody told in time where {self.host} is", "Check the network."):
                found = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError):
            setting = "the proxy's name" if self.proxied else "the name in base_url"
            hint = f"Check {setting}, and this machine's network."
            raise Unreachable(f"no host is known by the name {self.host}", hint=hint) from None
        return list(dict.fromkeys(str(address[0]) for *_, address in found))

    async def connect(self, addresses: list[str]) -> None:
        """Connect to the first address that lets us, and leave. Raises Unreachable, TimedOut."""
        async with self._connection(addresses, None):
            pass

    async def certificate(self, addresses: list[str]) -> float | None:
        """Set up TLS; returns how many days the server's certificate is still good for, None if unknown.

        Raises Unreachable, TimedOut, SecretError for a pass phrase, and ConfigError for a `ca_file` or
        `client_cert` that is of no use.
        """
        tls = Tls(TlsSettings.of(self._profile), self._secret)
        await tls.unlock()
        async with self._connection(addresses, tls.context) as writer:
            shown = writer.get_extra_info("peercert") or {}
        ends = shown.get("notAfter")
        return (ssl.cert_time_to_seconds(ends) - time.time()) / 86400 if ends else None

    @asynccontextmanager
    async def _connection(
        self, addresses: list[str], tls: ssl.SSLContext | None
    ) -> AsyncIterator[asyncio.StreamWriter]:
        late = (f"no connection to {self.where} in time", _NO_WAY)
        if tls:  # the port is known to be open by now
            late = (f"{self.where} has not set up TLS in time", _PLAIN_HTTP)
        async with self._in_time(*late):
            writer = await self._first(addresses, tls)
        try:
            yield writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await asyncio.wait_for(writer.wait_closed(), _CLOSING)

    async def _first(self, addresses: list[str], tls: ssl.SSLContext | None) -> asyncio.StreamWriter:
        problem: OSError = OSError()
        name = self.host if tls else None
        for address in addresses:
            try:
                if self.socket:
                    return (await asyncio.open_unix_connection(address))[1]
                _, writer = await asyncio.open_connection(address, self.port, ssl=tls, server_hostname=name)
            except OSError as error:
                problem = error
            else:
                return writer
        raise self._in_words(problem, secure=tls is not None) from problem

    def _in_words(self, error: OSError, *, secure: bool) -> Unreachable:
        if self.socket:
            return not_reached(self.socket, error)
        if isinstance(error, ssl.SSLCertVerificationError):
            known = _CERTIFICATE.get(error.verify_code)
            words, hint = known or (f"is not trusted: {error.verify_message}", "")
            return Unreachable(f"the certificate of {self.host} {words}", hint=hint)
        if isinstance(error, ssl.SSLError):
            words = (error.reason or "it failed").replace("_", " ").lower()
            return Unreachable(f"no TLS with {self.where}: {words}", hint=_PLAIN_HTTP)
        if isinstance(error, ConnectionRefusedError):
            hint = f"Is the {'proxy' if self.proxied else 'server'} running, and is the port right?"
            return Unreachable(f"nobody listens at {self.where}", hint=hint)
        if secure and isinstance(error, ConnectionError):
            return Unreachable(f"{self.where} closed the connection while TLS was set up", hint=_PLAIN_HTTP)
        words = os.strerror(error.errno).lower() if error.errno else "it failed"
        return Unreachable(f"no connection to {self.where}: {words}", hint=_NO_WAY)

    @asynccontextmanager
    async def _in_time(self, message: str, hint: str) -> AsyncIterator[None]:
        watch = asyncio.timeout(self._profile.connect_timeout or None)
        try:
            async with watch:
                yield
        except TimeoutError:
            if watch.expired():
                raise TimedOut(message, hint=f"{hint} connect_timeout sets how long to wait.") from None
            raise Unreachable(message, hint=hint) from None  # the system's own limit
