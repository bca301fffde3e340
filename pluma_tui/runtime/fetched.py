"""The models that servers have listed, by profile, in the cache folder: for completing their names."""

import contextlib
from collections.abc import Iterable

from pluma_tui.files import atomic, paths

_SUFFIX = ".models"
_MOST = 2000  # names of one server that are worth keeping


def remember(profile: str, models: Iterable[str]) -> None:
    """Keep what the server of `profile` offers now, one name a line. A cache that fails is no trouble."""
    names = [name for name in models if name and name.isprintable()][:_MOST]
    folder = paths.cache_dir()
    with contextlib.suppress(OSError):
        paths.private_dir(folder)
        atomic.write(paths.private_dir(folder / "models") / f"{profile}{_SUFFIX}", "\n".join(names).encode())


def models() -> list[str]:
    """What all profiles were offered when they were asked last, each name once."""
    found: dict[str, None] = {}
    with contextlib.suppress(OSError, ValueError):
        for file in sorted((paths.cache_dir() / "models").glob(f"*{_SUFFIX}")):
            found |= dict.fromkeys(file.read_text("utf-8").splitlines())
    return list(found)
