"""ComfyUI: a workflow is sent, its socket listened to, its pictures fetched.

Built and tested with versions 0.3.75 and 0.33; older ones are provided for where they are known to differ.
"""

import hashlib
import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from pluma_tui.core.errors import JobFailed, NotFound, ProviderError
from pluma_tui.core.events import Notice
from pluma_tui.core.images import ImageEvent, ImageRequest, Picture, Ready, ServerInfo
from pluma_tui.core.profile import ImageProfile
from pluma_tui.files.paths import data_dir
from pluma_tui.imaging.base import ImageProviderPlugin
from pluma_tui.imaging.comfy_api import ComfyApi
from pluma_tui.imaging.comfy_errors import run_failed
from pluma_tui.imaging.comfy_history import Entry, Output, chosen
from pluma_tui.imaging.comfy_job import Job, Pace
from pluma_tui.imaging.comfy_values import given
from pluma_tui.imaging.workflow import Workflow
from pluma_tui.imaging.workflow_library import Library
from pluma_tui.imaging.workflow_lora import add_loras
from pluma_tui.imaging.workflow_prepare import Prepared, prepare, to_ask_for, told

if TYPE_CHECKING:
    import httpx

_LISTS = 60.0  # seconds for a list of models, or a ping


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

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Run the workflow that the request or the profile names. Raises ProviderError, ConfigError."""
        workflow = self._workflow(request)
        prepared = await self._prepared(workflow, request)
        for message in self._remarks(workflow, prepared, request):
            yield Notice(message)
        job = Job(self._api, prepared.graph, timeout=self._profile.timeout, pace=self._pace)
        async with aclosing(job.run()) as events:
            async for event in events:
                yield event
        assert job.entry is not None
        if job.cached:
            yield Notice("nothing was drawn: the server had this picture already, with the same seed")
        yield Ready(tuple(await self._pictures(job, job.entry, workflow, prepared)))

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
        for name, slot in to_ask_for(workflow, values).items():
            offered = await self._api.choices(workflow.graph[slot.node]["class_type"], slot.input)
            values.listed |= {name: offered[0]} if offered else {}
        prepared = prepare(workflow, values)
        if request.loras and not add_loras(prepared.graph, request.loras):
            prepared.homeless.append("loras")
        return prepared

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

    async def _pictures(
        self, job: Job, entry: Entry, workflow: Workflow, prepared: Prepared
    ) -> list[Picture]:
        """The pictures that were made. Raises JobFailed, which keeps them, if that was not all."""
        files = chosen(entry.outputs, workflow.about.outputs)
        pictures, problem = await self._fetched(files, prepared.values)
        if entry.ending == "interrupted":
            hint = "Somebody stopped it there."
            raise JobFailed("the job was interrupted on the server", hint=hint, pictures=pictures)
        if entry.ending == "failed":
            message, hint = run_failed(entry.data, job.graph)
            raise JobFailed(message, hint=hint, pictures=pictures)
        if problem is not None:
            raise JobFailed(problem.message, hint=problem.hint, pictures=pictures) if pictures else problem
        if job.left_out and all(file.type != "output" for file in files):
            raise JobFailed(f"the workflow did not come to its end: {job.left_out}", pictures=pictures)
        if not pictures:
            hint = "Does its last node save a picture? `pluma workflow check` tells."
            raise JobFailed("the workflow has ended without a picture", hint=hint)
        return pictures

    async def _fetched(
        self, files: Sequence[Output], values: dict[str, Any]
    ) -> tuple[list[Picture], ProviderError | None]:
        """The pictures in `files`, and what went wrong with the first that could not be had."""
        pictures: list[Picture] = []
        problem: ProviderError | None = None
        for file in files:
            try:
                pictures.append(await self._api.view(file, seed=values.get("seed"), settings=values))
            except NotFound as error:
                hint = "The server answered from memory; another seed makes a new one."
                gone = NotFound("the server has deleted the picture", hint=hint, status=error.status)
                problem = problem or gone
            except ProviderError as error:
                problem = problem or error
        return pictures, problem


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
