"""Where pluma keeps things. Nothing is created here but by `private_dir`."""

import contextlib
import os
from pathlib import Path

import platformdirs

APP = "pluma"


def config_file(flag: str | None = None) -> Path:
    """The config file: `--config`, else `PLUMA_CONFIG`, else the user's config folder."""
    named = flag or os.environ.get("PLUMA_CONFIG")
    if named:
        return expanded(named)
    return Path(platformdirs.user_config_dir(APP, appauthor=False)) / "config.toml"


def data_dir(flag: str | None = None) -> Path:
    """The data folder: `--data-dir`, else `PLUMA_DATA_DIR`, else the user's data folder."""
    named = flag or os.environ.get("PLUMA_DATA_DIR")
    if named:
        return expanded(named)
    return Path(platformdirs.user_data_dir(APP, appauthor=False))


def cache_dir() -> Path:
    """The user's cache folder for pluma."""
    return Path(platformdirs.user_cache_dir(APP, appauthor=False))


def log_file(flag: str | None = None) -> Path:
    """The log: `--log-file`, else `PLUMA_LOG`, else the user's log folder."""
    named = flag or os.environ.get("PLUMA_LOG")
    if named:
        return expanded(named)
    return Path(platformdirs.user_log_dir(APP, appauthor=False)) / "pluma.log"


def pictures_dir(configured: str, data: Path) -> Path:
    """Where pictures go: the setting, else the user's pictures folder, else below `data`."""
    if configured:
        return expanded(configured)
    pictures = Path(platformdirs.user_pictures_dir())
    return pictures / APP if pictures.is_dir() else data / "pictures"


def expanded(name: str) -> Path:
    """`name` as a path, a leading ``~`` replaced by the home folder; left as it is where there is none."""
    path = Path(name)
    with contextlib.suppress(RuntimeError):
        path = path.expanduser()
    return path


def private_dir(path: Path) -> Path:
    """`path` as a folder that only its owner may enter (0700); parents are made as usual.

    Raises OSError.
    """
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
    return path


def shown(path: Path) -> str:
    """`path` for people: the home folder as ``~``."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)
