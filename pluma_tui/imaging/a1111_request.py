"""A request as an A1111 server takes it: names as it knows them, and nothing said that was left unsaid.

null is not the same as unset there: it is a 500 for what should be text. What the server would ignore
without a word is told as a notice.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from msgspec.structs import replace

from pluma_tui.core.events import Notice
from pluma_tui.core.images import Hires, ImageRequest, Lora
from pluma_tui.imaging.a1111_api import FORGE, SD_CPP, Api, Server, known

Json = dict[str, Any]
_PIXELS = 20_000_000  # of all pictures in one answer: even noise stays below what an answer may hold
_BATCH = 8  # pictures at once that stable-diffusion.cpp takes


@dataclass
class Wanted:
    """A request whose names are the server's; `fields` goes into every body. `notices` are for the person."""

    request: ImageRequest
    server: Server
    fields: Json = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    @property
    def route(self) -> str:
        """Where it is to be sent."""
        return "sdapi/v1/img2img" if self.request.init_image is not None else "sdapi/v1/txt2img"

    def say(self, message: str) -> None:
        """Add a notice."""
        self.notices.append(Notice(message))


async def resolve(request: ImageRequest, server: Server, api: Api) -> Wanted:
    """Look up what the server must be asked about first. Raises ProviderError."""
    wanted = Wanted(request, server)
    if request.scheduler:
        await _resolve_scheduler(wanted, api)
    if request.loras:
        await _resolve_loras(wanted, api)
    if request.vae:
        await _resolve_vae(wanted, api)
    if request.checkpoint and server.small and not _same(request.checkpoint, server.checkpoint):
        wanted.say(f'it draws with "{server.checkpoint}"; it cannot change to "{request.checkpoint}"')
    if request.hires and (request.init_image is not None or server.small):
        what = "an init image" if request.init_image is not None else "this server"
        wanted.say(f"no second pass at a larger size with {what}")
        wanted.request = replace(wanted.request, hires=None)
    return wanted


def body(wanted: Wanted, count: int, done: int, task: str) -> Json:
    """What to send for up to `count` pictures after `done` others. `task` is a name for this job."""
    request, server = wanted.request, wanted.server
    said: Json = {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "width": request.width,
        "height": request.height,
        "steps": request.steps,
        "cfg_scale": request.cfg,
        "sampler_name": request.sampler or None,
        "scheduler": request.scheduler or None,
        "seed": (request.seed or 0) + done,
        **_from_picture(request),
        **_hires(request.hires, server),
        **wanted.fields,
    }
    if not server.small:
        said["force_task_id"] = task
    elif request.clip_skip is not None:
        said["clip_skip"] = request.clip_skip
    said = {name: value for name, value in said.items() if value is not None}
    settings = _settings(wanted)
    said |= request.options
    said |= _times(wanted, count)
    if settings:
        said["override_settings"] = {**settings, **request.options.get("override_settings", {})}
    return said


