"""Pictures: a request for some, and what a server says while it makes them."""

from typing import Any

import msgspec


class ImageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to draw. None: the server's, the workflow's or the profile's own. Sizes are in pixels.

    `seed` None or below zero is a random one.
    """

    prompt: str
    negative_prompt: str = ""
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    cfg: float | None = None
    sampler: str = ""
    scheduler: str = ""
    checkpoint: str = ""
    seed: int | None = None
    count: int = 1
    options: dict[str, Any] = {}


class Picture(msgspec.Struct, frozen=True):
    """One picture as the server sent it, its bytes unchanged."""

    data: bytes
    media_type: str
    seed: int | None = None


class Queued(msgspec.Struct, frozen=True, tag="queued"):
    """Accepted. `position` counts the jobs before this one, None where the server does not say."""

    position: int | None = None


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """`step` of `steps`; `eta` in seconds, None where unknown."""

    step: int
    steps: int
    eta: float | None = None


class Preview(msgspec.Struct, frozen=True, tag="preview"):
    """The picture as it is so far."""

    picture: Picture


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """All pictures of the job. Nothing follows."""

    pictures: tuple[Picture, ...]


ImageEvent = Queued | Progress | Preview | Ready


class ServerInfo(msgspec.Struct, frozen=True):
    """Which program answered a ping, as far as it tells."""

    name: str
    version: str = ""
