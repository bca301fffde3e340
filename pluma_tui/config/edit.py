"""Changes config.toml with tomlkit: comments and order survive; what would not load is not written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from pluma_tui.config.read import load, parse
from pluma_tui.core.errors import ConfigError
from pluma_tui.files import atomic


def add_profile(path: Path, section: str, name: str, values: Mapping[str, Any], *, active: bool) -> None:
    """Add a profile to `chat` or `images`, and make it the active one if asked.

    Raises ConfigError if the file as it is, or as it would be, does not load; it is left alone then.
    """
    before = load(path, {})
    if not before.writable:
        raise before.problems[0].error(path)
    text = path.read_bytes().decode("utf-8") if path.exists() else "schema = 1\n"
    document = tomlkit.parse(text)
    chapter = document.setdefault(section, tomlkit.table())
    if active:
        chapter["active"] = name
    profiles = chapter.setdefault("profiles", tomlkit.table(is_super_table=True))
    if name in profiles:
        raise ConfigError(f'a profile "{name}" is there already', key=f"{section}.profiles.{name}")
    profile = tomlkit.table()
    for key, value in values.items():
        profile[key] = value
    profiles[name] = profile
    replace(path, document.as_string())


def replace(path: Path, text: str) -> None:
    """Write the whole file, once it is seen to load without an error. Raises ConfigError."""
    for problem in parse(path, text, {}).problems:
        if problem.severity == "error":
            raise problem.error(path)
    try:
        atomic.write(path, text.encode())
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
