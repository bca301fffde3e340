"""The one place where HTTP clients are made.

Connections are shared by all profiles that go the same way (same proxy, same certificates); the client
that a profile gets on top of them is light, and holds its address, headers, time limits and key hook.
"""

import ssl
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from pluma_tui import __version__
from pluma_tui.core.errors import ConfigError
from pluma_tui.core.profile import Connection, SecretRef
from pluma_tui.transport.address import proxy_setting, read_base_url
from pluma_tui.transport.auth import BasicAuth, FetchSecret, KeyAuth, UserinfoAuth
from pluma_tui.transport.client import Client
from pluma_tui.transport.lean import httpcore
from pluma_tui.transport.line import Straight
from pluma_tui.transport.pooled import Pooled
from pluma_tui.transport.ssh import Target, ssh_target, with_port
from pluma_tui.transport.tls import Tls, TlsSettings, trusting

if TYPE_CHECKING:
    from pluma_tui.transport.proxy import Proxy
    from pluma_tui.transport.ssh_line import Lend, ThroughSsh

_KEEPALIVE = 30.0  # seconds an idle connection is kept: between two questions, without a new TLS handshake
_LIMITS: Any = {"max_connections": None, "keepalive_expiry": _KEEPALIVE}
_WRITE_TIMEOUT = 60.0  # seconds for the server to take the next piece of a request


class _Way(NamedTuple):
    """What decides whether two profiles can share connections."""

    secure: bool
    proxy: "Proxy | None"
    tls: TlsSettings
    ssh: "ThroughSsh | None" = None


class _Shared(httpx.AsyncBaseTransport):
    """A transport whose closing is left to the pool."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """httpx's hook: called once for every request."""
        return await self._inner.handle_async_request(request)


class ClientPool:
    """Makes the HTTP client of a profile. `await pool.aclose()` closes every connection.

    `transport` replaces the network, for tests; `lend` is entered around an ssh that asks on the terminal.
    """

    def __init__(
        self, *, transport: httpx.AsyncBaseTransport | None = None, lend: "Lend | None" = None
    ) -> None:
        self._given = transport
        self._lend = lend
        self._transports: dict[_Way, Pooled] = {}
        self._ssh: dict[Target, ThroughSsh] = {}

    def client(
        self,
        profile: Connection,
        *,
        secret: FetchSecret,
        default_base_url: str = "",
        default_path: str = "",
        auth_header: str = "Authorization",
        auth_prefix: str = "Bearer ",
        basic: SecretRef | None = None,
    ) -> Client:
        """A client for `profile`; closing it is not needed and closes no connection.

        `secret` is awaited with the profile's `api_key`, or with `basic` (a "user:password", which goes
        before a key), whenever a request is made. No redirect is followed, and no time limit counts
        bytes: `transport.stream` counts events. Raises ConfigError.
        """
        address = profile.base_url or default_base_url
        # A dialect that names neither an address nor a path may not need one (a program, a double).
        url = read_base_url(address, default_path) if address or default_path else httpx.URL()
        url = with_port(url, default_base_url)
        auth: httpx.Auth | None = None
        if basic is not None:
            auth = BasicAuth(basic, secret, url)
        elif profile.api_key is not None:
            auth = KeyAuth(profile.api_key, secret, url, auth_header, auth_prefix)
        elif url.username or url.password:
            auth = UserinfoAuth(url)
        transport = self._given or self._pooled(profile, url, secret)
        client = Client(
            transport=_Shared(transport),
            base_url=url.copy_with(userinfo=b""),
            auth=auth,
            headers=_headers(profile),
            timeout=httpx.Timeout(None, connect=profile.connect_timeout or None, write=_WRITE_TIMEOUT),
            trust_env=False,
            follow_redirects=False,
        )
        client.unlock = transport.unlock if isinstance(transport, Pooled) else None
        if self._given is None and (target := ssh_target(url.host)):
            client.unlock = partial(self.through(target).open, profile.connect_timeout or None)
        return client

    def through(self, target: Target) -> "ThroughSsh":
        """The way to a server behind SSH, which all share who go there."""
        from pluma_tui.transport.ssh_line import ThroughSsh

        if target not in self._ssh:
            self._ssh[target] = ThroughSsh(target, self._lend)
        return self._ssh[target]

    async def knock(self, address: str, limit: float) -> None:
        """See whether the server is there that an `ssh+http://` address names, in `limit` seconds.

        Raises ConfigError, Unreachable, TimedOut.
        """
        if target := ssh_target(read_base_url(address).host):
            await self.through(target).knock(limit)

    async def aclose(self) -> None:
        """Close all connections. Clients made before fail from now on."""
        transports = list(self._transports.values())
        self._transports.clear()
        for transport in transports:
            await transport.aclose()
        for line in self._ssh.values():
            await line.aclose()

    def _pooled(self, profile: Connection, url: httpx.URL, secret: FetchSecret) -> Pooled:
        ssh = self.through(target) if (target := ssh_target(url.host)) else None
        way = _Way(url.scheme == "https", _proxy(profile, url), TlsSettings.of(profile), ssh)
        if way not in self._transports:
            self._transports[way] = _secure(way, secret) if way.secure else _plain(way)
        return self._transports[way]


