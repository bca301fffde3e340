"""A1111's way to write down what made a picture, which many programs share.

::

    the prompt, over any number of lines
    Negative prompt: likewise
    Steps: 20, Sampler: Euler a, CFG scale: 7.0, Seed: 42, Size: 512x512, Model: name, ...
"""

import json
import math
import re
from typing import Any, TypeVar

from pluma_tui.core.images import Hires, ImageRequest
from pluma_tui.imaging import infotext_sdcpp as sdcpp

N = TypeVar("N", int, float)
_MAX_LINE = 100_000  # characters of the line with the settings
_PAIR = re.compile(r'(?:^|,)\s{0,4}(\w[\w \-/]{0,60}):\s{0,4}("(?:\\.|[^\\"])*"|[^,]*)')
_NEGATIVE = re.compile("^Negative prompt:", re.MULTILINE)
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")
_NUMBERS: dict[str, tuple[str, type[int] | type[float]]] = {
    "Steps": ("steps", int),
    "CFG scale": ("cfg", float),
    "Seed": ("seed", int),
    "Clip skip": ("clip_skip", int),
    "Denoising strength": ("strength", float),
}
_NAMES = {"Sampler": "sampler", "Schedule type": "scheduler", "Model": "checkpoint", "VAE": "vae"}


def parse(text: str) -> ImageRequest | None:
    """What the text says, as a request for one picture; None if it is no such text."""
    *lines, last = text.strip().split("\n")
    said = settings(last)
    if "Steps" not in said or len(said) < 3:
        return None
    prompt, _, negative = _NEGATIVE.sub("\0", "\n".join(lines).replace("\0", ""), count=1).partition("\0")
    values: dict[str, Any] = {"prompt": prompt.strip(), "negative_prompt": negative.strip()}
    values |= {ours: said[theirs] for theirs, ours in _NAMES.items() if theirs in said}
    values |= _numbers(said)
    if values.get("scheduler") == "Automatic":
        del values["scheduler"]
    if size := _SIZE.fullmatch(said.get("Size", "")):
        values |= {"width": int(size[1]), "height": int(size[2])}
    if scale := _number(said.get("Hires upscale", ""), float):
        values["hires"] = _second_pass(scale, said, values.pop("strength", None))
    if values.get("sampler") == sdcpp.OWN:
        del values["sampler"]
    values |= sdcpp.exact(last)
    return ImageRequest(**values)


def settings(line: str) -> dict[str, str]:
    """The pairs of the last line; a value that holds a comma is quoted there as JSON does it."""
    found = _PAIR.finditer(sdcpp.pairs(line[:_MAX_LINE]))
    return sdcpp.as_a1111({match[1].strip(): _value(match[2]) for match in found})


def _value(text: str) -> str:
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            pass
    return text.strip()


def _numbers(said: dict[str, str]) -> dict[str, Any]:
    found = {ours: _number(said.get(theirs, ""), kind) for theirs, (ours, kind) in _NUMBERS.items()}
    return {name: value for name, value in found.items() if value is not None}


def _number(text: str, kind: type[N]) -> N | None:
    try:
        value = kind(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _second_pass(scale: float, said: dict[str, str], strength: float | None) -> Hires:
    steps = _number(said.get("Hires steps", ""), int)  # 0: as many as in the first
    return Hires(scale=scale, upscaler=said.get("Hires upscaler", ""), steps=steps or None, strength=strength)
