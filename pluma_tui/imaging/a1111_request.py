"""A request as an A1111 server takes it, with nothing said that was left unsaid.

null is not the same as unset there: it is a 500 for what should be text.
"""

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

from pluma_tui.core.events import Notice
from pluma_tui.core.images import Hires, ImageRequest
from pluma_tui.imaging.a1111_api import FORGE, SD_CPP, Server

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
        "hr_steps" if server.info.name == SD_CPP else "hr_second_pass_steps": hires.steps,
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
