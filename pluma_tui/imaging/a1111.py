"""Stable Diffusion web UIs: A1111, Forge, SD.Next, and who imitates them (stable-diffusion.cpp, KoboldCpp).

``POST sdapi/v1/txt2img`` and ``img2img`` answer when all is drawn; progress is asked for meanwhile. A
job ends early by ``POST sdapi/v1/interrupt`` alone, which stops whatever runs, so it is sent only while ours
does. One that still waits for another's to end cannot be taken back: no server has a call for that.
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

from pluma_tui.core.errors import JobFailed, NotFound, ProviderError, Refused, TimedOut
from pluma_tui.core.images import ImageEvent, ImageRequest, Picture, Queued, Ready, ServerInfo
from pluma_tui.core.profile import ImageProfile
from pluma_tui.imaging.a1111_answer import Made, ignored, read
from pluma_tui.imaging.a1111_api import Api, explained
from pluma_tui.imaging.a1111_request import Wanted, at_once, body, resolve
from pluma_tui.imaging.a1111_watch import Watch
from pluma_tui.imaging.base import ImageProviderPlugin
from pluma_tui.imaging.defaults import keeping, settled

if TYPE_CHECKING:
    import httpx

_EVERY = 0.5  # seconds between two looks at the progress
_PARTING = 3.0  # seconds for a job that is being stopped to begin, and for the server to hear of it
_LIMIT = "timeout in the profile limits a whole job; 0 is no limit."


class A1111:
    """Talks to one server that has A1111's routes."""

    kind = "a1111"

    def __init__(self, profile: ImageProfile, client: "httpx.AsyncClient") -> None:
        self._profile = profile
        self._api = Api(client, profile.timeout)
        self.upstream = self._api.upstream

    async def ping(self) -> ServerInfo:
        """Which program it is, told by what it answers. Raises ProviderError."""
        return (await self._api.identify(version=True)).info

    async def checkpoints(self) -> Sequence[str]:
        """Their titles. Raises ProviderError."""
        return await self._names("sdapi/v1/sd-models", "title", "model_name")

    async def samplers(self) -> Sequence[str]:
        """Their names. Raises ProviderError."""
        return await self._names("sdapi/v1/samplers", "name")

    async def schedulers(self) -> Sequence[str]:
        """Their labels; none before A1111 1.9, where samplers' names hold them. Raises ProviderError."""
        try:
            return await self._names("sdapi/v1/schedulers", "label", "name")
        except NotFound:
            return []

    async def loras(self) -> Sequence[str]:
        """Their names. Raises ProviderError."""
        return await self._names("sdapi/v1/loras", "name")

    async def upscalers(self) -> Sequence[str]:
        """Models and ways to enlarge a picture before it is one. Raises ProviderError."""
        models = await self._names("sdapi/v1/upscalers", "name")
        with suppress(NotFound):
            models += await self._names("sdapi/v1/latent-upscale-modes", "name")
        return models

    async def free(self) -> None:
        """Unload the checkpoint; it comes back with the next picture. Raises ProviderError."""
        try:
            await self._api.tell("sdapi/v1/unload-checkpoint")
        except Refused as error:
            raise await explained(error, self._api, "") from None

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Draw. A server that makes fewer pictures at once than are wanted is asked again.

        Raises ProviderError.
        """
        server = await self._api.identify()
        wanted = await resolve(settled(request, self._profile), server, self._api)
        for notice in wanted.notices:
            yield notice
        done: list[Picture] = []
        try:
            async with aclosing(self._rounds(wanted, done)) as events:
                async for event in events:
                    yield event
        except ProviderError as error:
            raise keeping(error, done) from error
        for notice in ignored(wanted.request, done[0]):
            yield notice
        yield Ready(tuple(done))

    async def _rounds(self, wanted: Wanted, done: list[Picture]) -> AsyncGenerator[ImageEvent, None]:
        """One job after the other, until `done` holds as many pictures as are wanted."""
        request = wanted.request
        limit = self._profile.timeout
        deadline = asyncio.get_running_loop().time() + limit if limit else None
        while len(done) < request.count:
            count = min(request.count - len(done), at_once(request, wanted.server))
            task = f"task({uuid.uuid4().hex[:15]})"
            watch = Watch(self._api, wanted.route, task)
            await watch.prepare()
            drawing = asyncio.create_task(self._api.draw(wanted.route, body(wanted, count, len(done), task)))
            try:
                yield Queued()
                async with aclosing(_events(watch, drawing, deadline)) as events:
                    async for event in events:
                        yield event
                if not drawing.done():
                    raise TimedOut(f"{self.upstream} has not finished within {limit:g} s", hint=_LIMIT)
                made = await self._made(drawing, request, len(done))
            finally:
                await self._end(watch, drawing)
            self._check(made, watch)
            done += made.pictures

    async def _made(self, drawing: "asyncio.Task[bytearray]", request: ImageRequest, done: int) -> Made:
        try:
            return read(await drawing, self.upstream, request, done)
        except Refused as error:
            raise await _failed(error, self._api, request) from error

    def _check(self, made: Made, watch: Watch) -> None:
        """Raise JobFailed for a job that somebody else ended: the server answers as if all were well."""
        if watch.interrupted or len(made.pictures) < made.expected:
            whole = made.pictures[:-1] if watch.interrupted else made.pictures
            raise JobFailed(f"the job was interrupted at {self.upstream}", pictures=whole)

    async def _end(self, watch: Watch, drawing: "asyncio.Task[bytearray]") -> None:
        """Interrupt the job if it is not over; the connection is held until the server knows."""
        if not drawing.done():
            with suppress(ProviderError, TimeoutError):
                async with asyncio.timeout(_PARTING):
                    await self._interrupt(watch, drawing)
        await _cancelled(drawing)

    async def _interrupt(self, watch: Watch, drawing: "asyncio.Task[bytearray]") -> None:
        while not drawing.done():
            standing = await watch.standing()
            if standing:
                await self._api.tell("sdapi/v1/interrupt")
            if standing is not None:
                return
            await asyncio.wait({drawing}, timeout=_EVERY)

    async def _names(self, route: str, *keys: str) -> list[str]:
        try:
            return await self._api.names(route, *keys)
        except Refused as error:
            raise await explained(error, self._api, "") from None


async def _events(
    watch: Watch, drawing: "asyncio.Task[bytearray]", deadline: float | None
) -> AsyncGenerator[ImageEvent, None]:
    """What the watch sees until the drawing ends, or until `deadline` on the loop's clock."""
    clock = asyncio.get_running_loop().time
    while not drawing.done() and (deadline is None or clock() < deadline):
        left = None if deadline is None else deadline - clock()
        looking = asyncio.create_task(watch.look())
        try:
            await asyncio.wait({drawing, looking}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # A look that takes long does not hold up the end.
            await _cancelled(looking)
        for event in () if looking.cancelled() else looking.result():
            yield event
        pause = _EVERY if deadline is None else min(_EVERY, max(deadline - clock(), 0))
        await asyncio.wait({drawing}, timeout=pause)


async def _cancelled(task: "asyncio.Task[Any]") -> None:
    """Cancel a task, if it is not done, and wait for its end; what it raised is nobody's any more."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()


async def _failed(error: Refused, api: Api, request: ImageRequest) -> Refused:
    """The job's error; what went wrong on the server while it drew is a job that failed."""
    told = await explained(error, api, request.sampler)
    if told.status < 500 or isinstance(told, NotFound):
        return told
    return JobFailed(told.message, hint=told.hint, status=told.status)


PLUGIN = ImageProviderPlugin(
    name="a1111",
    label="Stable Diffusion web UI (A1111), Forge, SD.Next, stable-diffusion.cpp, KoboldCpp",
    factory=A1111,
    default_base_url="http://127.0.0.1:7860",
    options={
        "alwayson_scripts": "what extensions are to do, such as { ADetailer = { args = [...] } }",
        "override_settings": "settings of the server for one job, such as { eta_noise_seed_delta = 31337 }",
        "batch_size": "pictures drawn together: faster, and takes more memory",
        "styles": "names of the server's own prompt styles",
        "restore_faces": "whether faces are to be restored",
        "tiling": "whether the picture is to be a tile",
        "subseed": "the seed of a variation; subseed_strength says how much of it",
        "refiner_checkpoint": "a second checkpoint; refiner_switch_at says from when on",
        "resize_mode": "how an init image is fitted: 0 stretch, 1 crop, 2 fill, 3 latent",
        "inpainting_fill": "what stands under a mask: 0 fill, 1 original, 2 noise, 3 nothing",
        "save_images": "whether the server keeps the pictures too",
    },
)
