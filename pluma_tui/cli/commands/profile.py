"""`pluma profile`: connection profiles from the shell."""

import argparse
from pathlib import Path
from typing import Any

from pluma_tui.cli import output
from pluma_tui.config import keys
from pluma_tui.config.read import Loaded, load
from pluma_tui.config.schema import PROFILES
from pluma_tui.config.strings import written
from pluma_tui.core.errors import ConfigError, UsageError
from pluma_tui.core.profile import Connection
from pluma_tui.files import paths

HELP = "Connection profiles: who a conversation talks to."


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `pluma profile`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="all profiles")
    listing.add_argument("--json", action="store_true", help="as one JSON array")
    show = _named(actions, "show", "one profile, with what holds by default")
    show.add_argument("--json", action="store_true", help="as one JSON object")
    _configure_add(actions)
    put = _named(actions, "set", "change one of its keys")
    put.add_argument("key", metavar="KEY", help="such as model, or sampling.temperature")
    put.add_argument("value", metavar="VALUE")
    unset = _named(actions, "unset", "take one of its keys out")
    unset.add_argument("key", metavar="KEY")
    _named(actions, "use", "begin new conversations with it")
    for name, words in (("rename", "give it another name"), ("copy", "copy it under another name")):
        _named(actions, name, words).add_argument("new", metavar="NEW")
    _named(actions, "remove", "take it out of the file")
    test = _named(actions, "test", "check address, key, models, and one streamed token")
    test.add_argument("--json", action="store_true", help="as one JSON array")


def _named(actions: Any, name: str, words: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=words)
    parser.add_argument("name", metavar="NAME")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--chat", dest="section", action="store_const", const="chat", help="the chat profile")
    which.add_argument(
        "--images", dest="section", action="store_const", const="images", help="the image profile"
    )
    return parser


def _configure_add(actions: Any) -> None:
    parser: argparse.ArgumentParser = actions.add_parser(
        "add", help="add one; --base-url says where the server is"
    )
    parser.add_argument("name", metavar="NAME", nargs="?")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--compat", metavar="C", help="a chat profile: the provider's name (see pluma providers)"
    )
    kind.add_argument("--kind", metavar="K", help="an image profile: the provider's name")
    kind.add_argument("--discover", action="store_true", help="add the servers that answer on this machine")
    parser.add_argument("--model", metavar="M", help="the model to ask for")
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="any other key of a profile"
    )
    parser.add_argument("--use", action="store_true", help="begin new conversations with it")


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    return _ACTIONS[args.action](args, paths.config_file(args.config))


def _list(args: argparse.Namespace, path: Path) -> int:
    loaded = load(path)
    rows = [_row(loaded, section, profile) for section in PROFILES for profile in _profiles(loaded, section)]
    if args.json:
        output.document(rows)
        return 0
    if not rows:
        output.say(
            "pluma: no profile is defined. Add one: pluma profile add NAME --compat openai --base-url URL"
        )
        return 0
    output.table(
        [
            ("*" if row["active"] else "", row["name"], row["provider"], row["base_url"], row["model"])
            for row in rows
        ]
    )
    return 0


def _profiles(loaded: Loaded, section: str) -> list[Any]:
    return list(getattr(loaded.config, section).profiles.values())


def _row(loaded: Loaded, section: str, profile: Connection) -> dict[str, Any]:
    chapter = getattr(loaded.config, section)
    active = chapter.active or next(iter(chapter.profiles), "")
    return {
        "name": profile.name,
        "type": "chat" if section == "chat" else "image",
        "provider": getattr(profile, PROFILES[section][1]),
        "base_url": keys.shown(profile.base_url),
        "model": profile.model,
        "active": profile.name == active,
    }


def _show(args: argparse.Namespace, path: Path) -> int:
    loaded = load(path)
    where = _where(loaded, args)
    value = keys.shown(keys.find(loaded, where), where)
    if args.json:
        output.document(value)
        return 0
    for key, item in value.items():
        if isinstance(item, dict):
            item = {name: inner for name, inner in item.items() if inner is not None}
        if item is not None:
            output.line(f"{key} = {written(item)}")
    return 0


def _add(args: argparse.Namespace, path: Path) -> int:
    from pluma_tui.config import profiles

    if args.discover:
        return _discover(args, path)
    section, chooser = ("images", "kind") if args.kind else ("chat", "compat")
    if not args.name:
        raise UsageError(
            "a profile needs a name", hint="pluma profile add NAME --compat openai --base-url URL"
        )
    values: dict[str, Any] = {chooser: args.kind or args.compat or "openai"}
    given = {"base_url": args.base_url, "model": args.model}
    values |= {key: value for key, value in given.items() if value}
    if args.api_key_env:
        values["api_key"] = {"env": args.api_key_env}
    for pair in args.set:
        _lay(values, section, args.name, pair)
    profiles.add(path, section, args.name, values, active=args.use)
    return 0


