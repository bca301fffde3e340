"""SOCKS 5 (RFC 1928, RFC 1929): asking a proxy for a connection.

Ours, because httpcore's own has no time limit, wants each reply in one piece, and lets the proxy look up
every name.
"""

import ipaddress

from pluma_tui.transport.lean import httpcore

_NO_LOGIN, _LOGIN, _NONE_OF_THEM = 0x00, 0x02, 0xFF
_CONNECT, _IPV4, _NAME, _IPV6 = 1, 1, 3, 4
_REPLIES = {
    1: "it failed, and does not say why",
    2: "its rules do not allow this server",
    3: "it has no way to the server's network",
    4: "it cannot reach the server",
    5: "nobody listens at the server's address",
    6: "the server has not answered it in time",
    7: "it makes no connections",
    8: "it does not take this kind of address",
}


async def ask(
    stream: httpcore.AsyncNetworkStream, host: str, port: int, login: tuple[str, str] | None = None
) -> None:
    """Have the proxy at the other end of `stream` connect to `host`, a name or an address.

    With a `login` no other way in is offered: Tor would take the one that isolates nothing. Raises
    httpcore.ProxyError.
    """
    await _enter(stream, login)
    await stream.write(bytes([5, _CONNECT, 0]) + _address(host) + port.to_bytes(2, "big"))
    version, reply, _, kind = await _exactly(stream, 4)
    if version != 5:
        raise _no_socks()
    if reply:
        raise httpcore.ProxyError(_REPLIES.get(reply, f"it answers with error {reply}"))
    size = {_IPV4: 4, _IPV6: 16}.get(kind) or (await _exactly(stream, 1))[0]
    await _exactly(stream, size + 2)  # where it connects from, which nobody needs


async def _enter(stream: httpcore.AsyncNetworkStream, login: tuple[str, str] | None) -> None:
    offered = _LOGIN if login else _NO_LOGIN
    await stream.write(bytes([5, 1, offered]))
    version, chosen = await _exactly(stream, 2)
    if version != 5:
        raise _no_socks()
    if chosen == _NONE_OF_THEM:
        wants = "takes no user name and password" if login else "wants a user name and a password"
        raise httpcore.ProxyError(f"it {wants}")
    if chosen != offered:
        raise _no_socks()
    if login:
        await stream.write(b"\x01" + b"".join(map(_counted, login)))
        _, refused = await _exactly(stream, 2)
        if refused:
            raise httpcore.ProxyError("it does not accept this user name and password")


def _address(host: str) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bytes([_NAME]) + _counted(host)
    return bytes([_IPV4 if address.version == 4 else _IPV6]) + address.packed


def _counted(text: str) -> bytes:
    data = text.encode()
    if len(data) > 255:
        raise httpcore.ProxyError("what it would have to be told is too long")
    return bytes([len(data)]) + data


async def _exactly(stream: httpcore.AsyncNetworkStream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = await stream.read(size - len(data))
        if not piece:
            raise httpcore.ProxyError("it closed the connection")
        data += piece
    return data


def _no_socks() -> httpcore.ProxyError:
    return httpcore.ProxyError("what listens there does not speak SOCKS 5")
