"""`pluma secret`: the keys of profiles, and their sign-ins. What they are is never printed."""

import argparse
import asyncio
import getpass
import sys
from pathlib import Path
from typing import Any

from pluma_tui.cli import output, sign_ins
from pluma_tui.config import profile_keys
from pluma_tui.config.profile_keys import ProfileKey
from pluma_tui.config.read import Loaded, load
from pluma_tui.core.errors import ConfigError, SecretError, UsageError
from pluma_tui.files import paths
from pluma_tui.runtime.keeping import forget, keep
from pluma_tui.secrets import kept
from pluma_tui.secrets.base import Secrets, checked

HELP = "Keep, delete and check the keys of profiles."

_LIMIT = 64 * 1024


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `pluma secret`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    setting = actions.add_parser(
        "set",
        help="keep a key, read from the terminal without echo or from stdin",
        description="Keep the key of a profile in the system's keyring or, where there is none, in a file "
        "that only you can read; the profile then refers to it. If the key stands in the config file and "
        "none is given, that one is moved.",
    )
    setting.add_argument("--file", action="store_true", help="in a file, even if there is a keyring")
    setting.add_argument("--from-config", action="store_true", help="move the key that the config file holds")
    deleting = actions.add_parser("delete", help="delete a key that pluma keeps, and its reference")
    checking = actions.add_parser("check", help="fetch keys, and say where they come from and if it worked")
    checking.add_argument("--json", action="store_true", help="as one JSON array")
    for action in (setting, deleting, checking):
        _about_whom(action, optional=action is checking)
        _which_key(action)
    entering = actions.add_parser(
        "sign-in",
        help="sign in for a profile that has sign_in",
        description="Show an address and a code to enter there, on any device, and wait until that is done. "
        "The tokens that come of it are kept in the system's keyring or, where there is none, in a file that "
        "only you can read.",
    )
    entering.add_argument("--file", action="store_true", help="in a file, even if there is a keyring")
    leaving = actions.add_parser("sign-out", help="delete the tokens of a profile, and have its issuer do so")
    for action in (entering, leaving):
        _about_whom(action, optional=False)


def _about_whom(action: argparse.ArgumentParser, *, optional: bool) -> None:
    action.add_argument("profile_name", metavar="PROFILE", nargs="?" if optional else None)
    action.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    which = action.add_mutually_exclusive_group()
    for section, words in (("chat", "a chat profile"), ("images", "an image profile")):
        which.add_argument(f"--{section}", action="store_const", const=section, dest="section", help=words)


