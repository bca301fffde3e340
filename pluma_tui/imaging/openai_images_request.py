"""A request in the words of OpenAI's Images API."""

import json
from typing import Any

from pluma_tui.core.errors import Refused
from pluma_tui.core.images import ImageRequest
from pluma_tui.imaging.sniff import extension, png_has_alpha, sniff

Json = dict[str, Any]
Files = list[tuple[str, tuple[str, bytes, str]]]
_UNKNOWN = (
    "negative_prompt", "steps", "cfg", "sampler", "scheduler", "vae", "seed", "loras", "clip_skip", "hires",
    "strength", "workflow",
)  # fmt: skip


def left_out(request: ImageRequest) -> list[str]:
    """What was asked for and cannot be said, by the names of a request's fields."""
    return [name.replace("_", " ") for name in _UNKNOWN if getattr(request, name) not in (None, "", ())]


def fields(request: ImageRequest, model: str, count: int) -> Json:
    """The body for `count` pictures."""
    said: Json = {"prompt": request.prompt, "n": count}
    if model:
        said["model"] = model
    width, height = request.width or request.height, request.height or request.width
    if width and height:
        said["size"] = f"{width}x{height}"
    return said | request.options


def edit(said: Json, init_image: bytes, mask: bytes | None) -> tuple[dict[str, str], Files]:
    """The same as a form, with the pictures as files. Raises Refused for a mask that cannot be said.

    The API paints where a mask is transparent; one of black and white would be taken for opaque.
    """
    if mask is not None and not png_has_alpha(mask):
        hint = "This kind of server wants a PNG whose transparent parts are to be painted anew."
        raise Refused("the mask has no transparency", hint=hint)
    files = [_file("image", init_image)] + ([_file("mask", mask)] if mask is not None else [])
    return {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in said.items()
    }, files


def _file(name: str, data: bytes) -> tuple[str, tuple[str, bytes, str]]:
    shape = sniff(data)
    media_type = shape.media_type if shape else "application/octet-stream"
    return name, (name + extension(media_type), data, media_type)
