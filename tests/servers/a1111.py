"""A scripted A1111, and those who have its routes: what they take, refuse and leave out is as recorded.

Made from the recordings in tests/data/images/a1111. A job makes a step whenever somebody asks how far it is,
so nothing here depends on time; where nobody can ask, it is done at once. `held` jobs stay where they are.
A job runs on though its client has gone, as the real ones do.
"""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.conftest import DATA
from tests.imaging.pictures import png
from tests.servers import a1111_strict as strict
from tests.servers.a1111_strict import Refusal
from tests.servers.http import Answer, serving
from tests.servers.replay import Request

WITHOUT_INTERFACE = "A1111 --nowebui"
SMALL = ("stable-diffusion.cpp", "KoboldCpp")
FLAVOURS = ("A1111", WITHOUT_INTERFACE, "Forge", "SD.Next", *SMALL)
RECORDED = DATA / "images" / "a1111"
_MODULES = [{"model_name": "ae.safetensors", "filename": "models/VAE/ae.safetensors"}]
_ORDERS = tuple(
    f"sdapi/v1/{name}"
    for name in ("unload-checkpoint", "skip", "refresh-checkpoints", "refresh-loras", "options")
)
_EXTRAS: dict[str, dict[str, Any]] = {
    "Forge": {
        "sdapi/v1/sd-modules": _MODULES,
        "sdapi/v1/schedulers": [{"name": "karras", "label": "Karras"}],
        "sdapi/v1/sd-vae": None,
    },
    "SD.Next": {"sdapi/v1/version": {"app": "sd.next", "updated": "2026-07-23", "commit": "058a7f0c"}},
    "KoboldCpp": {
        "sdapi/v1/options": {"samples_format": "png", "sd_model_checkpoint": "sd15"},
        "sdapi/v1/sd-models": [{"title": "sd15", "model_name": "sd15"}],
        "api/extra/version": {"result": "KoboldCpp", "version": "1.77"},
    },
}


