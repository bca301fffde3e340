"""The one mapping of what HTTP and the network raise to our own errors."""

import ssl
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from socket import gaierror

import h11
import httpx

from pluma_tui.core.errors import BrokenStream, ConnectionDropped, ProviderError, TimedOut, Unreachable
from pluma_tui.transport.unix import names_socket, not_reached, read_socket, socket_path

# h11's own errors get through httpx when a connection is closed in the middle of a request; OSError holds
# ssl.SSLError and TimeoutError.
NETWORK_ERRORS = (httpx.HTTPError, httpx.InvalidURL, h11.ProtocolError, OSError, UnicodeError, zlib.error)


@contextmanager
def mapped(upstream: str, *, begun: bool = False) -> Iterator[None]:
    """Raise ProviderErrors for what goes wrong inside. `begun`: some of the answer has come already."""
    try:
        yield
    except NETWORK_ERRORS as error:
        raise translate(error, upstream, begun=begun) from error


def translate(error: BaseException, upstream: str, *, begun: bool = False) -> ProviderError:
    """Our error for one of NETWORK_ERRORS."""
    if begun:
        return BrokenStream(f"{upstream} broke off the answer: {_words(error)}")
    if isinstance(error, httpx.ProxyError):
        hint = "Check proxy in the profile, or HTTP_PROXY and its like in the environment."
        return Unreachable(f"the proxy before {upstream} does not let us through: {_words(error)}", hint=hint)
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        hint = "Is the server running and the address right? connect_timeout sets how long to wait."
        why = f": {_words(error)}" if str(error) else ""
        return TimedOut(f"no connection to {upstream} in time{why}", hint=hint)
    if isinstance(error, httpx.ConnectError):
        return _not_connected(error, upstream)
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL | httpx.LocalProtocolError):
        return Unreachable(f"{upstream} cannot be asked", hint="Check base_url and headers.")
    if isinstance(error, httpx.RemoteProtocolError) and "disconnected" not in str(error):
        hint = "Another program may be listening on this port. Check base_url."
        return Unreachable(f"what answers at {upstream} does not speak HTTP", hint=hint)
    hint = "Try again; if it stays so, look at the server's own log."
    why = f": {_words(error)}" if isinstance(error, httpx.ReadError) and str(error) else ""
    return ConnectionDropped(f"{upstream} closed the connection without an answer{why}", hint=hint)


def _is_about_tls(error: httpx.ConnectError) -> bool:
    """Whether a connection was there, and TLS on it failed."""
    causes = list(_causes(error))
    broke_off = not any(isinstance(cause, OSError) for cause in causes)
    return broke_off or any(isinstance(cause, ssl.SSLError) for cause in causes)


def _not_connected(error: httpx.ConnectError, upstream: str) -> Unreachable:
    causes = list(_causes(error))
    if names_socket(upstream):
        path = socket_path(read_socket(upstream).host)
        return not_reached(path, next((cause for cause in causes if isinstance(cause, OSError)), OSError()))
    if any(isinstance(cause, gaierror) for cause in causes):
        return Unreachable(f"no host is known by the name in {upstream}", hint="Check the name in base_url.")
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            hint = "A server with an authority of its own needs ca_file in its profile."
            why = cause.verify_message
            return Unreachable(f"the certificate of {upstream} is not trusted: {why}", hint=hint)
        if isinstance(cause, ssl.SSLError):
            hint = "Does the server speak plain HTTP there? Then base_url begins with http://."
            return Unreachable(f"no TLS connection to {upstream}: {_words(cause)}", hint=hint)
    if upstream.startswith("https:") and _is_about_tls(error):
        hint = "Does the server speak plain HTTP there? Then base_url begins with http://."
        return Unreachable(f"{upstream} closed the connection while TLS was set up", hint=hint)
    hint = "Is the server running, and is base_url right?"
    return Unreachable(f"nobody answers at {upstream}", hint=hint)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and what it came from, through groups of errors too (one for each address of a host)."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        cause = waiting.pop(0)
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, cause.__context__, *getattr(cause, "exceptions", ())]


def _words(error: BaseException) -> str:
    """What an exception says, in one line."""
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return " ".join(str(error).split())[:200] or type(error).__name__
