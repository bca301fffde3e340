"""Profiles as tables of the file: added, renamed, copied, removed. The other profiles keep every byte."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pluma_tui.config import surgery
from pluma_tui.config.edit import change
from pluma_tui.config.problems import did_you_mean, dotted
from pluma_tui.config.tree import at, is_there, same
from pluma_tui.core.errors import ConfigError

_HEADER = re.compile(r"(?m)^[ \t]*\[[ \t]*([^\[\]\r\n]+?)[ \t]*\][ \t]*(?:#.*)?\r?$")


def add(path: Path, section: str, name: str, values: Mapping[str, Any], *, active: bool) -> None:
    """Add a profile to `chat` or `images`, and make it the active one if asked. Raises ConfigError."""

    def how(text: str) -> str:
        _must_be_free(text, section, name)
        if active:
            text = surgery.put(text, (section, "active"), name)
        return _with_table(text, (section, "profiles", name), values)

    change(path, how)


def remove(path: Path, section: str, name: str) -> None:
    """Take a profile out; if it was the active one, none is named any more. Raises ConfigError."""

    def how(text: str) -> str:
        _must_be_there(text, section, name)
        text = surgery.take(text, (section, "profiles", name))
        return surgery.take(text, (section, "active")) if _active(text, section) == name else text

    change(path, how)


def rename(path: Path, section: str, name: str, new: str) -> None:
    """Give a profile another name, wherever the file names it. Raises ConfigError."""

    def how(text: str) -> str:
        _must_be_there(text, section, name)
        _must_be_free(text, section, new)
        text = _renamed(text, (section, "profiles", name), new)
        if _active(text, section) == name:
            text = surgery.put(text, (section, "active"), new)
        return _partners_renamed(text, name, new) if section == "images" else text

    change(path, how)


def duplicate(path: Path, section: str, name: str, new: str) -> None:
    """Copy a profile under another name. Raises ConfigError."""

    def how(text: str) -> str:
        _must_be_there(text, section, name)
        _must_be_free(text, section, new)
        return _with_table(
            text, (section, "profiles", new), at(tomllib.loads(text), (section, "profiles", name))
        )

    change(path, how)


def _active(text: str, section: str) -> Any:
    return at(tomllib.loads(text), (section, "active"))


def _names(text: str, section: str) -> list[str]:
    profiles = at(tomllib.loads(text), (section, "profiles"))
    return list(profiles) if isinstance(profiles, dict) else []


def _must_be_there(text: str, section: str, name: str) -> None:
    names = _names(text, section)
    if name not in names:
        hint = did_you_mean(name, names) or (f"Defined: {', '.join(names)}." if names else "None is defined.")
        raise ConfigError(
            f'no profile is called "{name}"', key=dotted((section, "profiles", name)), hint=hint
        )


def _must_be_free(text: str, section: str, name: str) -> None:
    if name in _names(text, section):
        raise ConfigError(f'a profile "{name}" is there already', key=dotted((section, "profiles", name)))


def _with_table(text: str, where: tuple[str, ...], values: Mapping[str, Any]) -> str:
    """Values first, tables after them, as a person would write it."""
    for key, value in values.items():
        if not isinstance(value, dict) or key not in ("sampling", "options", "headers"):
            text = surgery.put(text, (*where, key), value)
    for key, value in values.items():
        if isinstance(value, dict) and key in ("sampling", "options", "headers"):
            for inner, item in value.items():
                text = surgery.put(text, (*where, key, inner), item)
    return text


def _renamed(text: str, where: tuple[str, ...], new: str) -> str:
    """The headers of the table and of those below it changed; where that does not do it, the table moved."""
    before = tomllib.loads(text)
    to = (*where[:-1], new)
    candidate = _HEADER.sub(lambda match: _header(match, where, to), text)
    if _moved(before, candidate, where, to):
        return candidate
    return _with_table(surgery.take(text, where), to, at(before, where))


def _header(match: re.Match[str], where: tuple[str, ...], to: tuple[str, ...]) -> str:
    try:
        table: Any = tomllib.loads(f"[{match[1]}]")
    except tomllib.TOMLDecodeError:
        return match[0]
    path: list[str] = []
    while isinstance(table, dict) and table:
        name, table = next(iter(table.items()))
        path.append(name)
    if tuple(path[: len(where)]) != where:
        return match[0]
    return match[0].replace(match[1], dotted((*to, *path[len(where) :])), 1)


def _moved(before: dict[str, Any], candidate: str, where: tuple[str, ...], to: tuple[str, ...]) -> bool:
    """Whether `candidate` says what `before` does, but for that one name."""
    try:
        after = tomllib.loads(candidate)
    except tomllib.TOMLDecodeError:
        return False
    table = at(after, to)
    if not is_there(table) or is_there(at(after, where)):
        return False
    parent = at(after, to[:-1])
    parent[where[-1]] = parent.pop(to[-1])
    return same(before, after)


def _partners_renamed(text: str, name: str, new: str) -> str:
    """Chat profiles that go with an image profile go with it under its new name."""
    for chat in _names(text, "chat"):
        key = ("chat", "profiles", chat, "images")
        if at(tomllib.loads(text), key) == name:
            text = surgery.put(text, key, new)
    return text
