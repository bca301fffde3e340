"""Settings by their dotted keys: which there are, what type each has, and where its value comes from."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

import msgspec

from pluma_tui.config.problems import did_you_mean, dotted
from pluma_tui.config.read import Loaded, text_of
from pluma_tui.config.schema import PROFILES, SECTIONS, Config
from pluma_tui.config.tree import Key, at, is_there
from pluma_tui.core.actions import ACTIONS
from pluma_tui.core.errors import ConfigError
from pluma_tui.core.profile import SecretRef

HIDDEN = "(hidden)"
_USERINFO = re.compile(r"(://[^/@\s:]*:)[^/@\s]+@")
_SECRET_NAME = re.compile(r"auth|key|token|secret|password|cookie", re.IGNORECASE)


class Setting(msgspec.Struct, frozen=True):
    """A value in force. `origin` is "default", "file" or "env NAME"; `line` counts from 1 (0: none)."""

    path: Key
    value: Any
    origin: str
    line: int = 0

    @property
    def key(self) -> str:
        """The key as TOML writes it."""
        return dotted(self.path)


def split(key: str) -> Key:
    """A TOML dotted key as its parts: `chat.profiles."a.b".model`. Raises ConfigError."""
    try:
        value: Any = tomllib.loads(f"{key} = 0") if "\n" not in key and "\r" not in key else {}
    except tomllib.TOMLDecodeError:
        value = {}
    parts: list[str] = []
    while isinstance(value, dict) and len(value) == 1:
        name, value = next(iter(value.items()))
        parts.append(name)
    if value != 0 or not parts:
        hint = 'Quote a part that holds more than letters, digits, - and _: chat.profiles."a.b".model'
        raise ConfigError(f"{key!r} is not a key", hint=hint)
    return _action_key(tuple(parts))


def _action_key(path: Key) -> Key:
    """`keys.chat.send` means the action "chat.send"."""
    return ("keys", ".".join(path[1:])) if path[0] == "keys" and len(path) > 2 else path


def type_of(path: Key) -> Any:
    """The type of the setting at `path`. Raises ConfigError if there is no such setting, or it is a table."""
    kind: Any = Config
    for depth in range(len(path)):
        kind = _plain_type(kind)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            kind = _field(kind, path[: depth + 1])
        elif get_origin(kind) is dict:
            kind = get_args(kind)[1]
        elif kind is Any:
            return Any
        else:
            raise _unknown(path, ())
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        raise ConfigError(f"{dotted(path)} is a table, not a setting", key=dotted(path))
    if path[0] == "keys" and path[1:] and path[1] not in _actions():
        raise _unknown(path, _actions())
    return kind


def _field(kind: type[msgspec.Struct], path: Key) -> Any:
    fields = {item.name: item.type for item in msgspec.structs.fields(kind)}
    if len(path) == 4 and path[1] == "profiles":
        fields.pop("name", None)  # the table's name, which is no key
    if path[-1] not in fields:
        raise _unknown(path, fields)
    return fields[path[-1]]


def _unknown(path: Key, known: Any) -> ConfigError:
    return ConfigError(
        f"{dotted(path)} is not a setting", key=dotted(path), hint=did_you_mean(path[-1], known)
    )


def _actions() -> list[str]:
    return [action.id for action in ACTIONS]


def value_of(text: str, kind: Any) -> Any:
    """What a person wrote for a setting of that type: TOML, or a string; a string as it stands."""
    if _plain_type(kind) is str:
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"] if "\n" not in text else text
    except tomllib.TOMLDecodeError:
        return text


def _plain_type(kind: Any) -> Any:
    return get_args(kind)[0] if hasattr(kind, "__metadata__") else kind


def settings(loaded: Loaded, environ: Mapping[str, str] | None = None) -> Iterator[Setting]:
    """Every setting with its value in force, the file's profiles included."""
    environ = os.environ if environ is None else environ
    sources = _Sources(loaded, environ)
    yield sources.setting(("schema",), loaded.config.schema)
    for name, kind in SECTIONS.items():
        section = getattr(loaded.config, name)
        for item in msgspec.structs.fields(kind):
            if item.name != "profiles":
                yield sources.setting((name, item.name), getattr(section, item.name))
        if name in PROFILES:
            for profile in section.profiles.values():
                yield from _of_profile(sources, (name, "profiles", profile.name), profile)
    for action, keys in loaded.config.keys.items():
        yield sources.setting(("keys", action), keys)