def _which_key(action: argparse.ArgumentParser) -> None:
    words = "the user:password of an image profile, not its api_key"
    action.add_argument(
        "--auth", action="store_const", const="auth", default="api_key", dest="kind", help=words
    )


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit code. Raises PlumaError."""
    if args.words:  # which argparse would repeat, were they not asked for
        hint = "A key is typed when it is asked for, or comes by a pipe: others can read a command line."
        raise UsageError("too many words", hint=hint)
    loaded = load(paths.config_file(args.config))
    data = paths.data_dir(args.data_dir)
    actions = {
        "set": _set,
        "delete": _delete,
        "check": _check,
        "sign-in": sign_ins.sign_in,
        "sign-out": sign_ins.sign_out,
    }
    return actions[args.action](args, loaded, data)


def _set(args: argparse.Namespace, loaded: Loaded, data: Path) -> int:
    key = profile_keys.named(loaded, args.profile_name, args.section, args.kind)
    if args.from_config and not key.plain:
        raise UsageError(f"{key} does not stand in the config file")
    given = "" if args.from_config else _read(key)
    value = checked(given or key.plain, "what was given as a key")
    ref = asyncio.run(keep(key, value, loaded, data, into_file=args.file, say=_tell))
    place = "the keyring" if ref.kind == "keyring" else f"{ref.value}, which only you can read"
    output.say(f"pluma: {key} is kept in {place}.")
    return 0


def _tell(words: str) -> None:
    output.say(f"pluma: {words}")


def _read(key: ProfileKey) -> str:
    """The key from the terminal, else all of stdin; empty if there is none."""
    if not sys.stdin.isatty():
        return sys.stdin.buffer.read(_LIMIT).decode("utf-8", "replace").strip()
    or_move = " (empty: move the one in the config file)" if key.plain else ""
    try:
        return getpass.getpass(f"{str(key).capitalize()}{or_move}: ", stream=sys.stderr).strip()
    except EOFError:
        return ""


def _delete(args: argparse.Namespace, loaded: Loaded, data: Path) -> int:
    from pluma_tui.config.problems import dotted

    key = profile_keys.named(loaded, args.profile_name, args.section, args.kind)
    if key.ref is None:
        output.say(f'pluma: "{key.profile}" has no {key.kind}.')
        return 0
    if not kept.is_ours(key.ref, data):
        where = "stands in the config file" if key.plain else f"comes from {key.ref}"
        hint = f"To take it out of the config: pluma config unset {dotted(key.path)}"
        raise UsageError(f"{key} {where}, where pluma did not put it", hint=hint)
    gone = asyncio.run(forget(key, loaded, data))
    output.say(f"pluma: {key} is {'deleted' if gone else 'taken out; another profile goes on using it'}.")
    return 0


def _check(args: argparse.Namespace, loaded: Loaded, data: Path) -> int:
    if args.profile_name:
        keys = [profile_keys.named(loaded, args.profile_name, args.section, args.kind)]
        broken = False
    else:
        keys = [key for key in profile_keys.every(loaded) if _wanted(key, args)]
        broken = _tell_problems(loaded)
    rows = asyncio.run(_rows(keys, loaded, data))
    if args.json:
        output.document(rows)
    elif rows:
        columns = ("section", "profile", "key", "reference")
        output.table([(*(row[name] or "-" for name in columns), _outcome(row)) for row in rows])
    else:
        output.say("pluma: no profile is configured.")
    if not all(row["ok"] for row in rows):
        return SecretError.exit_code
    return ConfigError.exit_code if broken else 0


def _wanted(key: ProfileKey, args: argparse.Namespace) -> bool:
    if args.section not in (None, key.section):
        return False
    return key.kind == args.kind or (key.ref is not None and args.kind == "api_key")


async def _rows(keys: list[ProfileKey], loaded: Loaded, data: Path) -> list[dict[str, Any]]:
    secrets = Secrets(signs_in=False)
    return [await _row(key, loaded, data, secrets) for key in keys]


async def _row(key: ProfileKey, loaded: Loaded, data: Path, secrets: Secrets) -> dict[str, Any]:
    """What there is to say about a key; the key itself is let go of at once."""
    ref = key.ref or sign_ins.reference(key, loaded, data)
    signs_in = key.ref is None and ref is not None
    kind = "sign_in" if signs_in else key.kind
    row = {"section": key.section, "profile": key.profile, "key": kind, "source": "", "reference": "",
           "ok": True, "message": "no key", "hint": ""}  # fmt: skip
    if ref is None:
        return row
    row |= {"source": "config" if key.plain else ref.kind, "reference": str(ref)}
    try:
        await secrets.fetch(ref)
    except SecretError as error:
        return row | {"ok": False, "message": error.message, "hint": error.hint}
    if key.plain:
        hint = f"To move it: {profile_keys.command(key, loaded)}"
        return row | {"message": "stands in the config file", "hint": hint}
    return row | {"message": "signed in" if signs_in else "fetched"}


def _outcome(row: dict[str, Any]) -> str:
    words = row["message"] if row["ok"] else f"failed: {row['message']}"
    return f"{words}. {row['hint']}" if row["hint"] else words


def _tell_problems(loaded: Loaded) -> bool:
    """Say what is broken in the config, for its keys cannot be checked; whether anything is."""
    errors = [problem for problem in loaded.problems if problem.severity == "error"]
    for problem in errors:
        output.say(f"pluma: {problem.text(loaded.path)}")
    return bool(errors)