@dataclass
class Job:
    """One request to draw, whoever sent it."""

    name: str
    task: str
    steps: int
    rounds: int = 1
    step: int = 0
    interrupted: bool = False
    stamp: str = ""
    over: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class A1111Server:
    """`bodies` is what was asked to be drawn; `jobs` all jobs ever begun or waiting.

    `spoiled`: raw bytes for a route, instead of its answer; None: silence. `picture`: drawn instead of what
    is asked for. `deaf`: an interrupt changes nothing. `unseen`: checkpoints that it finds when told to
    look. `formats`: what a small one can write, and read.
    """

    flavour: str
    auth: str = ""
    held: bool = False
    deaf: bool = False
    memory: int = 4096 * 4096
    preview_every: int = 10
    loras: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    formats: tuple[str, ...] = ("png", "jpeg", "webp")
    skipped: int = 0
    changed: dict[str, Any] = field(default_factory=dict)
    picture: bytes | None = None
    url: str = ""
    paths: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    spoiled: dict[str, bytes | None] = field(default_factory=dict)
    running: Job | None = None
    last: str = "0"

    def __post_init__(self) -> None:
        name = "sdcpp-lists.json" if self.flavour in SMALL else "lists.json"
        self._lists = {} if self.flavour == "KoboldCpp" else json.loads((RECORDED / name).read_text())
        self._line = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    def other(self, *, steps: int = 20, interface: bool = False) -> Job:
        """A job of another program, or of a person at the web interface."""
        name = "task(theirs)" if interface else "scripts_txt2img"
        job = Job(name, "task(theirs)", steps)
        self._later(self._run(job))
        return job

    def finish(self, job: Job) -> None:
        """Let a job come to its end."""
        job.over.set()

    async def answer(self, request: Request) -> Answer:
        """What is answered to a request."""
        path, _, query = request.path.lstrip("/").partition("?")
        self.paths.append(path)
        if path in self.spoiled:
            if (spoiled := self.spoiled[path]) is None:
                await asyncio.Event().wait()
            return spoiled or b""
        try:
            if self.auth:
                strict.admit(request.headers, self.auth)
            return await self._route(request, path, query)
        except Refusal as refusal:
            return refusal.as_said_by(self.flavour)

    async def _route(self, request: Request, path: str, query: str) -> Answer:
        draws = path in ("sdapi/v1/txt2img", "sdapi/v1/img2img")
        if draws and request.method == "POST":
            body = strict.checked(request.body, path, self.flavour, self.memory)
            self.bodies.append(body)
            return await asyncio.shield(self._later(self._draw(body, path)))
        if path == "internal/progress" and self.flavour in ("A1111", "Forge"):
            return 200, self._of_task(request.json)
        if self.flavour not in SMALL:
            if path == "sdapi/v1/progress":
                return 200, self._progress("skip_current_image=true" not in query)
            if path == "sdapi/v1/interrupt":
                return self._interrupt()
            if request.method == "POST" and path in _ORDERS:
                return self._told(path, request)
        return self._listed(request.method, path)

    def _told(self, path: str, request: Request) -> Answer:
        """The answer to an order: SD.Next's says nothing, and with another status."""
        if path == "sdapi/v1/options":
            self.changed |= strict.checked_settings(request.body, self._titles())
        elif path == "sdapi/v1/skip":
            self.skipped += 1
        elif path == "sdapi/v1/refresh-checkpoints":
            models = self._lists["GET /sdapi/v1/sd-models"]["json"]
            models += [{"title": name, "model_name": name} for name in self.unseen]
        return (204, None) if self.flavour == "SD.Next" else (200, None)

    def _titles(self) -> list[str]:
        return [model["title"] for model in self._lists["GET /sdapi/v1/sd-models"]["json"]]

    def _listed(self, method: str, path: str) -> Answer:
        if method == "GET" and path in _EXTRAS.get(self.flavour, {}):
            told = _EXTRAS[self.flavour][path]
            return (404, {"detail": "Not Found"}) if told is None else (200, told)
        if path == "sdapi/v1/loras" and self.loras:
            return 200, [
                {"name": name, "alias": name, "path": f"loras/{name}.safetensors"} for name in self.loras
            ]
        recorded = self._lists.get(f"{method} /{path}")
        if recorded is None:
            return 404, None if self.flavour in SMALL else {"detail": "Not Found"}
        told = recorded.get("json")
        if path == "sdapi/v1/options" and self.flavour == "Forge":
            told = {**told, "forge_preset": "sd"}
        if path == "sdcpp/v1/capabilities":
            told = {**told, "output_formats": self.formats}
        if method == "GET" and path == "sdapi/v1/options":
            told = {**told, **self.changed}
        return recorded["status"], told

    def _interrupt(self) -> Answer:
        if self.running and not self.deaf:
            self.running.interrupted = True
            self.running.over.set()
        return (204, None) if self.flavour == "SD.Next" else (200, {})

    def _progress(self, image: bool) -> Any:
        job = self.running
        empty = {
            "skipped": False,
            "interrupted": False,
            "stopping_generation": False,
            "job": "",
            "job_count": 0,
        }
        if job is None:
            state = {
                **empty,
                "job_timestamp": self.last,
                "job_no": 1,
                "sampling_step": 0,
                "sampling_steps": 2,
            }
            return {
                "progress": 0.0,
                "eta_relative": 0.0,
                "state": state,
                "current_image": None,
                "textinfo": None,
            }
        state = {
            **empty,
            "interrupted": job.interrupted,
            "job": job.name,
            "job_count": job.rounds,
            "job_no": job.step // job.steps,
            "job_timestamp": job.stamp,
            "sampling_step": job.step % job.steps,
            "sampling_steps": job.steps,
        }
        share = min(0.01 + job.step / (job.steps * job.rounds), 1)
        shown = self._preview(job) if image else None
        self._advance(job)
        return {
            "progress": share,
            "eta_relative": 30.3,
            "state": state,
            "current_image": shown,
            "textinfo": None,
        }

    def _of_task(self, asked: Any) -> Any:
        waiting = [job.task for job in self.jobs if not job.stamp]
        job = self.running
        told = {"active": False, "queued": False, "completed": False, "id_live_preview": -1, "progress": None}
        if job and job.task == asked["id_task"]:
            told |= {"active": True, "progress": job.step / job.steps}
            number = job.step // self.preview_every
            if number != asked["id_live_preview"] and (shown := self._preview(job)):
                told |= {"live_preview": f"data:image/png;base64,{shown}", "id_live_preview": number}
        elif asked["id_task"] in waiting:
            place = waiting.index(asked["id_task"]) + 1
            told |= {"queued": True, "textinfo": f"In queue: {place}/{len(waiting)}"}
        return told

    def _preview(self, job: Job) -> str | None:
        """The last one that was made; it stays until there is a newer one."""
        number = job.step // self.preview_every
        return b64encode(png(8, 8, number=str(number))).decode() if number else None

    def _advance(self, job: Job) -> None:
        if not self.held:
            job.step += 1
        if job.step >= job.steps * job.rounds:
            job.over.set()

    async def _run(self, job: Job) -> Job:
        self.jobs.append(job)
        async with self._line:
            self.running = job
            job.stamp = f"202611221544{len(self.jobs):02}"
            if self.flavour in SMALL and not self.held:
                job.over.set()
            await job.over.wait()
            self.last = job.stamp
            self.running = None
        return job

    async def _draw(self, body: dict[str, Any], path: str) -> Answer:
        count = body.get("batch_size", 1) if self.flavour != "KoboldCpp" else 1
        rounds = 1 if self.flavour in SMALL else body.get("n_iter", 1)
        kind = path.rpartition("/")[2]
        name = f"API-{kind[:3].upper()}" if self.flavour == "SD.Next" else f"scripts_{kind}"
        steps = max(body.get("steps", 50), 1)
        known = body.get("force_task_id", "") if self.flavour in ("A1111", "Forge") else ""
        job = await self._run(Job(name, known, steps, rounds))
        made = min(job.step // steps + 1, rounds) if job.interrupted else rounds
        return 200, strict.drawn(body, self.flavour, count, rounds, made, self.picture)

    def _later(self, work: Any) -> "asyncio.Task[Any]":
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def aclose(self) -> None:
        """End what still runs."""
        for task in list(self._tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@asynccontextmanager
async def a1111(flavour: str = "A1111", **settings: Any) -> AsyncIterator[A1111Server]:
    """Serve one of FLAVOURS on a free loopback port."""
    server = A1111Server(flavour, **settings)
    async with serving(server.answer) as server.url:
        try:
            yield server
        finally:
            await server.aclose()
