"""Names are cheap, loading is dear: a registry knows names without importing anything."""

import difflib
import importlib
from collections.abc import Mapping
from typing import Generic, TypeVar, cast

from pluma_tui.core.errors import UnknownPlugin

T = TypeVar("T")


class Registry(Generic[T]):
    """Things by name. Built-ins are "module:attribute" strings, loaded when first asked for.

    >>> registry = Registry[object]("provider", {"json": "json:dumps"})
    >>> registry.names()
    ['json']
    """

    def __init__(self, what: str, builtins: Mapping[str, str]) -> None:
        self._what = what
        self._builtins = dict(builtins)
        self._added: dict[str, T] = {}

    def names(self) -> list[str]:
        """All names, sorted. Imports nothing."""
        return sorted({*self._builtins, *self._added})

    def origin(self, name: str) -> str:
        """Where `name` comes from: "built-in" or "registered"."""
        return "registered" if name in self._added else "built-in"

    def add(self, name: str, item: T) -> None:
        """Register `item`; an item of the same name is replaced for this process."""
        self._added[name] = item

    def load(self, name: str) -> T:
        """The item of that name; imports the one module it lives in.

        Raises UnknownPlugin for a name nobody registered.
        """
        if name in self._added:
            return self._added[name]
        try:
            module, _, attribute = self._builtins[name].partition(":")
        except KeyError:
            near = difflib.get_close_matches(name, self.names(), 1)
            hint = f'Did you mean "{near[0]}"?' if near else f"Known: {', '.join(self.names())}."
            raise UnknownPlugin(f'no {self._what} is called "{name}"', hint=hint) from None
        return cast(T, getattr(importlib.import_module(module), attribute))
