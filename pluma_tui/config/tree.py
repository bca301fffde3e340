"""Finding and comparing values in a TOML document that was read."""

from collections.abc import Mapping
from typing import Any

Key = tuple[str, ...]
_MISSING = object()


def at(document: Mapping[str, Any], path: Key) -> Any:
    """The value at `path`, or a mark that says there is none; see `is_there`."""
    value: Any = document
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return _MISSING
        value = value[name]
    return value


def is_there(value: Any) -> bool:
    """Whether `at` found something."""
    return value is not _MISSING


def same(one: Any, other: Any) -> bool:
    """Equal to a reader: 1 and 1.0 are, 1 and true are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) or (one != one and other != other)
