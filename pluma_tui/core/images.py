"""Pictures: a request for some, and what a server says while it makes them."""

from typing import Any

import msgspec

from pluma_tui.core.events import Notice


class Lora(msgspec.Struct, frozen=True):
    """An adapter laid over the checkpoint."""

    name: str
    weight: float = 1.0


class Hires(msgspec.Struct, frozen=True, kw_only=True):
    """A second pass at a larger size. `strength` is the denoising of that pass, from 0 to 1."""

    scale: float = 2.0
    upscaler: str = ""
    steps: int | None = None
    strength: float | None = None


class ImageRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to draw. None or empty: the server's, the workflow's or the profile's own. Sizes are in pixels.

    An empty `negative_prompt` is none at all; only None is their own. `seed` None or below zero is a random
    one. `init_image` and `mask` are a file's bytes (white is painted anew); `strength` is how much of the
    picture may change, from 0 to 1. `options` is what only this provider knows.
    """

    prompt: str
    negative_prompt: str | None = None
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    cfg: float | None = None
    sampler: str = ""
    scheduler: str = ""
    checkpoint: str = ""
    vae: str = ""
    seed: int | None = None
    count: int = 1
    loras: tuple[Lora, ...] = ()
    clip_skip: int | None = None
    hires: Hires | None = None
    init_image: bytes | None = None
    strength: float | None = None
    mask: bytes | None = None
    workflow: str = ""
    options: dict[str, Any] = {}


class Picture(msgspec.Struct, frozen=True):
    """One picture as the server sent it, its bytes unchanged. `settings` is what the server says made it."""

    data: bytes
    media_type: str
    seed: int | None = None
    settings: dict[str, Any] = {}


class Queued(msgspec.Struct, frozen=True, tag="queued"):
    """Accepted. `position` counts the jobs before this one, None where the server does not say."""

    position: int | None = None


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """`step` of `steps`; `eta` in seconds, None where unknown.

    `own` is False where the server can only tell of whatever it is doing, which may be another's job.
    """

    step: int
    steps: int
    eta: float | None = None
    own: bool = True


class Preview(msgspec.Struct, frozen=True, tag="preview"):
    """The picture as it is so far."""

    picture: Picture


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """All pictures of the job. Nothing follows."""

    pictures: tuple[Picture, ...]


ImageEvent = Queued | Progress | Preview | Notice | Ready


class ServerInfo(msgspec.Struct, frozen=True):
    """Which program answered a ping, as far as it tells."""

    name: str
    version: str = ""
