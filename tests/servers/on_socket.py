"""A server of the tests, at a unix socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


@asynccontextmanager
async def on_socket(path: Path, url: str) -> AsyncIterator[None]:
    """Lead every connection at the socket `path` to the server at `url`."""
    tasks: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        for source, target in ((reader, far[1]), (far[0], writer)):
            tasks.append(asyncio.create_task(_pass_on(source, target)))

    async with await asyncio.start_unix_server(serve, path):
        yield
    for task in tasks:
        task.cancel()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()
