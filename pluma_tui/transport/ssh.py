"""`ssh+http://user@box:11434/v1`: a server that only its own machine can reach, by way of SSH.

What stands before the colon is what `ssh` is given: a host, or an alias of ~/.ssh/config, where its port, its
keys and jump hosts belong. The port is the server's, as seen from there, at 127.0.0.1; another address
stands behind a comma: `ssh+http://box,192.168.1.7:8080`.

In a URL all of this is one host of its own, in a domain that never is anybody's (RFC 6761): so a key is kept
for it, and whoever looks at a host does not take it for this machine.
"""

import re
from typing import NamedTuple

import httpx

from pluma_tui.core.errors import ConfigError

_SCHEME = re.compile(r"ssh(\+[a-z0-9]+)?://", re.IGNORECASE)
_DOMAIN = ".ssh.invalid"
# Strict: ssh puts these names into commands of its configuration, and a dash begins an option.
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_AUTHORITY = re.compile(
    rf"(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9_.+@-]*)@)?(?P<host>{_NAME}|\[[0-9A-Fa-f:.]+\])"
    rf"(?:,(?P<far>{_NAME}))?(?::(?P<port>\d{{1,5}}))?"
)
_HINT = 'Through SSH an address looks like "ssh+http://user@host:11434": the port is the server\'s own there.'


class Target(NamedTuple):
    """A server behind SSH: whom `ssh` is to go to, and where the server is as seen from there.

    `user` is empty where ssh is to know it; `port` is 0 as long as nobody has said it.
    """

    user: str
    host: str
    far: str
    port: int

    @property
    def login(self) -> str:
        """User and host, as one tells them to ssh."""
        return f"{self.user}@{self.host}" if self.user else self.host

    @property
    def server(self) -> str:
        """The server's own address, on the far side."""
        return f"{self.far}:{self.port}"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        far = "" if self.far == "127.0.0.1" else f",{self.far}"
        return f"{self.user}{'@' if self.user else ''}{host}{far}{f':{self.port}' if self.port else ''}"


def names_ssh(text: str) -> bool:
    """Whether an address that a person wrote is meant to go through SSH."""
    return _SCHEME.match(text) is not None


def read_ssh(text: str, *, key: str = "base_url") -> httpx.URL:
    """The URL for such an address. Raises ConfigError, which repeats nothing: a password may be in it."""
    scheme = _SCHEME.match(text)
    if scheme is None or scheme[0].lower() != "ssh+http://":
        hint = f"{_HINT} SSH encrypts all that goes through it, so the server speaks plain HTTP."
        raise ConfigError("only ssh+http:// goes through SSH", hint=hint, key=key)
    authority, rest = re.findall(r"\A([^/?#]*)(.*)\Z", text[scheme.end() :], re.DOTALL)[0]
    if ":" in authority.rpartition("@")[0]:
        hint = "ssh asks for it by itself; a key, and ssh-agent for its pass phrase, need none."
        raise ConfigError("a password has no place in an address that goes through SSH", hint=hint, key=key)
    target = _target(authority)
    if target is None:
        raise ConfigError("the address names no host that ssh could be given", hint=_HINT, key=key)
    try:
        return httpx.URL(f"http://{_as_host(target)}{rest}")
    except (httpx.InvalidURL, ValueError):
        raise ConfigError("the path behind the host is none", hint=_HINT, key=key) from None


def ssh_target(host: str) -> Target | None:
    """What the host of a URL stands for, if that is a server behind SSH."""
    if not host.endswith(_DOMAIN):
        return None
    try:
        return _target(bytes.fromhex(host.removesuffix(_DOMAIN)).decode("ascii"))
    except ValueError:  # a host that a server made up
        return None


def with_port(url: httpx.URL, usual: str) -> httpx.URL:
    """`url` with a port on the far side: that of `usual`, a dialect's own address, if it is a local one.

    Raises ConfigError if nobody says one.
    """
    target = ssh_target(url.host)
    if target is None or target.port:
        return url
    default = httpx.URL(usual)
    if default.host not in ("127.0.0.1", "localhost") or default.port is None:
        hint = f'Write it behind the host: "ssh+http://{target}:8080".'
        raise ConfigError("the address does not say which port the server has", hint=hint, key="base_url")
    return url.copy_with(host=_as_host(target._replace(port=default.port)))


def shown_ssh(target: Target, below: str = "") -> str:
    """Such an address for people to read, with the path of the API."""
    return f"ssh+http://{target}{below}".rstrip("/")


def _target(authority: str) -> Target | None:
    found = _AUTHORITY.fullmatch(authority)
    if found is None or not 0 < int(found["port"] or 1) < 65536:
        return None
    user, host, far, port = found.group("user", "host", "far", "port")
    return Target(user or "", host.strip("[]"), far or "127.0.0.1", int(port or 0))


def _as_host(target: Target) -> str:
    return f"{str(target).encode().hex()}{_DOMAIN}"
