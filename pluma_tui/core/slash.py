"""Commands that are typed: `/model qwen3`. Their names are in the table of actions."""

import re

from pluma_tui.core.actions import ACTIONS, Action

_COMMAND = re.compile(r"/([a-z][a-z-]*)(?:\s+|\Z)")
COMMANDS: dict[str, Action] = {action.slash: action for action in ACTIONS if action.slash}


def command(text: str) -> tuple[str, str] | None:
    """The command's name, known or not, and what follows it; None for a text that is none.

    A path (`/etc/hosts`), two slashes and a leading space are none.
    """
    match = _COMMAND.match(text)
    return (f"/{match[1]}", text[match.end() :].rstrip()) if match else None


def said(text: str) -> str:
    """What a text says that is no command: `//model` is how one writes of `/model`."""
    beginning = command(text[1:]) if text.startswith("//") else None
    return text[1:] if beginning and beginning[0] in COMMANDS else text