# What only some ways need is loaded with the first profile that goes there.


def _proxy(profile: Connection, url: httpx.URL) -> "Proxy | None":
    if not proxy_setting(profile, url):
        return None
    from pluma_tui.transport.proxy import proxy_before

    return proxy_before(profile, url)


def _secure(way: _Way, secret: FetchSecret) -> Pooled:
    """Connections with TLS. Whoever stands between passes them on as they are. Raises ConfigError."""
    from pluma_tui.transport.exclusive import ExclusivePool

    tls, line = Tls(way.tls, secret), Straight()
    if way.proxy:
        from pluma_tui.transport.proxied import ThroughProxy

        line = ThroughProxy(way.proxy, _for_proxy(way))

    def make(http2: bool) -> httpcore.AsyncConnectionPool:
        return ExclusivePool(tls.context, network_backend=line, http2=http2, **_LIMITS)

    return Pooled(make, tls.unlock)


def _plain(way: _Way) -> Pooled:
    """Connections without TLS: an HTTP proxy reads the requests, and passes them on one by one."""
    line, forward = way.ssh or Straight(), None
    if way.proxy:
        from pluma_tui.transport.proxied import ThroughProxy, ToProxy

        line = (ThroughProxy if way.proxy.socks else ToProxy)(way.proxy, _for_proxy(way))
        if not way.proxy.socks:
            address = httpcore.URL(scheme=b"http", host=way.proxy.host, port=way.proxy.port, target=b"/")
            forward = httpcore.Proxy(address, way.proxy.login)
    # Reading the authorities takes tens of milliseconds, which a plain local server need not pay.
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    pool = httpcore.AsyncConnectionPool(nobody, forward, network_backend=line, **_LIMITS)
    return Pooled(lambda http2: pool)


def _for_proxy(way: _Way) -> ssl.SSLContext | None:
    return trusting(way.tls.ca_file) if way.proxy and way.proxy.scheme == "https" else None


def _headers(profile: Connection) -> httpx.Headers:
    """The headers of every request. What cannot stand in one is found here: httpx would show its value."""
    headers = httpx.Headers({"User-Agent": f"pluma/{__version__}", "Accept-Encoding": "gzip"})
    for name, value in profile.headers.items():
        printable = value.isascii() and (value + name).replace("\t", " ").isprintable()
        if not printable or not name.isascii() or not name.strip() or set(name) & set(" :"):
            raise ConfigError(f'"{name}" cannot be sent as a header', key="headers")
        headers[name] = value
    return headers
