"""Options of a profile or a request that must be of one kind to be used."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pluma_tui.core.errors import ConfigError

T = TypeVar("T", dict[str, Any], list[Any])


def option(options: Mapping[str, Any], name: str, kind: type[T]) -> T:
    """The table or the list `name`, a new one where there is none. Raises ConfigError for anything else."""
    value = options.get(name, kind())
    if not isinstance(value, kind):
        what = "a table" if kind is dict else "a list"
        raise ConfigError(f"options.{name} must be {what}", key=f"options.{name}")
    return value
