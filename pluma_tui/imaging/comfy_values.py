"""What a request and its profile say, as values for a workflow."""

import base64
import random
from collections.abc import Iterable
from typing import Any

from pluma_tui.core.errors import ConfigError
from pluma_tui.core.images import ImageRequest
from pluma_tui.core.profile import ImageProfile
from pluma_tui.imaging.workflow_prepare import Given

_MAX_SEED = 2**53  # the largest that every JSON reader keeps exactly; ComfyUI itself takes 64 bits
_AVATARS = ("char_avatar", "user_avatar")


def given(request: ImageRequest, profile: ImageProfile) -> Given:
    """The values that were set, the request's before the profile's, and the seed. Raises ConfigError."""
    options = {**profile.options, **request.options}
    said = {
        "prompt": request.prompt or None,
        "negative_prompt": _first(request.negative_prompt, profile.negative_prompt or None),
        "steps": _first(request.steps, profile.steps),
        "cfg": _first(request.cfg, profile.cfg),
        "sampler": request.sampler or profile.sampler or None,
        "scheduler": request.scheduler or profile.scheduler or None,
        "width": _first(request.width, profile.width),
        "height": _first(request.height, profile.height),
        "model": request.checkpoint or profile.checkpoint or profile.model or None,
        "vae": request.vae or None,
        "clip_skip": None if request.clip_skip is None else -abs(request.clip_skip),
        "denoise": request.strength,
        "batch": request.count if request.count != 1 else None,
        "upscaler": request.hires.upscaler or None if request.hires else None,
        **{name: _picture(options[name]) for name in _AVATARS if options.get(name)},
    }
    seed = request.seed
    if seed is None or seed < 0:
        seed = random.randint(0, _MAX_SEED)  # noqa: S311 (noise for a picture)
    wanted = {name: value for name, value in said.items() if value is not None}
    pairs = _pairs(profile.options.get("placeholders")) | _pairs(request.options.get("placeholders"))
    return Given(wanted, seed, pairs)


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _picture(value: Any) -> str:
    """A picture as base64 text: what nodes take that read one out of the workflow."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _pairs(said: Any) -> dict[str, Any]:
    """A person's own placeholders: a table, or SillyTavern's list of ``{find, replace}``."""
    if said is None:
        return {}
    pairs: Iterable[tuple[str, Any]]
    if isinstance(said, dict):
        pairs = said.items()
    elif isinstance(said, list) and all(map(_is_pair, said)):
        pairs = [(pair["find"], pair["replace"]) for pair in said]
    else:
        hint = 'Such as: placeholders = { style = "oil on canvas" }'
        raise ConfigError(
            "placeholders are a table of names and values", hint=hint, key="options.placeholders"
        )
    return {name.strip("%"): value for name, value in pairs if name.strip("%")}


def _is_pair(value: Any) -> bool:
    return isinstance(value, dict) and {"find", "replace"} <= value.keys()
