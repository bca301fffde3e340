"""`pluma config`: every setting from the shell."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from pluma_tui.cli import output
from pluma_tui.config import keys
from pluma_tui.config.problems import Problem, dotted
from pluma_tui.config.read import Loaded, load
from pluma_tui.config.strings import written
from pluma_tui.core.errors import UsageError
from pluma_tui.files import paths

HELP = "Read and change the settings. KEY is a dotted key, such as chat.profiles.home.model"


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `pluma config`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    get = actions.add_parser("get", help="print the value in force")
    get.add_argument("key", metavar="KEY")
    put = actions.add_parser("set", help="change one value; comments and order survive")
    put.add_argument("key", metavar="KEY")
    put.add_argument("value", metavar="VALUE", help="TOML (true, 3, { env = 'X' }), or a string")
    unset = actions.add_parser("unset", help="take one value out: its default holds")
    unset.add_argument("key", metavar="KEY")
    listing = actions.add_parser("list", help="all settings, and where each value comes from")
    actions.add_parser("path", help="print where the file is")
    check = actions.add_parser("check", help="say what is wrong with the file")
    actions.add_parser("edit", help="open a copy in $VISUAL or $EDITOR; kept only if it loads")
    actions.add_parser("schema", help="print the JSON Schema of the file, for editors")
    for sub in (get, listing, check):
        sub.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    path = paths.config_file(args.config)
    return _ACTIONS[args.action](args, path)


def _get(args: argparse.Namespace, path: Path) -> int:
    key = keys.split(args.key)
    value = keys.shown(keys.find(_usable(path, key), key), key)
    if args.json:
        output.document(value)
    else:
        output.line(value if isinstance(value, str) else _toml(value))
    return 0


def _toml(value: Any) -> str:
    """A value as TOML; a table as one line a key, without what is unset."""
    if value is None:
        return ""
    if isinstance(value, dict) and value:
        rows = [(name, _set_only(item)) for name, item in value.items() if item is not None]
        return "\n".join(f"{dotted((name,))} = {written(item)}" for name, item in rows)
    return written(value)


def _set_only(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: _set_only(item) for name, item in value.items() if item is not None}


def _set(args: argparse.Namespace, path: Path) -> int:
    from pluma_tui.config import edit

    key = keys.split(args.key)
    edit.set_value(path, key, keys.value_of(args.value, keys.type_of(key)))
    _overlaid(key)
    return 0


def _unset(args: argparse.Namespace, path: Path) -> int:
    from pluma_tui.config import edit

    key = keys.split(args.key)
    if not edit.unset_value(path, key):
        keys.type_of(key)
        output.say(f"pluma: {args.key} is not set in {paths.shown(path)}.")
    return 0


def _overlaid(key: tuple[str, ...]) -> None:
    variable = f"PLUMA_{'_'.join(key)}".upper()
    if len(key) == 2 and variable in os.environ:
        output.say(f"pluma: for now {variable} in the environment goes over it.")


def _list(args: argparse.Namespace, path: Path) -> int:
    found = keys.with_lines(load(path))
    if args.json:
        rows = [
            {"key": s.key, "value": keys.shown(s.value, s.path), "origin": s.origin} | _line(s) for s in found
        ]
        output.document(rows)
        return 0
    for s in found:
        where = f"line {s.line}" if s.line else s.origin
        value = keys.shown(s.value, s.path)
        output.line(f"{s.key} = {'unset' if value is None else written(value)}  # {where}")
    return 0


def _line(setting: keys.Setting) -> dict[str, int]:
    return {"line": setting.line} if setting.line else {}


def _path(args: argparse.Namespace, path: Path) -> int:
    output.line(str(path))
    return 0


def _check(args: argparse.Namespace, path: Path) -> int:
    loaded = load(path)
    if args.json:
        output.document([_row(problem) for problem in loaded.problems])
    for problem in loaded.problems if not args.json else ():
        output.line(f"{problem.severity}: {problem.text(path)}")
    if not loaded.problems:
        output.say(
            f"pluma: {paths.shown(path)} {'is good' if path.exists() else 'is not there: the defaults hold'}."
        )
    return 3 if any(problem.severity == "error" for problem in loaded.problems) else 0


def _row(problem: Problem) -> dict[str, Any]:
    return {
        "severity": problem.severity,
        "key": problem.key,
        "line": problem.line,
        "message": problem.message,
        "hint": problem.hint,
    }


def _edit(args: argparse.Namespace, path: Path) -> int:
    from pluma_tui.cli.editor import edit_config

    if not sys.stdin.isatty():
        raise UsageError("an editor needs a terminal", hint="In a script: pluma config set KEY VALUE")
    return edit_config(path)


def _schema(args: argparse.Namespace, path: Path) -> int:
    from pluma_tui.config.json_schema import json_schema

    output.document(json_schema())
    return 0


def _usable(path: Path, key: tuple[str, ...]) -> Loaded:
    """The settings. Raises ConfigError if what stands at `key` is broken."""
    loaded = load(path)
    if (problem := loaded.problem_with(*key)) is not None and problem.key:
        raise problem.error(path)
    if not loaded.writable:
        raise loaded.problems[0].error(path)
    return loaded


_ACTIONS = {
    "get": _get,
    "set": _set,
    "unset": _unset,
    "list": _list,
    "path": _path,
    "check": _check,
    "edit": _edit,
    "schema": _schema,
}
