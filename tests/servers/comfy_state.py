"""What a scripted ComfyUI knows: its switches, its queue and history, its files, and who listens."""

import asyncio
import json
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.imaging.pictures import png
from tests.servers.comfy_strict import Json, nodes

PREVIEW = png(8, 8)


@dataclass
class Queued:
    """A job: what was sent, and the outputs that can be made."""

    number: int
    id: str
    prompt: Json
    extra: Json
    outputs: list[str]

    @property
    def client(self) -> str | None:
        """Who sent it, if that was said."""
        return self.extra.get("client_id")

    def item(self) -> list[Any]:
        """As /queue tells it."""
        return [self.number, self.id, self.prompt, self.extra, self.outputs]


@dataclass
class ComfyState:
    """`url` is where it is. The switches, which stand first, may be turned at any time."""

    version: str = "0.3.75"
    sockets: bool = True  # False: 404, as of a proxy that knows no websockets
    stuck: bool = False  # a proxy that keeps a websocket's handshake for itself
    mute: bool = False  # sockets stay open and say nothing
    targeted: bool = True  # False: interrupts whatever runs, as older ones do
    deaf: bool = False  # nothing is interrupted before its end, as in the middle of a long node
    overtaken: bool = False  # the running job ends, and the next begins, while /queue is told to delete it
    own_ids: bool = True  # False: chooses prompt ids itself, as older ones do
    routes_missing: tuple[str, ...] = ()
    refuse: web.Response | None = None  # the answer to every request
    lock: tuple[str, str] | None = None  # a header and the value without which nobody is let in
    fail_at: str = ""  # the class of a node that raises
    out_of_memory: bool = False
    called: str = ""  # a hostile server's own name for every file
    url: str = ""
    running: Queued | None = None
    at: str = ""  # the node that runs
    pending: list[Queued] = field(default_factory=list)
    history: dict[str, Json] = field(default_factory=dict)
    files: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    prompts: list[Json] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    headers: list[Any] = field(default_factory=list)
    clients: list[tuple[str, web.WebSocketResponse, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.known = nodes()
        self.go = asyncio.Event()
        self.go.set()
        self.viewing = asyncio.Event()  # cleared: pictures are not sent
        self.viewing.set()
        self.changed = asyncio.Condition()
        self.interrupted = asyncio.Event()
        self._number = 0

    def hold(self) -> None:
        """Stop at the next step of a sampler."""
        self.go.clear()

    def release(self) -> None:
        """Go on."""
        self.go.set()

    async def until(self, holds: Any) -> None:
        """Wait until ``holds()`` is true of the queue or the history."""
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(holds)

    async def tell_change(self) -> None:
        """Let `until` look again."""
        async with self.changed:
            self.changed.notify_all()

    async def send(self, job: Queued, kind: str, data: Json, *, everybody: bool = False) -> None:
        """A frame to whoever sent the job, or to everybody."""
        frame = {"type": kind, "data": {**data, "prompt_id": job.id}}
        for sid, socket, _ in list(self.clients):
            if not self.mute and (everybody or sid == job.client):
                with suppress(ConnectionError):
                    await socket.send_json(frame)

    async def preview(self, job: Queued) -> None:
        """A binary frame, as the socket asked for it: with or without telling whose it is."""
        about = json.dumps({"node_id": "3", "prompt_id": job.id, "image_type": "image/png"}).encode()
        for sid, socket, flags in list(self.clients):
            if not self.mute and (not job.client or sid == job.client):
                head = struct.pack(">II", 4, len(about)) + about if flags else struct.pack(">II", 1, 2)
                with suppress(ConnectionError):
                    await socket.send_bytes(head + PREVIEW)

    async def status(self) -> None:
        """How much there is to do, to everybody."""
        for _, socket, _ in list(self.clients):
            if not self.mute:
                with suppress(ConnectionError):
                    await socket.send_json({"type": "status", "data": {"status": self.remaining()}})

    def remaining(self) -> Json:
        """Counts the running job and those that wait."""
        return {"exec_info": {"queue_remaining": len(self.pending) + bool(self.running)}}

    def uploads(self) -> set[str]:
        """The names of the pictures that were brought here."""
        return {name for kind, _, name in self.files if kind == "input"}
