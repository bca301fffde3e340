"""Where a server is: reading a base URL, and which proxy stands before it."""

import ipaddress
import re
import urllib.request

import httpx

from pluma_tui.core.errors import ConfigError
from pluma_tui.core.profile import Connection
from pluma_tui.transport.ssh import names_ssh, read_ssh, shown_ssh, ssh_target
from pluma_tui.transport.unix import names_socket, read_socket, shown_socket, socket_path

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://")
_SPACELESS = re.compile(r"[^\s\x00-\x1f\x7f]+")


def read_base_url(text: str, default_path: str = "", *, key: str = "base_url") -> httpx.URL:
    """The URL that a person wrote, with `default_path` where it has none. Raises ConfigError.

    Slashes at the end, a query and a fragment are dropped; a path that was given is kept. Of unix sockets
    `transport.unix` tells, of SSH `transport.ssh`.
    """
    text = text.strip()
    if not text:
        raise ConfigError("the address of the server is missing", hint=_advice(""), key=key)
    if names_socket(text) or names_ssh(text):
        url = (read_socket if names_socket(text) else read_ssh)(text, key=key)
        return url.copy_with(path=url.path.rstrip("/") or default_path)
    scheme = _SCHEME.match(text)
    if scheme is None or scheme[1].lower() not in ("http", "https") or not _SPACELESS.fullmatch(text):
        raise ConfigError(f'"{_shown(text)}" is no address of a server', hint=_advice(text), key=key)
    try:
        url = httpx.URL(text)
        port_fits = url.port is None or 0 < url.port < 65536
    except (httpx.InvalidURL, ValueError) as error:
        raise ConfigError(f'"{_shown(text)}" is no address of a server: {error}', key=key) from None
    if not url.host or not port_fits:
        raise ConfigError(f'"{_shown(text)}" names no host and port', hint=_advice(""), key=key)
    return url.copy_with(path=url.path.rstrip("/") or default_path, query=None, fragment=None)


def upstream(url: httpx.URL) -> str:
    """An address for people to read: no name, no password, no query, no slash at the end."""
    if path := socket_path(url.host):
        return shown_socket(path, url.path)
    if target := ssh_target(url.host):
        return shown_ssh(target, url.path)
    return str(url.copy_with(userinfo=b"", query=None, fragment=None)).rstrip("/")


def origin(url: httpx.URL) -> tuple[str, str, int]:
    """Scheme, host and port: what decides who gets a key."""
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine: localhost and names below it, 127.0.0.0/8, ::1."""
    host = host.strip("[]").rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def proxy_setting(profile: Connection, url: httpx.URL) -> str:
    """The profile's proxy, else the environment's; empty for none, always for a socket and through SSH.

    Raises ConfigError where a profile has one that cannot be used.
    """
    if socket_path(url.host):
        return ""
    if not ssh_target(url.host):
        return profile.proxy or environment_proxy(url)
    if profile.proxy:
        hint = "SSH has its own ways: ProxyJump and ProxyCommand in ~/.ssh/config."
        raise ConfigError("no proxy is used on the way through SSH", hint=hint, key="proxy")
    return ""


def environment_proxy(url: httpx.URL) -> str:
    """The proxy that the environment names for `url` as of now; empty for none, always for loopback."""
    if is_loopback(url.host):
        return ""
    proxies = urllib.request.getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all") or ""
    if not proxy or urllib.request.proxy_bypass(url.netloc.decode("ascii")):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _shown(text: str) -> str:
    """`text` without what stands before an @, where a password may be."""
    return re.sub(r"//[^/]*@", "//", text)[:200]


def _advice(text: str) -> str:
    bare = _SCHEME.sub("", _shown(text))
    if not bare or bare.startswith("/"):
        return 'An address looks like "http://localhost:8080".'
    local = is_loopback(bare.split("/")[0].rsplit(":", 1)[0])
    return f'Did you mean "{"http" if local else "https"}://{bare}"?'
