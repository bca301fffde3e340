"""What all image providers do with a request and with its end."""

import secrets
from collections.abc import Sequence

from msgspec.structs import replace

from pluma_tui.core.errors import JobFailed, ProviderError
from pluma_tui.core.images import ImageRequest, Picture
from pluma_tui.core.profile import ImageProfile

_TEXTS = ("sampler", "scheduler", "checkpoint", "workflow")
_NUMBERS = ("steps", "cfg", "width", "height")
_SEEDS = 2**31  # what every server met takes, sd.cpp's 32 bits with a sign too


def settled(request: ImageRequest, profile: ImageProfile) -> ImageRequest:
    """`request` with the profile's own values where it has none, and with a seed that is known."""
    filled = {name: getattr(profile, name) for name in _TEXTS if not getattr(request, name)}
    filled |= {name: getattr(profile, name) for name in _NUMBERS if getattr(request, name) is None}
    if request.negative_prompt is None:
        filled["negative_prompt"] = profile.negative_prompt or None
    random = request.seed is None or request.seed < 0
    return replace(
        request,
        **filled,
        seed=secrets.randbelow(_SEEDS) if random else request.seed,
        options={**profile.options, **request.options},
    )


def keeping(error: ProviderError, done: Sequence[Picture]) -> ProviderError:
    """The same error, with the pictures that were made before it."""
    if not done:
        return error
    pictures = [*done, *(error.pictures if isinstance(error, JobFailed) else ())]
    status = getattr(error, "status", 0)
    return JobFailed(error.message, hint=error.hint, status=status, pictures=pictures)
