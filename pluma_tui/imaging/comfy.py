"""ComfyUI: a workflow is sent, its socket listened to, its pictures fetched.

Built and tested with versions 0.3.75 and 0.33; older ones are provided for where they are known to differ.
"""

import asyncio
import hashlib
import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from pluma_tui.core.errors import JobFailed, NotFound
from pluma_tui.core.events import Notice
from pluma_tui.core.images import ImageEvent, ImageRequest, Ready, ServerInfo
from pluma_tui.core.profile import ImageProfile
from pluma_tui.files.paths import data_dir
from pluma_tui.imaging.base import ImageProviderPlugin
from pluma_tui.imaging.comfy_api import ComfyApi
from pluma_tui.imaging.comfy_job import Job, Pace
from pluma_tui.imaging.comfy_made import Made
from pluma_tui.imaging.comfy_nodes import refusals
from pluma_tui.imaging.comfy_values import given
from pluma_tui.imaging.workflow import Workflow
from pluma_tui.imaging.workflow_fill import placeholders
from pluma_tui.imaging.workflow_library import Library
from pluma_tui.imaging.workflow_lora import add_loras
from pluma_tui.imaging.workflow_prepare import Given, Prepared, prepare, to_ask_for, told

if TYPE_CHECKING:
    import httpx

_LISTS = 60.0  # seconds for a list of models, or a ping
_PICTURES = ("init_image", "mask")


class Comfy:
    """Talks to one ComfyUI."""

    kind = "comfy"

    def __init__(
        self, profile: ImageProfile, client: "httpx.AsyncClient", *, pace: Pace | None = None
    ) -> None:
        self._profile = profile
        limit = profile.timeout or math.inf
        self._pace = pace or Pace()
        self._api = ComfyApi(client, min(self._pace.silence, limit))
        self._lists = ComfyApi(client, min(self._pace.silence, limit, _LISTS))
        self.upstream = self._api.where

    async def ping(self) -> ServerInfo:
        """The server's version. Raises ProviderError."""
        stats = await self._lists.get("system_stats")
        system = stats.get("system") if isinstance(stats, dict) else None
        if not isinstance(system, dict):
            raise NotFound(f"what answers at {self.upstream} is no ComfyUI", hint="Check base_url and kind.")
        return ServerInfo("ComfyUI", str(system.get("comfyui_version") or ""))

    async def checkpoints(self) -> Sequence[str]:
        """The checkpoints, then the diffusion models without text encoder and VAE. Raises ProviderError."""
        whole = await self._lists.models("checkpoints", "CheckpointLoaderSimple", "ckpt_name")
        bare = await self._lists.models("diffusion_models", "UNETLoader", "unet_name")
        return list(dict.fromkeys(whole + bare))

    async def samplers(self) -> Sequence[str]:
        """The samplers. Raises ProviderError."""
        return await self._lists.choices("KSampler", "sampler_name")

    async def schedulers(self) -> Sequence[str]:
        """The schedulers. Raises ProviderError."""
        return await self._lists.choices("KSampler", "scheduler")

    async def loras(self) -> Sequence[str]:
        """The adapters. Raises ProviderError."""
        return await self._lists.models("loras", "LoraLoader", "lora_name")

    async def upscalers(self) -> Sequence[str]:
        """The models that make pictures larger. Raises ProviderError."""
        return await self._lists.models("upscale_models", "UpscaleModelLoader", "model_name")

    async def free(self) -> None:
        """Unload all models. Raises ProviderError."""
        await self._lists.post("free", {"unload_models": True, "free_memory": True})

    async def check(self, workflow: Workflow) -> Sequence[str]:
        """What this server would refuse of a workflow. Raises ProviderError, ConfigError."""
        values = given(ImageRequest(prompt=""), self._profile)
        # Pictures come with a request.
        left_open = {name: f"%{name}%" for name in placeholders(workflow.graph, _PICTURES)}
        values.wanted |= left_open
        await self._look_up(self._lists, workflow, values)
        try:
            graph = prepare(workflow, values).graph
        except NotFound as error:
            return [error.sentence]
        kinds = {content["class_type"] for content in graph.values()}
        known = {kind: await self._lists.node(kind) for kind in sorted(kinds)}
        return refusals(graph, known, left_open=left_open.values())

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Run the workflow that the request or the profile names. Raises ProviderError, ConfigError.

        Stopped, it raises JobFailed if something was finished by then.
        """
        workflow = self._workflow(request)
        prepared = await self._prepared(workflow, request)
        for message in self._remarks(workflow, prepared, request):
            yield Notice(message)
        job = Job(self._api, prepared.graph, timeout=self._profile.timeout, pace=self._pace)
        made = Made(self._api, job, workflow.about.outputs, prepared.values)
        try:
            async with aclosing(job.run()) as events:
                async for event in events:
                    yield event
            if job.cached:
                yield Notice("nothing was drawn: the server had this picture already, with the same seed")
            pictures = await made.pictures()
        except (asyncio.CancelledError, GeneratorExit):
            if finished := await made.rescued(self._pace.rescue):
                raise JobFailed("the job was stopped", pictures=finished) from None
            raise
        except JobFailed as error:
            error.pictures = error.pictures or tuple(await made.rescued(self._pace.rescue))
            raise
        yield Ready(tuple(pictures))

    def _workflow(self, request: ImageRequest) -> Workflow:
        """The one that is named; if a picture came along, the one for that instead of the plain default."""
        name = request.workflow or self._profile.workflow
        if not request.workflow and (request.init_image or request.mask) and name in ("", "txt2img"):
            name = "inpaint" if request.mask else "img2img"
        return Library(data_dir()).load(name or "txt2img")

    async def _prepared(self, workflow: Workflow, request: ImageRequest) -> Prepared:
        values = given(request, self._profile)
        for name, data in (("init_image", request.init_image), ("mask", request.mask)):
            if data is not None:
                digest = hashlib.sha256(data).hexdigest()[:16]
                values.wanted[name] = await self._api.upload(data, f"pluma-{digest}")
        await self._look_up(self._api, workflow, values)
        prepared = prepare(workflow, values)
        if request.loras and not add_loras(prepared.graph, request.loras):
            prepared.homeless.append("loras")
        return prepared

    async def _look_up(self, api: ComfyApi, workflow: Workflow, values: Given) -> None:
        """Add what the server offers first for what nobody has said."""
        for name, slot in to_ask_for(workflow, values).items():
            offered = await api.choices(workflow.graph[slot.node]["class_type"], slot.input)
            values.listed |= {name: offered[0]} if offered else {}

    def _remarks(self, workflow: Workflow, prepared: Prepared, request: ImageRequest) -> list[str]:
        remarks = [told(workflow, prepared.homeless)] if prepared.homeless else []
        if prepared.unknown:
            names = ", ".join(sorted(prepared.unknown))
            remarks.append(
                f"nothing is known for {names}: options.placeholders in the profile says what it is"
            )
        if request.hires is not None and "upscaler" not in prepared.values:
            remarks.append("ComfyUI has no second pass of its own: take a workflow that has one")
        return remarks


PLUGIN = ImageProviderPlugin(
    name="comfy",
    label="ComfyUI, with workflows in API format",
    factory=Comfy,
    default_base_url="http://127.0.0.1:8188",
    options={
        "placeholders": 'your own placeholders for workflows, such as { style = "oil on canvas" }',
        "char_avatar": "a picture as base64 text for %char_avatar%",
        "user_avatar": "a picture as base64 text for %user_avatar%",
    },
)
