"""Which proxy stands before a server, and what a person wrote about it."""

from dataclasses import dataclass, field
from hashlib import sha256

import httpx

from pluma_tui.core.errors import ConfigError
from pluma_tui.core.profile import Connection
from pluma_tui.transport.address import proxy_setting

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080, "tor": 9050}
_HINT = 'A proxy looks like "http://host:3128" or "socks5h://host:1080"; "tor" is the Tor of this machine.'
_LONGEST = 255  # bytes of a name and of a password in SOCKS (RFC 1929)


@dataclass(frozen=True)
class Proxy:
    """A proxy. `socks5` is given addresses, `socks5h` names, which it looks up itself."""

    scheme: str
    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def where(self) -> str:
        """Host and port, for people to read."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def socks(self) -> bool:
        """Whether it speaks SOCKS, and not HTTP."""
        return self.scheme.startswith("socks")

    @property
    def login(self) -> tuple[str, str] | None:
        """The name and password that it is to be shown."""
        return (self.user, self.password) if self.user or self.password else None


def proxy_before(profile: Connection, url: httpx.URL) -> Proxy | None:
    """The proxy between a profile and its server. Raises ConfigError."""
    text = proxy_setting(profile, url)
    return read_proxy(text, _stream_of(profile)) if text else None


def read_proxy(text: str, stream: str = "") -> Proxy:
    """What a setting says. Raises ConfigError, which repeats nothing of it: a password may be in it.

    `tor`, or `tor://host:port` for another than this machine's usual one, means SOCKS with `stream` as the
    user: Tor takes a circuit of its own for each (IsolateSOCKSAuth, which is on by default).
    """
    try:
        url = httpx.URL("tor://127.0.0.1" if text.strip().lower() == "tor" else text.strip())
        usual = _PORTS[url.scheme]
        port = usual if url.port is None else url.port
        host = url.raw_host.decode("ascii").strip("[]")
    except (KeyError, ValueError, httpx.InvalidURL):
        raise ConfigError("the proxy's address cannot be used", hint=_HINT, key="proxy") from None
    user, password = url.username, url.password
    too_long = max(len(user.encode()), len(password.encode())) > _LONGEST
    if not host or not 0 < port < 65536 or too_long:
        raise ConfigError("the proxy's address cannot be used", hint=_HINT, key="proxy")
    if url.scheme == "tor":
        return Proxy("socks5h", host, port, user or stream, password or "pluma")
    return Proxy(url.scheme, host, port, user, password)


def _stream_of(profile: Connection) -> str:
    """A name that is a profile's own, tells nothing about it, and stays the same: so does its circuit."""
    whose = f"{type(profile).__name__}/{profile.name}"
    return f"pluma-{sha256(whose.encode()).hexdigest()[:16]}"
