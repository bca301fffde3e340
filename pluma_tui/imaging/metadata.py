"""What made a picture, from what stands beside it or in it: to make it again."""

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from pluma_tui.core.errors import ConfigError, StoreError, UsageError
from pluma_tui.core.images import ImageRequest
from pluma_tui.files.paths import private_dir, shown
from pluma_tui.imaging import embedded, infotext, sidecar
from pluma_tui.imaging.sniff import MAX_BYTES, sniff
from pluma_tui.imaging.workflow import Graph, parse
from pluma_tui.imaging.workflow_find import find
from pluma_tui.imaging.workflow_library import keep_run

_INFOTEXT = ("parameters", "UserComment")
_GRAPH = "prompt"
_FIELDS: dict[str, tuple[str, type]] = {
    "prompt": ("prompt", str),
    "negative_prompt": ("negative_prompt", str),
    "seed": ("seed", int),
    "steps": ("steps", int),
    "cfg": ("cfg", float),
    "sampler": ("sampler", str),
    "scheduler": ("scheduler", str),
    "width": ("width", int),
    "height": ("height", int),
    "model": ("checkpoint", str),
}
"""The places of a workflow, and what they are called in a request."""


@dataclass(frozen=True)
class Again:
    """A picture's making. `profile` is empty where it is not known; `notes` say what could not be found out.

    `paths` says, by the request's field, where its own pictures were.
    """

    request: ImageRequest
    profile: str = ""
    paths: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read(path: Path, data_dir: Path, *, anew: Collection[str] = ()) -> Again:
    """What made the picture in `path`, which may be a sidecar as well. Raises UsageError, StoreError.

    A ComfyUI workflow that is found in it is kept below `data_dir`, for the request to name. `anew` are
    the fields of pictures that need not be found, since others take their place.
    """
    data = _bytes(path)
    if sniff(data) is None:
        return _again(_sidecar(path, data), anew)
    beside = sidecar.path_of(path)
    if beside.is_file() and (made := _beside(beside, data)) is not None:
        return _again(made, anew)
    texts = embedded.texts(data)
    for name in _INFOTEXT:
        if name in texts and (request := infotext.parse(texts[name])) is not None:
            return _from_infotext(request)
    if _GRAPH in texts:
        with contextlib.suppress(ConfigError):
            return _from_graph(parse(texts[_GRAPH].encode("utf-8", "replace"), str(path)), data_dir)
    hint = "pluma, A1111 and ComfyUI write that down; a program that a picture went through may have lost it."
    raise UsageError(f"nothing in {shown(path)} or beside it says what made it", hint=hint)


def _beside(path: Path, picture: bytes) -> sidecar.Sidecar | None:
    """The sidecar in `path`, if it is one and of this very picture."""
    try:
        made = sidecar.loads(_bytes(path))
    except ValueError:
        return None
    return made if made.sha256 == sidecar.digest(picture) else None


def _sidecar(path: Path, data: bytes) -> sidecar.Sidecar:
    try:
        return sidecar.loads(data)
    except ValueError:
        hint = "--again takes a picture, or the .json that pluma wrote beside it."
        raise UsageError(f"{shown(path)} says nothing of a picture", hint=hint) from None


def _again(made: sidecar.Sidecar, anew: Collection[str]) -> Again:
    """The request with the pictures it began with, which must be what they were."""
    sources = {name: source for name, source in made.sources.items() if name not in anew}
    pictures = {name: _source(source) for name, source in sources.items()}
    request = msgspec.structs.replace(made.request, **pictures)
    return Again(request, made.profile, {name: source.path for name, source in sources.items()})


def _source(source: sidecar.Source) -> bytes:
    path = Path(source.path)
    data = _bytes(path) if path.is_file() else b""
    if sidecar.digest(data) != source.sha256:
        hint = "--init and --mask name another."
        raise UsageError(f"the picture it began with is gone or not the same: {shown(path)}", hint=hint)
    return data


def _from_infotext(request: ImageRequest) -> Again:
    if request.strength is None:
        return Again(request)
    note = "It was made from another picture, which is not told: --init names one."
    return Again(request, notes=(note,))


def _from_graph(graph: Graph, data_dir: Path) -> Again:
    """The workflow as it was run, and what its places hold."""
    try:
        path = keep_run(private_dir(private_dir(data_dir) / "again"), graph)
    except OSError as error:
        raise StoreError(f"{shown(data_dir)} cannot be written to: {error.strerror}") from None
    return Again(ImageRequest(**dict(_values(graph)), workflow=str(path)))


def _values(graph: Graph) -> Iterator[tuple[str, Any]]:
    for place, slots in find(graph).places.items():
        name, kind = _FIELDS.get(place, ("", object))
        for slot in slots[:1] if name else ():
            value = graph[slot.node]["inputs"].get(slot.input)
            if isinstance(value, int) and kind is float:
                value = float(value)
            if isinstance(value, kind) and not isinstance(value, bool):
                yield name, value


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{shown(path)} is larger than {MAX_BYTES >> 20} MB")
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{shown(path)} cannot be read: {error.strerror}") from None