def _of_profile(sources: "_Sources", path: Key, profile: msgspec.Struct) -> Iterator[Setting]:
    for item in msgspec.structs.fields(type(profile)):
        value = getattr(profile, item.name)
        if item.name == "name":
            continue
        if isinstance(value, msgspec.Struct):
            yield from _of_profile(sources, (*path, item.name), value)
        else:
            yield sources.setting((*path, item.name), value)


def document(loaded: Loaded) -> dict[str, Any]:
    """The file as tomllib reads it; empty where there is none, or none that can be read."""
    return tomllib.loads(_text(loaded))


def _text(loaded: Loaded) -> str:
    try:
        return text_of(loaded.path) if loaded.writable else ""
    except FileNotFoundError:
        return ""


class _Sources:
    """Says of a key where its value comes from. The file is parsed once, its lines found when asked."""

    def __init__(self, loaded: Loaded, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._text = _text(loaded)
        self._document = tomllib.loads(self._text)

    def setting(self, path: Key, value: Any) -> Setting:
        variable = f"PLUMA_{'_'.join(path)}".upper()
        if len(path) == 2 and path[0] in SECTIONS and variable in self._environ:
            return Setting(path, value, f"env {variable}")
        if is_there(at(self._document, path)):
            return Setting(path, value, "file")
        return Setting(path, value, "default")

    def located(self, found: list[Setting]) -> list[Setting]:
        from pluma_tui.config.locate import Lines

        lines = Lines(self._text)
        return [
            Setting(s.path, s.value, s.origin, lines.of(s.path)) if s.origin == "file" else s for s in found
        ]


def with_lines(loaded: Loaded) -> list[Setting]:
    """As `settings`, each from the file with its line: for people, since finding lines takes a while."""
    sources = _Sources(loaded, os.environ)
    return sources.located(list(settings(loaded)))


def find(loaded: Loaded, path: Key) -> Any:
    """The value in force at `path`: a setting's, or a dict for a table. Raises ConfigError."""
    below = {s.path: s.value for s in settings(loaded) if s.path[: len(path)] == path}
    if path in below:
        return below[path]
    if below:
        return _nested(below, len(path))
    if (value := _inner(loaded, path)) is not None:
        return value
    if (problem := loaded.problem_with(*path)) is not None:
        raise problem.error(loaded.path)
    if path[1:2] == ("profiles",) and len(path) > 2 and path[0] in PROFILES:
        _known_profile(loaded, path)
    type_of(path)
    for action in ACTIONS:
        if path == ("keys", action.id):
            return list(action.keys)
    raise ConfigError(f"{dotted(path)} is not set", key=dotted(path))


def _known_profile(loaded: Loaded, path: Key) -> None:
    known = getattr(loaded.config, path[0]).profiles
    if path[2] not in known:
        hint = did_you_mean(path[2], known)
        raise ConfigError(f'no profile is called "{path[2]}"', key=dotted(path), hint=hint)


def _inner(loaded: Loaded, path: Key) -> Any:
    """A value inside one that is a table itself: `headers.X`, `options.y`."""
    for depth in range(len(path) - 1, 1, -1):
        for setting in settings(loaded):
            if setting.path == path[:depth] and isinstance(setting.value, dict):
                found = at(setting.value, path[depth:])
                return found if is_there(found) else None
    return None


def _nested(values: Mapping[Key, Any], skip: int) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for path, value in values.items():
        table = nested
        for name in path[skip:-1]:
            table = table.setdefault(name, {})
        table[path[-1]] = value
    return nested


def shown(value: Any, path: Key = ()) -> Any:
    """The value at `path` for people and scripts: secrets, and passwords in addresses, are hidden."""
    if isinstance(value, SecretRef):
        if value.kind == "literal":
            return HIDDEN
        what = list(value.value) if isinstance(value.value, tuple) else value.value
        return {value.kind: what, **shown(value.more, ("headers",))}
    if isinstance(value, Mapping):
        return {key: shown(item, (*path, key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [shown(item, path) for item in value]
    if isinstance(value, str):
        free = any(name in path[:-1] for name in ("headers", "options", "sign_in"))
        hidden = bool(value) and free and _SECRET_NAME.search(path[-1])
        return HIDDEN if hidden else _USERINFO.sub(rf"\1{HIDDEN}@", value)
    return value
