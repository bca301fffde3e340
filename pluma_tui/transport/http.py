"""The one place where HTTP clients are made.

Connections are shared by all profiles that go the same way (same proxy, same certificates); the client
that a profile gets on top of them is light, and holds its address, headers, time limits and key hook.
"""

import ssl
from typing import NamedTuple

import httpx

from pluma_tui import __version__
from pluma_tui.core.errors import ConfigError
from pluma_tui.core.profile import Connection, SecretRef
from pluma_tui.transport.address import environment_proxy, read_base_url
from pluma_tui.transport.auth import BasicAuth, FetchSecret, KeyAuth, UserinfoAuth
from pluma_tui.transport.mapping import is_about_tls
from pluma_tui.transport.tls import tls_context

_KEEPALIVE = 30.0  # seconds an idle connection is kept: between two questions, without a new TLS handshake
_WRITE_TIMEOUT = 60.0  # seconds for the server to take the next piece of a request


class _Way(NamedTuple):
    """What decides whether two profiles can share connections."""

    secure: bool
    proxy: str
    ca_file: str
    client_cert: str
    client_key: str


class _Shared(httpx.AsyncBaseTransport):
    """A transport whose closing is left to the pool; it tells a proxy that is away from a server that is."""

    def __init__(self, inner: httpx.AsyncBaseTransport, *, proxied: bool) -> None:
        self._inner = inner
        self._proxied = proxied

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """httpx's hook: called once for every request."""
        try:
            return await self._inner.handle_async_request(request)
        except httpx.ConnectError as error:
            # TLS is set up with the server behind the proxy; only what fails before that is the proxy's.
            if self._proxied and not is_about_tls(error):
                raise httpx.ProxyError("nobody answers at its address", request=request) from error
            raise


class ClientPool:
    """Makes the HTTP client of a profile. `await pool.aclose()` closes every connection.

    `transport` replaces the network, for tests.
    """

    def __init__(self, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._given = transport
        self._transports: dict[_Way, httpx.AsyncBaseTransport] = {}

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
    ) -> httpx.AsyncClient:
        """A client for `profile`; closing it is not needed and closes no connection.

        `secret` is awaited with the profile's `api_key`, or with `basic` (a "user:password", which goes
        before a key), whenever a request is made. No redirect is followed, and no time limit counts
        bytes: `transport.stream` counts events. Raises ConfigError.
        """
        address = profile.base_url or default_base_url
        # A dialect that names neither an address nor a path may not need one (a program, a double).
        url = read_base_url(address, default_path) if address or default_path else httpx.URL()
        auth: httpx.Auth | None = None
        if basic is not None:
            auth = BasicAuth(basic, secret, url)
        elif profile.api_key is not None:
            auth = KeyAuth(profile.api_key, secret, url, auth_header, auth_prefix)
        elif url.username or url.password:
            auth = UserinfoAuth(url)
        proxy = profile.proxy or environment_proxy(url)
        return httpx.AsyncClient(
            transport=_Shared(self._transport(profile, url, proxy), proxied=bool(proxy)),
            base_url=url.copy_with(userinfo=b""),
            auth=auth,
            headers=_headers(profile),
            timeout=httpx.Timeout(None, connect=profile.connect_timeout or None, write=_WRITE_TIMEOUT),
            trust_env=False,
            follow_redirects=False,
        )

    async def aclose(self) -> None:
        """Close all connections. Clients made before fail from now on."""
        transports = list(self._transports.values())
        self._transports.clear()
        for transport in transports:
            await transport.aclose()

    def _transport(self, profile: Connection, url: httpx.URL, proxy: str) -> httpx.AsyncBaseTransport:
        if self._given is not None:
            return self._given
        secure = url.scheme == "https"
        way = _Way(secure, proxy, profile.ca_file, profile.client_cert, profile.client_key)
        if way not in self._transports:
            self._transports[way] = _open(way)
        return self._transports[way]


def _open(way: _Way) -> httpx.AsyncBaseTransport:
    # Reading the authorities takes tens of milliseconds, which a plain local server need not pay.
    plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = tls_context(way.ca_file, way.client_cert, way.client_key) if way.secure else plain
    try:
        return httpx.AsyncHTTPTransport(
            verify=context,
            trust_env=False,
            proxy=way.proxy or None,
            limits=httpx.Limits(max_connections=None, keepalive_expiry=_KEEPALIVE),
        )
    except ImportError as error:
        hint = "Install it with: pip install 'httpx[socks]'"
        raise ConfigError("a SOCKS proxy needs the package socksio", hint=hint, key="proxy") from error
    except (ValueError, httpx.InvalidURL) as error:
        hint = 'A proxy looks like "http://host:3128" or "socks5://host:1080".'
        raise ConfigError("the proxy's address cannot be used", hint=hint, key="proxy") from error


def _headers(profile: Connection) -> httpx.Headers:
    """The headers of every request. What cannot stand in one is found here: httpx would show its value."""
    headers = httpx.Headers({"User-Agent": f"pluma/{__version__}", "Accept-Encoding": "gzip"})
    for name, value in profile.headers.items():
        printable = value.isascii() and (value + name).replace("\t", " ").isprintable()
        if not printable or not name.isascii() or not name.strip() or set(name) & set(" :"):
            raise ConfigError(f'"{name}" cannot be sent as a header', key="headers")
        headers[name] = value
    return headers
