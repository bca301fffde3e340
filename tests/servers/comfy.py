"""A ComfyUI without models: its queue, history, files and websockets, as strict as the real one.

Made from recordings of 0.3.75 and 0.33.0. One job runs at a time; its sampler stops at every step while
it is held. Every graph "draws" the same small pictures.
"""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web

from tests.servers.comfy_state import ComfyState, Queued
from tests.servers.comfy_strict import Refusal, check, checked_copy, described, no_prompt
from tests.servers.comfy_worker import Worker

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LOADERS = {"checkpoints": "CheckpointLoaderSimple/ckpt_name", "diffusion_models": "UNETLoader/unet_name",
            "loras": "LoraLoader/lora_name", "upscale_models": "UpscaleModelLoader/model_name"}  # fmt: skip


class ComfyServer(ComfyState):
    """The routes. `url` is where it is."""

    async def post_prompt(self, request: web.Request) -> web.Response:
        body = json.loads(await request.text())
        if not isinstance(body, dict) or "prompt" not in body:
            raise no_prompt()
        prompt = checked_copy(body["prompt"])
        outputs, errors = check(prompt, self.known, self.uploads(), self.version)
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
        await self.status()
        await self.tell_change()
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
            self.interrupted.set()
            await self.until(lambda: self.running is None or self.running.id in gone)
        self.pending = [job for job in self.pending if job.id not in gone]
        await self.status()
        await self.tell_change()
        return web.Response()

    async def post_interrupt(self, request: web.Request) -> web.Response:
        text = await request.text()
        wanted = json.loads(text).get("prompt_id") if text else None
        if self.running and not self.deaf and (not self.targeted or wanted in (None, self.running.id)):
            self.interrupted.set()
        return web.Response()

    async def get_history(self, request: web.Request) -> web.Response:
        prompt_id = request.match_info["id"]
        await self.tell_change()
        return web.json_response({key: entry for key, entry in self.history.items() if key == prompt_id})

    async def view(self, request: web.Request) -> web.Response:
        name, folder = request.query.get("filename", ""), request.query.get("subfolder", "")
        if (name.startswith("/") or ".." in name) and name != self.called:
            return web.Response(status=400)
        await self.tell_change()
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
        return web.json_response({name: described(self.known[name], self.uploads())})

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
        if self.stuck:
            await asyncio.Event().wait()
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        sid = request.query.get("clientId") or uuid.uuid4().hex
        self.clients = [client for client in self.clients if client[0] != sid]
        client = (sid, socket, False)
        self.clients.append(client)
        if not self.mute:
            await socket.send_json({"type": "status", "data": {"status": self.remaining(), "sid": sid}})
            if self.running and self.running.client == sid:
                await socket.send_json({"type": "executing", "data": {"node": "3"}})
        await self.tell_change()
        async for message in socket:
            if message.type is WSMsgType.TEXT and json.loads(message.data).get("type") == "feature_flags":
                self.clients = [(*each[:2], each[2] or each[1] is socket) for each in self.clients]
                flags = {"supports_preview_metadata": True, "max_upload_size": 104857600}
                if not self.mute:
                    await socket.send_json({"type": "feature_flags", "data": flags})
        self.clients = [each for each in self.clients if each[1] is not socket]
        return socket

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


@asynccontextmanager
async def comfy(**settings: Any) -> AsyncIterator[ComfyServer]:
    """Serve on a free loopback port; `settings` are the switches of ComfyServer."""
    server = ComfyServer(**settings)
    app = web.Application(middlewares=[server.strict], client_max_size=100 << 20)  # as the real one
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
    worker = asyncio.create_task(Worker(server).work())
    try:
        yield server
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
        await runner.cleanup()
