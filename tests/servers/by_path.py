"""An HTTP server that answers by path and keeps its connections open, as most servers do."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Seen:
    """`port` is where it listens; `paths` what it was asked, over how many `connections`."""

    port: int = 0
    connections: int = 0
    paths: list[str] = field(default_factory=list)


@asynccontextmanager
async def by_path(
    answers: Mapping[str, tuple[int, Any]], other: tuple[int, Any] = (404, ""), *, server: str = ""
) -> AsyncIterator[Seen]:
    """Serve `answers`, each a status and a body (text, or what becomes JSON), on a free loopback port.

    In the body of `other`, ``{path}`` stands for the path that was asked. None as a status: silence.
    """
    seen = Seen()
    handlers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        if task := asyncio.current_task():
            handlers[task] = writer
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                path = head.split(" ")[1]
                seen.paths.append(path)
                status, body = answers.get(path, other)
                if status is None:
                    await asyncio.Event().wait()
                writer.write(_answer(status, body, path, server))

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    seen.port = listener.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        listener.close()
        for task, writer in handlers.items():
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


def _answer(status: int, body: Any, path: str, server: str) -> bytes:
    text = body if isinstance(body, str) else json.dumps(body).replace("{path}", path)
    kind = "text/plain" if isinstance(body, str) else "application/json"
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(text.encode())}"]
    lines += [f"Server: {server}"] if server else []
    return "\r\n".join([*lines, "", text]).encode()
