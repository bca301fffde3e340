"""Which key does what, and where two actions want the same one."""

from collections.abc import Mapping
from dataclasses import dataclass

from pluma_tui.core.actions import ACTIONS, Action, Scope

# Where the keys of a scope count: in itself, and wherever a person is within it.
_AROUND: dict[Scope, tuple[Scope, ...]] = {
    "app": ("app",),
    "chat": ("chat", "app"),
    "composer": ("composer", "chat", "app"),
    "transcript": ("transcript", "chat", "app"),
}
TWINS = {
    "ctrl+i": "tab",
    "ctrl+m": "enter",
    "ctrl+h": "backspace",
    "ctrl+left_square_bracket": "escape",
}
"""Keys that send the same byte as another one, but for terminals with the kitty keyboard protocol."""


@dataclass(frozen=True)
class Conflict:
    """Two actions that want one key where both can be meant. `twin`: two keys that arrive alike."""

    key: str
    first: str
    second: str
    twin: bool = False


def keys_in_force(configured: Mapping[str, str | list[str]]) -> dict[str, tuple[str, ...]]:
    """The keys of every action, by its id: those of `[keys]`, else the defaults."""
    return {action.id: _keys(configured.get(action.id, list(action.keys))) for action in ACTIONS}


def conflicts(keys: Mapping[str, tuple[str, ...]]) -> list[Conflict]:
    """All conflicts, in the order of the table of actions."""
    found = []
    for number, first in enumerate(ACTIONS):
        for second in ACTIONS[number + 1 :]:
            if _meet(first, second):
                found += _between(first.id, second.id, keys)
    return found


def _keys(value: str | list[str]) -> tuple[str, ...]:
    given = [value] if isinstance(value, str) else value
    names = (name.strip() for item in given for name in item.split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def _meet(one: Action, other: Action) -> bool:
    return one.scope in _AROUND[other.scope] or other.scope in _AROUND[one.scope]


def _between(first: str, second: str, keys: Mapping[str, tuple[str, ...]]) -> list[Conflict]:
    theirs = keys.get(second, ())
    alike = {TWINS.get(key, key): key for key in theirs}
    found = []
    for key in keys.get(first, ()):
        if key in theirs:
            found.append(Conflict(key, first, second))
        elif TWINS.get(key, key) in alike:
            found.append(Conflict(key, first, second, twin=True))
    return found
