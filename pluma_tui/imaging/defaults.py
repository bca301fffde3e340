"""What all image providers do with a request and with its end."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from pluma_tui.core.errors import JobFailed, ProviderError, UsageError
from pluma_tui.core.images import ImageRequest, Picture
from pluma_tui.core.profile import ImageProfile

_TEXTS = ("sampler", "scheduler", "checkpoint", "workflow")
_NUMBERS = ("steps", "cfg", "width", "height")
_SEEDS = 2**31  # what every server met takes, sd.cpp's 32 bits with a sign too


def settled(request: ImageRequest, profile: ImageProfile) -> ImageRequest:
    """`request` with the profile's own values where it has none, and with a seed that is known.

    Raises UsageError for a request of no picture at all.
    """
    if request.count < 1:
        raise UsageError(f"at least one picture is to be made, not {request.count}")
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


@contextmanager
def kept(done: list[Picture]) -> Iterator[None]:
    """Whatever ends what is inside too soon takes the pictures that are `done` along, as a JobFailed.

    That holds for an error of the server's as for whoever cancels the task or closes the generator.
    """
    try:
        yield
    except ProviderError as error:
        if not done:
            raise
        status = getattr(error, "status", 0)
        raise JobFailed(error.message, hint=error.hint, status=status, pictures=done) from error
    except (asyncio.CancelledError, GeneratorExit):
        if not done:
            raise
        raise JobFailed("the job was stopped", pictures=done) from None
