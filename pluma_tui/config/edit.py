"""Changes config.toml with tomlkit: comments and order survive; what would not load is not written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import InlineTable, Table

from pluma_tui.config.read import Loaded, load, parse, text_of
from pluma_tui.core.errors import ConfigError
from pluma_tui.files import atomic


def add_profile(path: Path, section: str, name: str, values: Mapping[str, Any], *, active: bool) -> None:
    """Add a profile to `chat` or `images`, and make it the active one if asked.

    Raises ConfigError if the file as it is, or as it would be, does not load; it is left alone then.
    """
    _refuse(path, load(path, {}))
    document = tomlkit.parse(text_of(path) if path.exists() else "schema = 1\n")
    chapter = document.setdefault(section, tomlkit.table())
    if active:
        chapter["active"] = name
    profiles = chapter.setdefault("profiles", _table_in(chapter, is_super_table=True))
    if name in profiles:
        raise ConfigError(f'a profile "{name}" is there already', key=f"{section}.profiles.{name}")
    profile = _table_in(profiles)
    for key, value in values.items():
        profile[key] = _inline(value) if isinstance(value, Mapping) else value
    profiles[name] = profile
    replace(path, document.as_string())


def replace(path: Path, text: str) -> None:
    """Write the whole file, once it is seen to load without an error. Raises ConfigError."""
    _refuse(path, parse(path, text, {}))
    try:
        atomic.write(path, text.encode())
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None


def _table_in(parent: object, *, is_super_table: bool = False) -> Table | InlineTable:
    """A new table of the kind that may stand inside `parent`."""
    if isinstance(parent, InlineTable):
        return tomlkit.inline_table()
    return tomlkit.table(is_super_table=is_super_table)


def _inline(values: Mapping[str, Any]) -> InlineTable:
    table = tomlkit.inline_table()
    table.update(values)
    return table


def _refuse(path: Path, loaded: Loaded) -> None:
    for problem in loaded.problems:
        if problem.severity == "error":
            raise problem.error(path)
