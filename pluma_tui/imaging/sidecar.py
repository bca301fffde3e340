"""The file beside a picture that says how to make it again: `cat.png.json` beside `cat.png`."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from pluma_tui.core.images import ImageRequest, Picture
from pluma_tui.storage import jsontext

MAX_BYTES = 4 * 1024 * 1024
"""Bytes of a sidecar that is read."""


class Source(msgspec.Struct, frozen=True):
    """A picture that the request began with: where it was, and its SHA-256 in hex."""

    path: str
    sha256: str


class Sidecar(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What made one picture.

    `request` has a seed that makes this very picture, or where a job's pictures share one, all of them:
    then this is number `index`, counted from 0. `settings` is what the server said. `sha256` is that of
    the picture.
    """

    format: Literal["pluma-picture"]
    version: Literal[1]
    created: str
    profile: str
    kind: str
    sha256: str
    request: ImageRequest
    index: int = 0
    sources: dict[str, Source] = {}
    settings: dict[str, Any] = {}


def path_of(picture: Path) -> Path:
    """Where the sidecar of that picture is."""
    return picture.with_name(f"{picture.name}.json")


def repeating(request: ImageRequest, picture: Picture, *, shared: bool) -> ImageRequest:
    """The request that makes `picture` again; `shared`: its whole job has that one seed.

    The bytes of its first picture and of the mask are not in it.
    """
    seed = picture.seed if picture.seed is not None else request.seed
    count = request.count if shared else 1
    return msgspec.structs.replace(request, seed=seed, count=count, init_image=None, mask=None)


def sources(request: ImageRequest, paths: Mapping[str, str]) -> dict[str, Source]:
    """Where the pictures that a request holds came from; `paths` is by the request's field."""
    given = {"init_image": request.init_image, "mask": request.mask}
    return {
        name: Source(paths.get(name, ""), digest(data)) for name, data in given.items() if data is not None
    }


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def dumps(sidecar: Sidecar) -> bytes:
    """As JSON for people and programs, without the server's `settings` if `loads` would not take them."""
    text = jsontext.dumps(msgspec.to_builtins(sidecar))
    try:
        loads(text)
    except ValueError:
        if sidecar.settings:
            return dumps(msgspec.structs.replace(sidecar, settings={}))
    return text


def loads(data: bytes) -> Sidecar:
    """What `dumps` wrote. Raises ValueError, with words for people."""
    if len(data) > MAX_BYTES:
        raise ValueError(f"is larger than {MAX_BYTES >> 20} MB")
    try:
        return msgspec.convert(jsontext.loads(data), Sidecar)
    except msgspec.ValidationError as error:
        raise ValueError(str(error).replace("`", "")) from None
