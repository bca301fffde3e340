"""A ComfyUI without models: its queue, history, files and websockets, as strict as the real one.

Made from recordings of 0.3.75 and 0.33.0. One job runs at a time; its sampler stops at every step while
it is held. Every graph "draws" the same small pictures.
"""

import asyncio
import hashlib
import json
import re
import struct
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.imaging.pictures import png
from tests.servers.comfy_strict import Json, Refusal, check, checked_copy, described, no_prompt, nodes

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PREVIEW = png(8, 8)
_SAMPLERS = ("KSampler", "KSamplerAdvanced")
_LOADERS = {"checkpoints": "CheckpointLoaderSimple/ckpt_name", "diffusion_models": "UNETLoader/unet_name",
            "loras": "LoraLoader/lora_name", "upscale_models": "UpscaleModelLoader/model_name"}  # fmt: skip


class _Interrupted(Exception):
    pass


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
class ComfyServer:
    """`url` is where it is. The switches below may be turned at any time."""

    version: str = "0.3.75"
    sockets: bool = True  # False: 404, as of a proxy that knows no websockets
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
        self._interrupted = asyncio.Event()
        self._number = 0
        self._cache: dict[str, Json] = {}
        self._count = 0

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

    async def _tell_change(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    # HTTP

    async def post_prompt(self, request: web.Request) -> web.Response:
        body = json.loads(await request.text())
        if not isinstance(body, dict) or "prompt" not in body:
            raise no_prompt()
        prompt = checked_copy(body["prompt"])
        outputs, errors = check(prompt, self.known, self._uploads(), self.version)
        prompt_id = str(body.get("prompt_id") or uuid.uuid4()) if self.own_ids else str(uuid.uuid4())
        if not self.version.startswith("0.3.") and not _UUID.fullmatch(prompt_id):
            raise Refusal(
                {"error": {"type": "invalid_prompt_id", "message": "Invalid prompt_id"}, "node_errors": {}}
            )
        extra = dict(body.get("extra_data") or {})
        if "client_id" in body:
            extra["client_id"] = body["client_id"]
        self.prompts.append(body)
        self._number += 1
        self.pending.append(Queued(self._number, prompt_id, prompt, extra, outputs))
        await self._status()
        await self._tell_change()
        return web.json_response({"prompt_id": prompt_id, "number": self._number, "node_errors": errors})

    async def get_queue(self, request: web.Request) -> web.Response:
        running = [self.running.item()] if self.running else []
        # In the order of a heap, which is none.
        return web.json_response(
            {"queue_running": running, "queue_pending": [job.item() for job in self.pending[::-1]]}
        )

    async def post_queue(self, request: web.Request) -> web.Response:
        gone = (await request.json()).get("delete", [])
        if self.overtaken:
            self._interrupted.set()
            await self.until(lambda: self.running is None or self.running.id in gone)
        self.pending = [job for job in self.pending if job.id not in gone]
        await self._status()
        await self._tell_change()
        return web.Response()

    async def post_interrupt(self, request: web.Request) -> web.Response:
        text = await request.text()
        wanted = json.loads(text).get("prompt_id") if text else None
        if self.running and not self.deaf and (not self.targeted or wanted in (None, self.running.id)):
            self._interrupted.set()
        return web.Response()

    async def get_history(self, request: web.Request) -> web.Response:
        prompt_id = request.match_info["id"]
        return web.json_response({key: entry for key, entry in self.history.items() if key == prompt_id})

    async def view(self, request: web.Request) -> web.Response:
        name, folder = request.query.get("filename", ""), request.query.get("subfolder", "")
        if (name.startswith("/") or ".." in name) and name != self.called:
            return web.Response(status=400)
        await self._tell_change()
        await self.viewing.wait()
        data = self.files.get((request.query.get("type", "output"), folder, name))
        if data is None:
            return web.Response(status=404)
        return web.Response(
            body=data, content_type="image/png", headers={"Content-Disposition": f'filename="{name}"'}
        )

    async def upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        file = form.get("image")
        if not isinstance(file, web.FileField) or ".." in file.filename or file.filename.startswith("/"):
            return web.Response(status=400)
        data, kind = file.file.read(), str(form.get("type", "input"))
        stem, _, ending = file.filename.rpartition(".")
        name, number = file.filename, 1
        while self.files.get((kind, "", name), data) != data:
            name, number = f"{stem} ({number}).{ending}", number + 1
        self.files[kind, "", name] = data
        return web.json_response({"name": name, "subfolder": "", "type": kind})

    async def object_info(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self.known:
            return web.json_response({})
        return web.json_response({name: described(self.known[name], self._uploads())})

    async def models(self, request: web.Request) -> web.Response:
        node, _, name = _LOADERS.get(request.match_info["folder"], "/").partition("/")
        if not node:
            return web.Response(status=404)
        kind = self.known[node]["input"][name]
        return web.json_response(kind[1].get("options", kind[0]))

    async def stats(self, request: web.Request) -> web.Response:
        return web.json_response({"system": {"os": "posix", "comfyui_version": self.version}, "devices": []})

    async def free(self, request: web.Request) -> web.Response:
        assert await request.json() == {"unload_models": True, "free_memory": True}
        return web.Response()

    async def ws(self, request: web.Request) -> web.StreamResponse:
        if not self.sockets:
            return web.Response(status=404)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        sid = request.query.get("clientId") or uuid.uuid4().hex
        self.clients = [client for client in self.clients if client[0] != sid]
        client = (sid, socket, False)
        self.clients.append(client)
        if not self.mute:
            await socket.send_json({"type": "status", "data": {"status": self._remaining(), "sid": sid}})
            if self.running and self.running.client == sid:
                await socket.send_json({"type": "executing", "data": {"node": "3"}})
        await self._tell_change()
        async for message in socket:
            if message.type is WSMsgType.TEXT and json.loads(message.data).get("type") == "feature_flags":
                self.clients = [(*each[:2], each[2] or each[1] is socket) for each in self.clients]
                flags = {"supports_preview_metadata": True, "max_upload_size": 104857600}
                if not self.mute:
                    await socket.send_json({"type": "feature_flags", "data": flags})
        self.clients = [each for each in self.clients if each[1] is not socket]
        return socket

    # Running jobs

    async def work(self) -> None:
        """Run jobs, for ever."""
        while True:
            async with self.changed:
                await self.changed.wait_for(lambda: bool(self.pending))
            self.pending.sort(key=lambda job: job.number)
            job = self.running = self.pending.pop(0)
            self._interrupted.clear()
            await self._run(job)
            self.running, self.at = None, ""
            await self._status()
            await self._send(job, "executing", {"node": None})
            await self._tell_change()

    async def _run(self, job: Queued) -> None:
        await self._status()
        messages: list[Any] = []
        outputs: Json = {}

        async def milestone(kind: str, **data: Any) -> None:
            messages.append([kind, {"prompt_id": job.id, **data}])
            await self._send(job, kind, data)

        await milestone("execution_start")
        await self._tell_change()
        key = hashlib.sha256(json.dumps(job.prompt, sort_keys=True).encode()).hexdigest()
        cached = self._cache.get(key)
        await milestone("execution_cached", nodes=list(job.prompt) if cached else [])
        ending = {"status_str": "success", "completed": True}
        node = ""
        try:
            for node in [] if cached else _order(job.prompt, job.outputs):
                if node in job.outputs:
                    outputs[node] = self._draw(job.prompt, node)
                await self._node(job, node, outputs)
            for node, output in (cached or {}).items():
                await self._send(job, "executed", {"node": node, "output": output})
            outputs = outputs or dict(cached or {})
            self._cache[key] = outputs
            await milestone("execution_success")
        except _Interrupted:
            ending = {"status_str": "error", "completed": False}
            await milestone(
                "execution_interrupted", node_id=node, node_type=job.prompt[node]["class_type"], executed=[]
            )
        except ArithmeticError:
            ending = {"status_str": "error", "completed": False}
            kind, words = (
                "RuntimeError",
                "Argument #4: Padding size should be less than the input dimension\n",
            )
            if self.out_of_memory:
                kind, words = "torch.OutOfMemoryError", "Allocation on device\n"
            await milestone(
                "execution_error", node_id=node, node_type=job.prompt[node]["class_type"], executed=[],
                exception_message=words, exception_type=kind, traceback=["..."], current_inputs={},
            )  # fmt: skip
            outputs.pop(node, None)
        status = {**ending, "messages": messages}
        self.history[job.id] = {"prompt": job.item(), "outputs": outputs, "status": status, "meta": {}}

    async def _node(self, job: Queued, node: str, outputs: Json) -> None:
        content = job.prompt[node]
        self.at = node
        await self._tell_change()
        state = {"node_id": node, "prompt_id": job.id, "state": "running", "value": 0.0, "max": 1.0}
        await self._send(job, "progress_state", {"nodes": {node: state}}, everybody=not job.client)
        await self._send(job, "executing", {"node": node, "display_node": node})
        if content["class_type"] == self.fail_at:
            raise ArithmeticError
        steps = int(content["inputs"]["steps"]) if content["class_type"] in _SAMPLERS else 0
        for step in range(1, steps + 1):
            await self._step()
            progress = {"value": step, "max": steps, "node": node}
            await self._send(job, "progress", progress, everybody=not job.client)
            await self._preview(job, node)
        if node in outputs:
            await self._send(job, "executed", {"node": node, "display_node": node, "output": outputs[node]})

    async def _step(self) -> None:
        """Wait while held; an interrupt is seen only here, between two steps."""
        waiting = [asyncio.ensure_future(event.wait()) for event in (self.go, self._interrupted)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if self._interrupted.is_set():
            raise _Interrupted

    def _draw(self, prompt: Json, node: str) -> Json:
        """The files of an output node: as many as the batch has."""
        kind = "temp" if prompt[node]["class_type"] == "PreviewImage" else "output"
        folder, _, prefix = str(prompt[node]["inputs"].get("filename_prefix", "ComfyUI_temp")).rpartition("/")
        sizes = [
            int(content["inputs"].get(name, 1))
            for content in prompt.values()
            for name in ("batch_size", "amount")
        ]
        images = []
        for _ in range(max(sizes, default=1)):
            self._count += 1
            name = self.called or f"{prefix}_{self._count:05}_.png"
            text = json.dumps(prompt)
            self.files[kind, folder, name] = png(8, 8, prompt=text, file=f"{kind} {name}")
            images.append({"filename": name, "subfolder": folder, "type": kind})
        return {"images": images}

    # Frames

    async def _send(self, job: Queued, kind: str, data: Json, *, everybody: bool = False) -> None:
        frame = {"type": kind, "data": {**data, "prompt_id": job.id}}
        for sid, socket, _ in list(self.clients):
            if not self.mute and (everybody or sid == job.client):
                with suppress(ConnectionError):
                    await socket.send_json(frame)

    async def _preview(self, job: Queued, node: str) -> None:
        about = json.dumps({"node_id": node, "prompt_id": job.id, "image_type": "image/png"}).encode()
        for sid, socket, flags in list(self.clients):
            if not self.mute and (not job.client or sid == job.client):
                head = struct.pack(">II", 4, len(about)) + about if flags else struct.pack(">II", 1, 2)
                with suppress(ConnectionError):
                    await socket.send_bytes(head + PREVIEW)

    async def _status(self) -> None:
        for _, socket, _ in list(self.clients):
            if not self.mute:
                with suppress(ConnectionError):
                    await socket.send_json({"type": "status", "data": {"status": self._remaining()}})

    def _remaining(self) -> Json:
        return {"exec_info": {"queue_remaining": len(self.pending) + bool(self.running)}}

    def _uploads(self) -> set[str]:
        return {name for kind, _, name in self.files if kind == "input"}

    # Serving

    @web.middleware
    async def strict(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """What holds for every route."""
        self.asked.append(f"{request.method} {request.path}")
        self.headers.append(request.headers)
        if "Origin" in request.headers:
            return web.Response(status=403)
        if self.lock is not None and request.headers.get(self.lock[0]) != self.lock[1]:
            return web.Response(status=401)
        if self.refuse is not None and request.path != "/ws":
            return web.Response(status=self.refuse.status, body=self.refuse.body)
        if request.path.startswith(self.routes_missing or ("?",)):
            return web.Response(status=404)
        try:
            answer: web.StreamResponse = await handler(request)
        except Refusal as refusal:
            return web.json_response(refusal.body, status=400)
        return answer


def _order(prompt: Json, outputs: list[str]) -> list[str]:
    """The nodes that are needed, each after those it is linked to."""
    done: list[str] = []

    def visit(node: str) -> None:
        if node not in done:
            for value in prompt[node]["inputs"].values():
                if isinstance(value, list):
                    visit(value[0])
            done.append(node)

    for node in outputs:
        visit(node)
    return done


@asynccontextmanager
async def comfy(**settings: Any) -> AsyncIterator[ComfyServer]:
    """Serve on a free loopback port; `settings` are the switches of ComfyServer."""
    server = ComfyServer(**settings)
    app = web.Application(middlewares=[server.strict])
    app.add_routes(
        [
            web.post("/prompt", server.post_prompt), web.get("/queue", server.get_queue),
            web.post("/queue", server.post_queue), web.post("/interrupt", server.post_interrupt),
            web.get("/history/{id}", server.get_history), web.get("/view", server.view),
            web.post("/upload/image", server.upload), web.get("/object_info/{name}", server.object_info),
            web.get("/models/{folder}", server.models), web.get("/system_stats", server.stats),
            web.post("/free", server.free), web.get("/ws", server.ws),
        ]
    )  # fmt: skip
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    worker = asyncio.create_task(server.work())
    try:
        yield server
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
        await runner.cleanup()
