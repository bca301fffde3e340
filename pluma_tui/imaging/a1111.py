"""Stable Diffusion web UIs: A1111, Forge, SD.Next, and who imitates them (stable-diffusion.cpp, KoboldCpp).

``POST sdapi/v1/txt2img`` and ``img2img`` answer when all is drawn; progress is asked for meanwhile.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

from pluma_tui.core.errors import NotFound, Refused
from pluma_tui.core.images import ImageEvent, ImageRequest, Picture, Ready, ServerInfo
from pluma_tui.core.profile import ImageProfile
from pluma_tui.imaging.a1111_answer import ignored
from pluma_tui.imaging.a1111_api import Api, missing
from pluma_tui.imaging.a1111_job import Job
from pluma_tui.imaging.a1111_request import Wanted, at_once
from pluma_tui.imaging.a1111_resolve import resolve
from pluma_tui.imaging.base import ImageProviderPlugin
from pluma_tui.imaging.defaults import kept, settled

if TYPE_CHECKING:
    import httpx

_LOOK = 60.0  # seconds for a look through the disk


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
        await self._tell("sdapi/v1/unload-checkpoint", "unload its checkpoint")

    async def skip(self) -> None:
        """Go on with the next picture; the one at hand comes as it is. Raises ProviderError."""
        await self._tell("sdapi/v1/skip", "skip a picture")

    async def refresh(self) -> None:
        """Have it list what is on its disk now. Raises ProviderError."""
        await self._tell("sdapi/v1/refresh-checkpoints", "look for new models", seconds=_LOOK)
        for route in ("sdapi/v1/refresh-vae", "sdapi/v1/refresh-loras"):
            with suppress(NotFound):
                await self._tell(route, "look for them", seconds=_LOOK)

    async def settings(self) -> Mapping[str, Any]:
        """By their names in the web interface's own file. Raises ProviderError."""
        return await self._api.settings()

    async def change_settings(self, changes: Mapping[str, Any]) -> None:
        """Change settings for everybody; a checkpoint is loaded at once. Raises ProviderError."""
        limit = self._profile.timeout
        await self._tell("sdapi/v1/options", "change its settings", dict(changes), seconds=limit)

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Draw. A server that makes fewer pictures at once than are wanted is asked again.

        Raises ProviderError; UsageError for a request of no picture.
        """
        request = settled(request, self._profile)
        wanted = await resolve(request, await self._api.identify(), self._api)
        for notice in wanted.notices:
            yield notice
        done: list[Picture] = []
        with kept(done):
            async with aclosing(self._rounds(wanted, done)) as events:
                async for event in events:
                    yield event
            for notice in ignored(wanted.request, done[0]):
                yield notice
        yield Ready(tuple(done))

    async def _rounds(self, wanted: Wanted, done: list[Picture]) -> AsyncGenerator[ImageEvent, None]:
        """One job after the other, until `done` holds as many pictures as are wanted."""
        limit = self._profile.timeout
        deadline = asyncio.get_running_loop().time() + limit if limit else None
        while (left := wanted.request.count - len(done)) > 0:
            job = Job(self._api, wanted, at_once(wanted, left), len(done))
            try:
                async with aclosing(job.run(deadline)) as events:
                    async for event in events:
                        yield event
            finally:
                done += job.pictures

    async def _tell(self, route: str, what: str, body: Any = None, *, seconds: float = 10.0) -> None:
        try:
            await self._api.tell(route, body, seconds=seconds)
        except Refused as error:
            if missing(error):
                words = f"{self.upstream} cannot {what}: it has no {route}"
                raise NotFound(words, status=error.status) from None
            raise await self._api.explained(error) from None

    async def _names(self, route: str, *keys: str) -> list[str]:
        try:
            return await self._api.names(route, *keys)
        except Refused as error:
            raise await self._api.explained(error) from None


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