def _lay(values: dict[str, Any], section: str, name: str, pair: str) -> None:
    """`--set sampling.temperature=0.5` as part of the new profile."""
    key, equals, text = pair.partition("=")
    if not equals:
        raise UsageError(f'--set takes KEY=VALUE, not "{pair}"')
    parts = keys.split(key.strip())
    table = values
    for part in parts[:-1]:
        table = table.setdefault(part, {})
    table[parts[-1]] = keys.value_of(text, keys.type_of((section, "profiles", name, *parts)))


def _discover(args: argparse.Namespace, path: Path) -> int:
    import asyncio

    from pluma_tui.config import profiles
    from pluma_tui.runtime.discover import discover

    found = asyncio.run(discover())
    if not found:
        output.say("pluma: no server answers on this machine's usual ports.")
    known = {profile.base_url for section in PROFILES for profile in _profiles(load(path), section)}
    for server in found:
        if server.base_url in known:
            output.say(f"pluma: {server.label} at {server.base_url} has a profile already.")
            continue
        profiles.add(path, server.section, server.name, server.values, active=args.use and server is found[0])
        output.line(server.name)
    return 0


def _set(args: argparse.Namespace, path: Path) -> int:
    from pluma_tui.config import edit

    where = (*_where(load(path), args), *keys.split(args.key))
    edit.set_value(path, where, keys.value_of(args.value, keys.type_of(where)))
    return 0


def _unset(args: argparse.Namespace, path: Path) -> int:
    from pluma_tui.config import edit

    where = (*_where(load(path), args), *keys.split(args.key))
    if not edit.unset_value(path, where):
        keys.type_of(where)
        output.say(f"pluma: {args.key} is not set.")
    return 0


def _use(args: argparse.Namespace, path: Path) -> int:
    from pluma_tui.config import edit

    section, _, name = _where(load(path), args)
    edit.set_value(path, (section, "active"), name)
    return 0


def _rename(args: argparse.Namespace, path: Path) -> int:
    from pluma_tui.config import profiles

    section, _, name = _where(load(path), args)
    profiles.rename(path, section, name, args.new)
    return 0


def _copy(args: argparse.Namespace, path: Path) -> int:
    from pluma_tui.config import profiles

    section, _, name = _where(load(path), args)
    profiles.duplicate(path, section, name, args.new)
    return 0


def _remove(args: argparse.Namespace, path: Path) -> int:
    from pluma_tui.config import profiles

    section, _, name = _where(load(path), args)
    profiles.remove(path, section, name)
    return 0


def _test(args: argparse.Namespace, path: Path) -> int:
    from pluma_tui.cli.profile_test import test_profile

    section, _, name = _where(load(path), args)
    return test_profile(args, "chat" if section == "chat" else "images", name)


def _where(loaded: Loaded, args: argparse.Namespace) -> tuple[str, str, str]:
    """Where the named profile is. Raises ConfigError, and UsageError where the name is both."""
    sections = [args.section] if args.section else list(PROFILES)
    defined = {section: _defined(loaded, section) for section in sections}
    holding = [section for section in sections if args.name in defined[section]]
    if len(holding) == 1:
        return (holding[0], "profiles", args.name)
    if holding:
        raise UsageError(
            f'"{args.name}" is a chat and an image profile', hint="Say which: --chat or --images."
        )
    from pluma_tui.config.problems import did_you_mean

    names = [name for section in sections for name in defined[section]]
    hint = did_you_mean(args.name, names) or (
        f"Defined: {', '.join(names)}." if names else "None is defined."
    )
    raise ConfigError(f'no profile is called "{args.name}"', hint=hint)


def _defined(loaded: Loaded, section: str) -> list[str]:
    """The names in the file, of broken profiles too: those want mending."""
    if not loaded.writable:
        raise loaded.problems[0].error(loaded.path)
    return list(keys.document(loaded).get(section, {}).get("profiles", {}))


_ACTIONS = {
    "list": _list,
    "show": _show,
    "add": _add,
    "set": _set,
    "unset": _unset,
    "use": _use,
    "rename": _rename,
    "copy": _copy,
    "remove": _remove,
    "test": _test,
}
