"""`pluma keys`: what can be done by key, and which key a press really is."""

import argparse

from pluma_tui.cli import output
from pluma_tui.config.read import Loaded, load
from pluma_tui.core.actions import ACTIONS
from pluma_tui.core.keymap import Conflict, conflicts, keys_in_force
from pluma_tui.files import paths

HELP = "List the actions and their keys as configured, and where two want the same key."


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `pluma keys`."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--json", action="store_true", help="as one JSON array")
    what.add_argument("--test", action="store_true", help="show what arrives for each key that is pressed")


def run(args: argparse.Namespace) -> int:
    """List them, or listen; returns the exit code."""
    loaded = load(paths.config_file(args.config))
    keys = keys_in_force(loaded.config.keys)
    if args.test:
        from pluma_tui.cli.keytest import listen

        return listen(keys)
    found = conflicts(keys)
    if args.json:
        output.document(_rows(keys, found))
        return 0
    output.table([(action.id, ", ".join(keys[action.id]) or "-", action.help) for action in ACTIONS])
    _tell(loaded, found)
    return 0


def _rows(keys: dict[str, tuple[str, ...]], found: list[Conflict]) -> list[dict[str, object]]:
    return [
        {
            "id": action.id,
            "title": action.title,
            "help": action.help,
            "scope": action.scope,
            "keys": list(keys[action.id]),
            "default": list(action.keys),
            "conflicts": [
                {"key": one.key, "with": one.second if one.first == action.id else one.first}
                for one in found
                if action.id in (one.first, one.second)
            ],
        }
        for action in ACTIONS
    ]


def _tell(loaded: Loaded, found: list[Conflict]) -> None:
    """Conflicts, and what is wrong with `[keys]`."""
    for one in found:
        why = "arrives as the same key in most terminals" if one.twin else "is one key for two actions"
        output.say(f"pluma: {one.key} {why}: {one.first} and {one.second}.")
    for problem in loaded.problems:
        if problem.key.split(".")[0] in ("keys", ""):
            output.say(f"pluma: {problem.text(loaded.path)}")
