"""Bindings made from the table of actions, so that a key is written down once."""

from collections.abc import Mapping

from textual.binding import Binding

from pluma_tui.core.actions import ACTIONS, Action, Scope

NO_KEY = "no-key"  # no press is called so: an action without a key, which `[keys]` may give it one


def bindings(scope: Scope) -> list[Binding]:
    """The bindings of one scope; the id of each is its action's, for remapping by `[keys]`."""
    return [
        Binding(
            ",".join(action.keys) or NO_KEY,
            _done(action),
            action.title,
            show=False,
            priority=True,
            id=action.id,
        )
        for action in ACTIONS
        if action.scope == scope
    ]


def actions_by_key(scope: Scope, keymap: Mapping[str, str]) -> dict[str, str]:
    """Key to Textual action, for a widget that takes its keys itself; `keymap` as of `keymap`."""
    return {
        key: method(action)
        for action in ACTIONS
        if action.scope == scope
        for key in keymap.get(action.id, ",".join(action.keys)).split(",")
        if key
    }


def method(action: Action) -> str:
    """The name of the Textual action: "chat.stop" is done by `action_chat_stop`."""
    return action.id.replace(".", "_")


def _done(action: Action) -> str:
    """A screen does its own actions and the reader's by their ids; app and composer have methods."""
    match action.scope:
        case "chat":
            return f"do('{action.id}')"
        case "transcript":
            return f"screen.do('{action.id}')"
    return method(action)


def keymap(keys: Mapping[str, str | list[str]]) -> dict[str, str]:
    """`[keys]` of the config as Textual takes it: several keys of an action joined by commas."""
    return {name: key if isinstance(key, str) else ",".join(key) for name, key in keys.items()}


_NAMES = {
    "escape": "esc", "enter": "enter", "pageup": "pgup", "pagedown": "pgdn",
}  # fmt: skip


def shown(key: str) -> str:
    """A key for people: `^q` for ctrl+q, `esc` for escape."""
    if key.startswith("ctrl+") and len(key) == 6:
        return f"^{key[5:]}"
    return _NAMES.get(key, key)