def at_once(wanted: Wanted, left: int) -> int:
    """How many of the `left` pictures that are still to be drawn one answer may bring."""
    request = wanted.request
    scale = request.hires.scale if request.hires else 1.0
    pixels = (request.width or 1024) * (request.height or 1024) * scale * scale
    most = max(int(_PIXELS // pixels), 1) if pixels > 0 else 1
    count = min(most, left, _BATCH) if wanted.server.small else min(most, left)
    return count - count % together(wanted, count)


def together(wanted: Wanted, count: int) -> int:
    """How many of `count` pictures are drawn at the same time."""
    if wanted.server.small:
        return count
    # One after the other needs the least memory; the option is for who has enough.
    size = wanted.request.options.get("batch_size")
    return min(size, count) if isinstance(size, int) and size > 0 else 1


def _times(wanted: Wanted, count: int) -> Json:
    size = together(wanted, count)
    said = {"batch_size": size, "n_iter": count // size}
    return {name: number for name, number in said.items() if number != 1 or name in wanted.request.options}


def _from_picture(request: ImageRequest) -> Json:
    if request.init_image is None:
        return {}
    said: Json = {"init_images": [b64encode(request.init_image).decode()]}
    if request.strength is not None:
        said["denoising_strength"] = request.strength
    if request.mask is not None:
        said["mask"] = b64encode(request.mask).decode()
    return said


def _hires(hires: Hires | None, server: Server) -> Json:
    if hires is None:
        return {}
    return {
        "enable_hr": True,
        "hr_scale": hires.scale,
        "hr_upscaler": hires.upscaler or None,
        "hr_second_pass_steps": hires.steps,
        "denoising_strength": hires.strength,
        # Forge looks into this list without asking whether there is one.
        "hr_additional_modules": ["Use same choices"] if server.info.name == FORGE else None,
    }


def _settings(wanted: Wanted) -> Json:
    """Settings that hold for this job alone."""
    request = wanted.request
    settings: Json = {}
    if wanted.server.small:
        return settings
    if request.checkpoint:
        settings["sd_model_checkpoint"] = request.checkpoint
    if request.vae and wanted.server.info.name == FORGE:
        settings["forge_additional_modules"] = [request.vae]
    elif request.vae:
        settings["sd_vae"] = request.vae
    if request.clip_skip is not None:
        settings["CLIP_stop_at_last_layers"] = request.clip_skip
    return settings


async def _resolve_scheduler(wanted: Wanted, api: Api) -> None:
    """Before A1111 1.9 a scheduler was part of the sampler's name: "DPM++ 2M Karras"."""
    request = wanted.request
    entries = await api.entries_if_any("sdapi/v1/schedulers")
    if entries is not None:
        names = [str(entry.get("label") or entry.get("name")) for entry in entries]
        if not any(
            like(request.scheduler, str(entry.get(key))) for entry in entries for key in ("name", "label")
        ):
            wanted.say(f'it knows no scheduler "{request.scheduler}". {known(names)}'.strip())
        return
    samplers = [str(entry.get("name")) for entry in await api.entries_if_any("sdapi/v1/samplers") or ()]
    joined = [name for name in samplers if like(name, f"{request.sampler} {request.scheduler}")]
    if joined and request.sampler:
        wanted.request = replace(request, sampler=joined[0], scheduler="")
    else:
        wanted.say(f'this server knows no schedulers: "{request.scheduler}" is ignored')
        wanted.request = replace(request, scheduler="")


async def _resolve_loras(wanted: Wanted, api: Api) -> None:
    """A1111 reads them out of the prompt; stable-diffusion.cpp wants their paths in a field of its own."""
    request = wanted.request
    entries = await api.entries_if_any("sdapi/v1/loras")
    found = [(lora, _find(lora, entries or ())) for lora in request.loras]
    for lora, entry in found:
        if entry is None and entries is not None:
            wanted.say(
                f'it knows no LoRA "{lora.name}". {known([str(e.get("name")) for e in entries])}'.strip()
            )
    if wanted.server.info.name == SD_CPP:
        there = [{"path": entry.get("path"), "multiplier": lora.weight} for lora, entry in found if entry]
        wanted.fields["lora"] = there or None
    else:
        tags = " ".join(f"<lora:{lora.name}:{lora.weight:g}>" for lora in request.loras)
        wanted.request = replace(request, prompt=f"{request.prompt} {tags}".lstrip())


def _find(lora: Lora, entries: Sequence[Json]) -> Json | None:
    names = ("name", "alias", "path")
    return next((entry for entry in entries if any(_same(lora.name, str(entry.get(n))) for n in names)), None)


async def _resolve_vae(wanted: Wanted, api: Api) -> None:
    """Forge has modules instead of VAEs, and wants their paths."""
    request = wanted.request
    if wanted.server.small:
        wanted.say(f'this server cannot change its VAE: "{request.vae}" is ignored')
        return
    if wanted.server.info.name != FORGE:
        return
    entries = await api.entries_if_any("sdapi/v1/sd-modules") or []
    match = next((entry for entry in entries if _same(request.vae, str(entry.get("model_name")))), None)
    if match is None:
        names = known([str(entry.get("model_name")) for entry in entries])
        wanted.say(f'it knows no module "{request.vae}". {names}'.strip())
    elif isinstance(match.get("filename"), str):
        wanted.request = replace(request, vae=match["filename"])


def like(one: str, other: str) -> bool:
    """Whether two names of a sampler or scheduler mean the same: "Euler a", "euler_a"."""
    return re.sub(r"[\s_]+", "", one).casefold() == re.sub(r"[\s_]+", "", other).casefold()


def stem(name: str) -> str:
    """A model's bare name: no folder, no ending, no hash in brackets."""
    name = re.sub(r"\s*\[[0-9a-fA-F]+\]$", "", name.strip()).replace("\\", "/")
    return re.sub(r"\.(safetensors|ckpt|pt|pth|gguf|sft|bin)$", "", PurePosixPath(name).name).casefold()


def _same(one: str, other: str) -> bool:
    return bool(one) and stem(one) == stem(other)
