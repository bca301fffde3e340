"""Unix sockets: how an address names one, how it travels in a URL, and what may be wrong with one.

`unix:///run/llama.sock` is the socket; what stands behind a colon is the path of the API, as nginx and Go
programs write it: `unix:///run/llama.sock:/v1`. What Python programs write is understood, too:
`http+unix://%2Frun%2Fllama.sock/v1`.

In a URL the socket is a host of its own below localhost, so that whoever looks at a host sees another
server than any other, and this machine.
"""

import os
import re
import stat
from urllib.parse import quote, unquote

import httpx

from pluma_tui.core.errors import ConfigError, Unreachable
from pluma_tui.files.paths import expanded

_SCHEME = re.compile(r"(?:http\+)?unix://", re.IGNORECASE)
_HOST = re.compile(r"((?:[0-9a-f]{2})+)\.unix\.localhost")
_START = "Is the server running, and is base_url right?"


def names_socket(text: str) -> bool:
    """Whether an address that a person wrote means a unix socket."""
    return _SCHEME.match(text) is not None


def read_socket(text: str, *, key: str = "base_url") -> httpx.URL:
    """The URL for such an address. Raises ConfigError."""
    named = _SCHEME.sub("", text, count=1)
    if named[:1] == "%":
        socket, slash, below = named.partition("/")
        below = slash + below
    else:
        socket, _, below = named.partition(":/")
        below = f"/{below}" if below else ""
    path = expanded(unquote(socket))
    if not path.is_absolute() or "\0" in str(path):
        hint = 'A unix socket is written "unix:///run/llama.sock", with the whole path.'
        raise ConfigError(f'"{text[:200]}" names no socket', hint=hint, key=key)
    return httpx.URL(f"http://{os.fsencode(path).hex()}.unix.localhost{below}")


def socket_path(host: str) -> str:
    """The socket that the host of a URL stands for; empty if it is a host."""
    found = _HOST.fullmatch(host)
    return os.fsdecode(bytes.fromhex(found[1])) if found else ""


def shown_socket(path: str, below: str = "") -> str:
    """A socket as an address says it, with the path of the API."""
    below = below.rstrip("/")
    return f"unix://{quote(os.fsencode(path), safe='/~@+,=!$&()*;')}{f':{below}' if below else ''}"


def not_reached(path: str, error: OSError) -> Unreachable:
    """The error for a socket that nobody could be reached at, by what the system said."""
    where = shown_socket(path)
    if isinstance(error, FileNotFoundError):
        return Unreachable(f"there is no {where}", hint=_START)
    if isinstance(error, PermissionError):
        hint = "Who may write to the socket may talk to the server: look at it with ls -l, and at its folder."
        return Unreachable(f"this user may not open {where}", hint=hint)
    if isinstance(error, ConnectionRefusedError):
        if not _is_socket(path):
            return Unreachable(f"{where} is a file, and no socket", hint="Check base_url.")
        return Unreachable(f"nobody listens at {where}", hint=f"{_START} The file alone is of no use.")
    words = os.strerror(error.errno).lower() if error.errno else str(error)
    return Unreachable(f"no connection to {where}: {words}", hint=_START)


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)  # noqa: PTH116 - a name that may be any bytes
    except OSError:
        return True  # it has gone meanwhile
