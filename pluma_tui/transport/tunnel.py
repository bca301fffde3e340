"""CONNECT (RFC 9110, 9.3.6): asking an HTTP proxy for a connection.

Ours, because httpcore's own has no time limit of its own: a proxy that never answers would be waited for
as long as a model that reads a long prompt.
"""

from base64 import b64encode

import h11

from pluma_tui.transport.lean import httpcore


async def ask(
    stream: httpcore.AsyncNetworkStream, host: str, port: int, login: tuple[str, str] | None = None
) -> None:
    """Have the proxy at the other end of `stream` connect to `host`. Raises httpcore.ProxyError."""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    headers = [("Host", target), *([("Proxy-Authorization", basic(login))] if login else [])]
    talk = h11.Connection(h11.CLIENT)
    request = talk.send(h11.Request(method="CONNECT", target=target, headers=headers))
    await stream.write((request or b"") + (talk.send(h11.EndOfMessage()) or b""))
    try:
        status, reason = await _answer(stream, talk)
    except h11.RemoteProtocolError:
        raise httpcore.ProxyError("what listens there is no HTTP proxy") from None
    if not 200 <= status < 300:
        raise httpcore.ProxyError(f"it answers {status} {reason}".rstrip())


def basic(login: tuple[str, str]) -> str:
    """Name and password as the scheme Basic has them (RFC 7617)."""
    return f"Basic {b64encode(':'.join(login).encode()).decode()}"


async def _answer(stream: httpcore.AsyncNetworkStream, talk: h11.Connection) -> tuple[int, str]:
    while True:
        event = talk.next_event()
        if isinstance(event, h11.Response):
            return event.status_code, bytes(event.reason).decode("ascii", "replace")[:100]
        if isinstance(event, h11.ConnectionClosed):
            raise httpcore.ProxyError("it closed the connection")
        if event is h11.NEED_DATA:
            talk.receive_data(await stream.read(4096))
