"""The little of HTTP/1.1 that scripted servers need: requests read, answers written, connections kept."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from tests.servers.replay import Request

Answer = tuple[int, Any] | bytes
"""A status and what becomes JSON (None: no body); or bytes, sent as they are before the line is cut."""


@asynccontextmanager
async def serving(answer: Callable[[Request], Awaitable[Answer]]) -> AsyncIterator[str]:
    """Serve on a free loopback port, and give its address."""
    handlers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            handlers[task] = writer
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                told = await answer(await _read(reader))
                writer.write(told if isinstance(told, bytes) else _written(*told))
                await writer.drain()
                if isinstance(told, bytes):
                    break
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        listener.close()
        for task, writer in handlers.items():
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body)


def _written(status: int, content: Any) -> bytes:
    body = b"" if content is None else json.dumps(content).encode()
    kind = "" if content is None else "Content-Type: application/json\r\n"
    return f"HTTP/1.1 {status} X\r\n{kind}Content-Length: {len(body)}\r\n\r\n".encode() + body
