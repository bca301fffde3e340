"""Keeps pictures: the server's bytes unchanged, under names of our own, never over anything that is there."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path

import msgspec

from pluma_tui.core.errors import PlumaError
from pluma_tui.core.ids import now
from pluma_tui.core.images import ImageRequest, Picture
from pluma_tui.files import fresh
from pluma_tui.files.paths import private_dir, shown
from pluma_tui.imaging import naming, sidecar, sniff

_TRIES = 10_000


class Saved(msgspec.Struct, frozen=True, tag="image"):
    """A picture on disk. `path` is absolute; sizes are in pixels, None where they cannot be told."""

    path: str
    media_type: str
    seed: int | None = None
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True)
class Place:
    """Where pictures go: below `folder` by `template`, or with `name` under that very name, then name-2.

    `private`: only their owner may read what is made (folders 0700, files 0600); else the umask says.
    """

    folder: Path
    template: str = ""
    name: str = ""
    private: bool = True


@dataclass(frozen=True)
class Origin:
    """What a job's pictures come from. `paths` says, by the request's field, where its own pictures were."""

    request: ImageRequest
    profile: str
    kind: str
    paths: Mapping[str, str] = field(default_factory=dict)


def prepare(place: Place, origin: Origin) -> None:
    """See that pictures can be kept there, before any is made. Raises PlumaError, ConfigError."""
    if not place.name:
        naming.fill(place.template, _fields(origin, None))
    with _errors_in_words(place.folder):
        _make(place.folder, place)
        if not os.access(place.folder, os.W_OK | os.X_OK):
            raise PermissionError(13, os.strerror(13))


def save(picture: Picture, origin: Origin, place: Place) -> Saved:
    """Keep one picture. Raises PlumaError."""
    shape = sniff.sniff(picture.data)
    media_type = shape.media_type if shape else picture.media_type
    with _errors_in_words(place.folder):
        path = _save(picture.data, _paths(place, origin, picture.seed, sniff.extension(media_type)), place)
    size = (shape.width, shape.height) if shape else (None, None)
    return Saved(str(path.absolute()), media_type, picture.seed, *size)


def describe(
    saved: Saved, picture: Picture, origin: Origin, *, index: int, shared: bool, private: bool
) -> None:
    """Put beside a picture what made it. Raises PlumaError.

    `index` counts the job's pictures from 0; `shared`: they all have one seed.
    """
    beside = sidecar.Sidecar(
        format="pluma-picture",
        version=1,
        created=now(),
        profile=origin.profile,
        kind=origin.kind,
        sha256=sidecar.digest(picture.data),
        request=sidecar.repeating(origin.request, picture, shared=shared),
        index=index,
        sources=sidecar.sources(origin.request, origin.paths),
        settings=picture.settings,
    )
    path = sidecar.path_of(Path(saved.path))
    with _errors_in_words(path.parent):
        fresh.create(path, sidecar.dumps(beside), private=private)


def _save(data: bytes, paths: Iterator[Path], place: Place) -> Path:
    """Write to the first of `paths` that is free, its sidecar's name too."""
    for path in paths:
        if os.path.lexists(sidecar.path_of(path)):
            continue
        _make(path.parent, place)
        with contextlib.suppress(FileExistsError):
            fresh.create(path, data, private=place.private)
            return path
    raise FileExistsError(17, f"{_TRIES} files of that name are there already")


def _paths(place: Place, origin: Origin, seed: int | None, ending: str) -> Iterator[Path]:
    """The name that a picture should have, then others like it: cat.png, cat-2.png, ..."""
    if place.name:
        wanted = place.folder / place.name
        stem, ending = wanted.stem, wanted.suffix
    else:
        wanted = place.folder / naming.fill(place.template, _fields(origin, seed))
        stem, ending = wanted.name, ending or ".bin"
    yield wanted.with_name(f"{stem}{ending}")
    for number in count(2):
        if number > _TRIES:
            return
        yield wanted.with_name(f"{stem}-{number}{ending}")


def _fields(origin: Origin, seed: int | None) -> dict[str, str]:
    at = datetime.now().astimezone()
    return naming.fields(prompt=origin.request.prompt, seed=seed, profile=origin.profile, at=at)


def _make(folder: Path, place: Place) -> None:
    """The folder, and what is missing above it."""
    if place.private:
        for above in reversed([folder, *folder.parents]):
            private_dir(above)
    folder.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def _errors_in_words(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PlumaError(
            f"the picture cannot be kept in {shown(folder)}: {error.strerror}",
            hint="images.directory says where pictures go.",
        ) from None
