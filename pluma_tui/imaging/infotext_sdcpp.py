"""How stable-diffusion.cpp writes down what made a picture: A1111's line in other words, and JSON at its end.

::

    Steps: 3, ..., Sampler: euler_a karras, ..., Version: stable-diffusion.cpp, SDCPP: {"prompt": ...}

From `get_image_params` in its examples/common/common.cpp.
"""

from pathlib import PurePath
from typing import Any

import msgspec

from pluma_tui.core.images import Lora

OWN = "NONE"
"""What it calls a sampler that nobody named, or that it does not know."""
_JSON = ", SDCPP: "
_VERSION = "stable-diffusion.cpp"


class _Prompt(msgspec.Struct):
    positive: str
    negative: str = ""


class _Lora(msgspec.Struct):
    name: str
    multiplier: float = 1.0


class _Made(msgspec.Struct):
    prompt: _Prompt
    loras: tuple[_Lora, ...] = ()


def pairs(line: str) -> str:
    """The line without its JSON, which repeats the prompt: any pair may stand in that."""
    return line.partition(_JSON)[0]


def as_a1111(said: dict[str, str]) -> dict[str, str]:
    """The pairs of a line as A1111 says them: the scheduler, and a second pass, by their own names."""
    if said.get("Version") != _VERSION:
        return said
    sampler, _, scheduler = said.get("Sampler", "").partition(" ")
    put = {"Sampler": sampler}
    if scheduler:
        put["Schedule type"] = scheduler
    if "Hires scale" in said:
        put |= {"Hires upscaler": said.get("Hires upscale", ""), "Hires upscale": said["Hires scale"]}
    return said | put


def exact(line: str) -> dict[str, Any]:
    """What the JSON says better than the text does, by a request's fields; nothing if there is none."""
    try:
        made = msgspec.json.decode(line.partition(_JSON)[2].encode(), type=_Made)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    # Its weights are of 32 bits: 0.2 is written as 0.20000000298023224.
    loras = tuple(Lora(PurePath(lora.name).stem, float(f"{lora.multiplier:.6g}")) for lora in made.loras)
    return {"prompt": made.prompt.positive, "negative_prompt": made.prompt.negative, "loras": loras}
