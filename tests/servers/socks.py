"""A SOCKS 5 proxy (RFC 1928, RFC 1929) that notes what it is asked, and connects to one server of its own."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass
class SocksProxy:
    """`asked` is each host it was to connect to, as it was named; `kinds` how: "name", "ipv4", "ipv6".

    `users` holds name and password of each connection that had them. `reply` other than 0 refuses; with
    `login` only that is let in; `piece` bytes of an answer go out at a time; a `silent` one says nothing.
    """

    where: str = ""
    login: tuple[str, str] | None = None
    any_login: bool = False
    reply: int = 0
    piece: int = 100
    silent: bool = False
    asked: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    users: list[tuple[str, str]] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def socks_proxy(url: str = "", **settings: Any) -> AsyncIterator[SocksProxy]:
    """Serve on a free loopback port; every connection leads to the server at `url`, whatever was asked."""
    state = SocksProxy(**settings)
    tasks: set[asyncio.Task[None]] = set()
    port = int(url.rpartition(":")[2] or 0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            tasks.add(task)
        state.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            if await _agree(state, reader, writer):
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
                await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    state.where = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield state
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _agree(state: SocksProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """The talk before the connection; whether there is to be one."""
    _, count = await reader.readexactly(2)
    offered = await reader.readexactly(count)
    if state.silent:
        await reader.read()
        return False
    wanted = 2 if state.login or state.any_login else 0
    if wanted not in offered:
        await _say(state, writer, b"\x05\xff")
        return False
    await _say(state, writer, bytes([5, wanted]))
    if wanted and not await _let_in(state, reader, writer):
        return False
    await _note(state, reader)
    bound = b"\x03\x05bound\x00\x00" if state.piece < 100 else b"\x01" + bytes(6)
    await _say(state, writer, bytes([5, state.reply, 0]) + bound)
    return state.reply == 0


async def _let_in(state: SocksProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    await reader.readexactly(1)
    user, password = [(await reader.readexactly((await reader.readexactly(1))[0])).decode() for _ in range(2)]
    state.users.append((user, password))
    refused = state.login not in (None, (user, password))
    await _say(state, writer, bytes([1, refused]))
    return not refused


async def _note(state: SocksProxy, reader: asyncio.StreamReader) -> None:
    kind = (await reader.readexactly(4))[3]
    size = (await reader.readexactly(1))[0] if kind == 3 else {1: 4, 4: 16}[kind]
    host, _ = await reader.readexactly(size), await reader.readexactly(2)
    state.kinds.append({1: "ipv4", 3: "name", 4: "ipv6"}[kind])
    state.asked.append(host.decode() if kind == 3 else str(ipaddress.ip_address(host)))


async def _say(state: SocksProxy, writer: asyncio.StreamWriter, data: bytes) -> None:
    for start in range(0, len(data), state.piece):
        writer.write(data[start : start + state.piece])
        await writer.drain()
        await asyncio.sleep(0)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
