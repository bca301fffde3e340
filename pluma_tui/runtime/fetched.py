"""The models that servers have listed, by profile, in the cache folder: for completing their names, and for
what is known of them when an answer is counted."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from pluma_tui.core.models import ModelInfo
from pluma_tui.files import atomic, paths

_SUFFIX = ".models.json"
_MOST = 2000  # models of one server that are worth keeping


def remember(profile: str, models: Iterable[ModelInfo]) -> None:
    """Keep what the server of `profile` offers now. A cache that fails is no trouble."""
    kept = [model for model in models if model.id and model.id.isprintable()][:_MOST]
    folder = paths.cache_dir()
    with contextlib.suppress(OSError):
        paths.private_dir(folder)
        atomic.write(paths.private_dir(folder / "models") / f"{profile}{_SUFFIX}", msgspec.json.encode(kept))


def names() -> list[str]:
    """What all profiles were offered when they were asked last, each name once."""
    found: dict[str, None] = {}
    with contextlib.suppress(OSError):
        for file in sorted((paths.cache_dir() / "models").glob(f"*{_SUFFIX}")):
            found |= dict.fromkeys(model.id for model in _read(file))
    return list(found)


def model(profile: str, name: str) -> ModelInfo | None:
    """What the server of `profile` said of a model when it was asked last."""
    known = _read(paths.cache_dir() / "models" / f"{profile}{_SUFFIX}")
    return next((model for model in known if model.id == name), None)


def _read(file: Path) -> list[ModelInfo]:
    with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeError):
        return msgspec.json.decode(file.read_bytes(), type=list[ModelInfo])
    return []
