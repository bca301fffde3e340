"""Changes one value in the text of a TOML file and nothing else.

tomlkit says where; the text itself is cut there, so that no byte outside the value can change. What comes
out is read again by tomllib and must mean exactly what was wanted, else the next way of writing is tried.
"""

import copy
import secrets
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable

from pluma_tui.config.problems import dotted
from pluma_tui.config.strings import Quoting, written
from pluma_tui.config.tree import Key, at, is_there, same
from pluma_tui.core.errors import ConfigError

_EDIT_BY_HAND = "Change it by hand: pluma config edit"


def put(text: str, path: Key, value: Any) -> str:
    """`text` with `value` at `path`; the very same text if an equal one stands there. Raises ConfigError."""
    before = tomllib.loads(text)
    old = at(before, path)
    if is_there(old) and same(old, value):
        return text
    wanted = _with(before, path, value)
    ways = _inserted(text, path, value) if not is_there(old) else _replaced(text, path, value)
    for candidate in ways:
        if _means(candidate, wanted) and (is_there(old) or _only_added(text, candidate)):
            return candidate
    raise ConfigError("cannot be changed alone", key=dotted(path), hint=_EDIT_BY_HAND)


def take(text: str, path: Key) -> str:
    """`text` without the value or table at `path`; the same text if there is none. Raises ConfigError."""
    before = tomllib.loads(text)
    if not is_there(at(before, path)):
        return text
    document = tomlkit.parse(text)
    around = _inline_around(document, path)
    try:
        del _inside(document, path[:-1])[path[-1]]
        candidate = document.as_string()
    except (TOMLKitError, KeyError, ValueError) as error:
        raise ConfigError("cannot be taken out", key=dotted(path), hint=_EDIT_BY_HAND) from error
    alone = _same_around(text, candidate, around) if around else _only_added(candidate, text)
    if alone and _means(candidate, _without(before, path)):
        return candidate
    raise ConfigError("cannot be taken out alone", key=dotted(path), hint=_EDIT_BY_HAND)


def _replaced(text: str, path: Key, value: Any) -> Iterator[str]:
    """The old value cut out, the new one put in."""
    if span := _span(text, path):
        begin, end = span
        yield text[:begin] + written(value, Quoting.of(text[begin:end]), newline_of(text)) + text[end:]


def _span(text: str, path: Key) -> tuple[int, int] | None:
    """Where the value at `path` begins and ends: tomlkit puts a mark in its place."""
    mark = f"pluma-{secrets.token_hex(12)}"
    document = tomlkit.parse(text)
    try:
        _inside(document, path[:-1])[path[-1]] = mark
        marked = document.as_string()
    except (TOMLKitError, KeyError, ValueError):
        return None
    before, _, after = marked.partition(f'"{mark}"')
    whole = text.startswith(before) and text.endswith(after) and len(before) + len(after) <= len(text)
    return (len(before), len(text) - len(after)) if whole else None


def _inserted(text: str, path: Key, value: Any) -> Iterator[str]:
    """A new line where tomlkit would put it; a table of its own at the end; a dotted key at the beginning."""
    ways: tuple[Callable[[str, Key, Any], str], ...] = (_as_line, _as_inline, _as_table, _as_dotted)
    for way in ways:
        try:
            candidate = way(text, path, value)
        except (TOMLKitError, KeyError, TypeError, ValueError, AttributeError):
            continue
        yield _with_line_ends(text, candidate)


def _as_line(text: str, path: Key, value: Any) -> str:
    document = tomlkit.parse(text)
    table = _inside(document, path[:-1])  # KeyError: a table of its own reads better
    table[path[-1]] = tomlkit.value(written(value))
    return str(document.as_string())


def _as_inline(text: str, path: Key, value: Any) -> str:
    """One more entry of the inline table on the way to the key."""
    around = _inline_around(tomlkit.parse(text), path)
    span = _span(text, around) if around else None
    if span is None:
        raise KeyError(dotted(path))
    raw = text[span[0] : span[1]]
    inner = raw[1:-1].rstrip()
    entry = f"{dotted(path[len(around) :])} = {written(value)}"
    filled = f"{{{inner}, {entry} }}" if inner.strip() else f"{{ {entry} }}"
    return text[: span[0]] + filled + text[span[1] :]


def _as_table(text: str, path: Key, value: Any) -> str:
    if len(path) == 1:
        raise KeyError(path[0])
    gap = "" if not text.strip() else "\n" if text.endswith("\n") else "\n\n"
    return f"{text}{gap}[{dotted(path[:-1])}]\n{dotted(path[-1:])} = {written(value)}\n"


def _as_dotted(text: str, path: Key, value: Any) -> str:
    return f"{dotted(path)} = {written(value)}\n{text}"


def _inline_around(document: Any, path: Key) -> Key:
    """The way to the innermost inline table that holds `path`; empty if there is none."""
    found: Key = ()
    for depth, name in enumerate(path[:-1], 1):
        if name not in document:
            break
        document = document[name]
        if isinstance(document, InlineTable):
            found = path[:depth]
    return found


def _same_around(text: str, candidate: str, path: Key) -> bool:
    """Whether nothing outside the value at `path` differs."""
    span = _span(text, path)
    return span is not None and candidate.startswith(text[: span[0]]) and candidate.endswith(text[span[1] :])


def _inside(document: Any, path: Key) -> Any:
    for name in path:
        document = document[name]
    return document


def _with(document: dict[str, Any], path: Key, value: Any) -> dict[str, Any]:
    wanted = copy.deepcopy(document)
    table = wanted
    for name in path[:-1]:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise ConfigError("is a value, not a table", key=dotted(path[:-1]), hint=_EDIT_BY_HAND)
    table[path[-1]] = value
    return wanted


def _without(document: dict[str, Any], path: Key) -> dict[str, Any]:
    wanted = copy.deepcopy(document)
    del _inside(wanted, path[:-1])[path[-1]]
    return wanted


def _means(text: str, wanted: dict[str, Any]) -> bool:
    """Whether a reader gets exactly that; tables without anything in them say nothing."""
    try:
        return same(_pruned(tomllib.loads(text)), _pruned(wanted))
    except tomllib.TOMLDecodeError:
        return False


def _pruned(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return list(value) if isinstance(value, tuple) else value
    kept = {key: _pruned(item) for key, item in value.items()}
    return {key: item for key, item in kept.items() if item != {}}


def _only_added(short: str, long: str) -> bool:
    """Whether `long` is `short` with one piece put in."""
    begin = _common(short, long)
    end = _common(short[::-1], long[::-1])
    return begin + end >= len(short)


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    for count, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return count
    return min(len(one), len(other))


def newline_of(text: str) -> str:
    """The line end of a file: that of its first line."""
    first, _, _ = text.partition("\n")
    return "\r\n" if first.endswith("\r") else "\n"


def _with_line_ends(text: str, candidate: str) -> str:
    """What was put in gets the line ends of the file."""
    if newline_of(text) == "\n":
        return candidate
    begin = _common(text, candidate)
    end = min(_common(text[::-1], candidate[::-1]), len(text) - begin)
    piece = candidate[begin : len(candidate) - end]
    piece = piece.replace("\r\n", "\n").replace("\n", "\r\n")
    return candidate[:begin] + piece + candidate[len(candidate) - end :]
