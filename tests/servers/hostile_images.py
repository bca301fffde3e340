"""Image servers that turn hostile: each answers as its kind should, but for one route, where it attacks.

No more of each kind is here than leads a client to its picture; the friendly servers are in the files
beside this one.
"""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.imaging.pictures import png

Attack = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""Writes what it likes instead of an answer; the connection is closed after it."""

ROUTES = {
    "a1111": ("/sdapi/v1/options", "/sdapi/v1/txt2img"),
    "comfy": ("/object_info/", "/prompt", "/history/", "/view"),
    "openai-images": ("/v1/images/generations", "/made/"),
}
"""Where a client comes by on its way to a picture, by the kind of server."""
DRAWS = {"a1111": "/sdapi/v1/txt2img", "comfy": "/view", "openai-images": "/v1/images/generations"}
"""The route that brings the picture."""
_SETTINGS = {f"setting_{number}": number for number in range(20)}
_PIECE = b" " * (1 << 16)


@dataclass
class HostileServer:
    """`attack` is made at the route that begins with `at`. `picture` and `name` are what it made, and `more`
    the pictures that it makes beside it.
    """

    kind: str
    at: str = ""
    attack: Attack | None = None
    picture: bytes = field(default_factory=lambda: png(8, 8))
    more: Sequence[bytes] = ()
    name: str = "cat.png"
    linked: bool = False
    info: str = "{}"
    url: str = ""
    paths: list[str] = field(default_factory=list)

    def answer(self, path: str) -> bytes:
        """What a good server of that kind says."""
        if self.kind == "a1111":
            return self._a1111(path)
        return self._comfy(path) if self.kind == "comfy" else self._openai_images(path)

    def _a1111(self, path: str) -> bytes:
        if path == "/sdapi/v1/options":
            return as_json({**_SETTINGS, "sd_model_checkpoint": "ink"})
        if path == "/sdapi/v1/txt2img":
            return as_json({"images": self._texts(), "info": self.info})
        return written(b"{}", status=404)

    def _comfy(self, path: str) -> bytes:
        if path.startswith("/object_info/"):
            node = path.rpartition("/")[2]
            return as_json({node: {"input": {"required": {"ckpt_name": [["ink.safetensors"]]}}}})
        if path == "/prompt":
            return as_json({"prompt_id": "job", "number": 1, "node_errors": {}})
        if path.startswith("/history/"):
            names = [self.name, *(f"{number}.png" for number in range(len(self.more)))]
            files = [{"filename": name, "subfolder": self.name, "type": "output"} for name in names]
            status = {"status_str": "success", "completed": True, "messages": []}
            return as_json({"job": {"outputs": {"9": {"images": files}}, "status": status}})
        if path.startswith("/view"):
            asked = sum(path.startswith("/view") for path in self.paths)
            return written([self.picture, *self.more][asked - 1], kind="image/png", name=self.name)
        return written(b"{}", status=404)

    def _openai_images(self, path: str) -> bytes:
        if path.startswith("/made/"):
            return written(self.picture, kind="image/png", name=self.name)
        if path == "/v1/images/generations":
            link = {"url": f"{self.url}/made/{self.name}"}
            return as_json({"data": [link if self.linked else {"b64_json": self._texts()[0]}]})
        return written(b"{}", status=404)

    def _texts(self) -> list[str]:
        return [b64encode(picture).decode() for picture in (self.picture, *self.more)]


def written(body: bytes, *, status: int = 200, kind: str = "application/json", name: str = "") -> bytes:
    """An answer that says how long it is."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    lines += [f'Content-Disposition: attachment; filename="{json.dumps(name)[1:-1]}"'] if name else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def as_json(document: Any) -> bytes:
    """A JSON document as an answer."""
    return written(json.dumps(document).encode())


def saying(data: bytes) -> Attack:
    """Those bytes, and the end."""

    async def attack(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return attack


def falling_silent(data: bytes = b"") -> Attack:
    """Those bytes, and nothing more for ever."""

    async def attack(writer: asyncio.StreamWriter) -> None:
        await saying(data)(writer)
        await asyncio.Event().wait()

    return attack


def flooding(head: bytes, size: float = float("inf"), piece: bytes = _PIECE) -> Attack:
    """`head`, then `size` bytes of `piece` after `piece`."""

    async def attack(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        sent = 0
        while sent < size:
            writer.write(piece)
            await writer.drain()
            sent += len(piece)

    return attack


@asynccontextmanager
async def hostile(kind: str, **settings: Any) -> AsyncIterator[HostileServer]:
    """Serve on a free loopback port."""
    server = HostileServer(kind, **settings)
    handlers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        handlers[task] = writer
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                path = await _path(reader)
                server.paths.append(path)
                if server.attack and path.startswith(server.at):
                    await server.attack(writer)
                    break
                writer.write(server.answer(path))
                await writer.drain()
        writer.close()
        handlers.pop(task, None)

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        running = list(handlers)
        for task in running:
            handlers[task].transport.abort()
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _path(reader: asyncio.StreamReader) -> str:
    """The path that the next request asks for; its body is read and forgotten."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    _, _, length = head.lower().partition("content-length: ")
    await reader.readexactly(int(length.split("\r\n")[0] or 0))
    return head.split(" ")[1]
