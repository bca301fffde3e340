"""A scripted KoboldCpp, by its API documentation (2025.06.03) and what its source does besides.

One question at a time: any other is refused as busy. An answer goes on after its reader has left, until
``api/extra/abort`` names its key. "long" in a question brings an answer without end, "think" thinking.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.servers.replay import Request, answer

BUSY = {"detail": {"msg": "Server is busy; please try again later.", "type": "service_unavailable"}}
NO_KEY = {"detail": {"error": "Unauthorized", "msg": "Authentication key is missing or invalid."}}
PERF = {
    "last_process_time": 0.25,
    "last_eval_speed": 40.5,
    "last_input_count": 21,
    "last_token_count": 3,
    "stop_reason": 1,
}


@dataclass
class Kobold:
    """`url` has no path. `running` are the keys of answers that go on, `aborted` those that were ended."""

    url: str = ""
    password: str = ""
    context: int = 4096
    perf: dict[str, Any] = field(default_factory=lambda: dict(PERF))
    requests: list[Request] = field(default_factory=list)
    running: dict[str, asyncio.Event] = field(default_factory=dict)
    aborted: list[str] = field(default_factory=list)

    def asked(self, path: str) -> list[Any]:
        """The documents that came to a path."""
        return [request.json for request in self.requests if request.path == path]


@asynccontextmanager
async def kobold(**settings: Any) -> AsyncIterator[Kobold]:
    """Serve on a free loopback port."""
    state = Kobold(**settings)
    handlers: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            handlers.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await _serve(state, await _read(reader), writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    state.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield state
    finally:
        server.close()
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


async def _serve(state: Kobold, request: Request, writer: asyncio.StreamWriter) -> None:
    state.requests.append(request)
    if state.password and request.headers.get("authorization") != f"Bearer {state.password}":
        writer.write(answer(NO_KEY, status=401))
    elif request.path in ("/api/extra/generate/stream", "/v1/chat/completions"):
        await _generate(state, request, writer)
    else:
        writer.write(_told(state, request))
    await writer.drain()


def _told(state: Kobold, request: Request) -> bytes:
    match request.path:
        case "/api/v1/model":
            return answer({"result": "koboldcpp/tiny"})
        case "/api/extra/version":
            return answer({"result": "KoboldCpp", "version": "1.99", "protected": False, "vision": True})
        case "/api/extra/true_max_context_length":
            return answer({"value": state.context})
        case "/api/extra/perf":
            return answer(state.perf)
        case "/api/extra/tokencount":
            tokens = request.json["prompt"].split()
            return answer({"value": len(tokens), "ids": [1] * len(tokens)})
        case "/api/extra/abort":
            key = request.json["genkey"]
            if key in state.running:
                state.running.pop(key).set()
                state.aborted.append(key)
                return answer({"success": True})
            return answer({"success": False})
        case _:
            return answer({"detail": "Not Found"}, status=404)


async def _generate(state: Kobold, request: Request, writer: asyncio.StreamWriter) -> None:
    key = request.json["genkey"]
    if state.running:
        writer.write(answer(BUSY, status=503))
        return
    state.running[key] = over = asyncio.Event()
    native = "prompt" in request.json
    shape = _native if native else _chunk
    writer.write(answer(b""))
    for piece in _script(json.dumps(request.json)):
        if over.is_set():
            return
        with suppress(ConnectionError):  # the generation itself does not mind that its reader is gone
            writer.write(shape(piece, None))
            await writer.drain()
        await asyncio.sleep(0.001)
    writer.write(shape("", "stop") + (b"" if native else b"data: [DONE]"))
    state.running.pop(key, None)


def _script(said: str) -> Iterator[str]:
    if "long" in said:
        yield from (f" w{number}" for number in count())
    yield from ["<think>", "\nHm.", "</think>\n\n", "Yes."] if "think" in said else ["Hello", " there", "."]


def _native(token: str, finish: str | None) -> bytes:
    return b"event: message\ndata: %s\n\n" % json.dumps({"token": token, "finish_reason": finish}).encode()


def _chunk(token: str, finish: str | None) -> bytes:
    choice = {"index": 0, "finish_reason": finish, "delta": {"role": "assistant", "content": token}}
    return b"data: %s\n\n" % json.dumps({"object": "chat.completion.chunk", "choices": [choice]}).encode()


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body)
