"""`pluma ask`: one question, one answer, in a pipe or on a terminal."""

import argparse
import sys
import tomllib
from typing import Any

import msgspec

from pluma_tui.cli import output, session
from pluma_tui.cli.answer import Json, Plain, follow
from pluma_tui.config.problems import did_you_mean
from pluma_tui.core.chat import Sampling
from pluma_tui.core.errors import UsageError
from pluma_tui.files import attach
from pluma_tui.runtime.turns import Question
from pluma_tui.runtime.wiring import EMBEDDED, Runtime

HELP = "Ask one question. Standard input is added to PROMPT, or is the prompt."


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `pluma ask`."""
    parser.add_argument("prompt", metavar="PROMPT", nargs="?", help="what to ask")
    parser.add_argument(
        "-p", "--profile", metavar="PROFILE", default=argparse.SUPPRESS, help="the profile to talk to"
    )
    parser.add_argument(
        "-m", "--model", metavar="MODEL", default=argparse.SUPPRESS, help="the model to ask for"
    )
    parser.add_argument("-s", "--system", metavar="SYSTEM", help="the system prompt")
    parser.add_argument(
        "-a", "--attach", metavar="FILE", action="append", default=[], help="a picture or text to go with it"
    )
    parser.add_argument(
        "-c",
        "--continue",
        dest="continue_id",
        metavar="ID|last",
        default=argparse.SUPPRESS,
        help="go on with a conversation",
    )
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a sampling key or a provider's option",
    )
    parser.add_argument("--json", action="store_true", help="one event a line, as JSON")
    parser.add_argument("--no-stream", action="store_true", help="print the answer when it is complete")
    parser.add_argument("--no-save", action="store_true", help="keep nothing of it")


def run(args: argparse.Namespace) -> int:
    """Ask; returns the exit code."""
    return session.run(_ask(args))


async def _ask(args: argparse.Namespace) -> int:
    text = prompt(args.prompt)
    sampling, options = settings(args.set)
    parts = tuple(attach.read(name) for name in args.attach)
    async with session.runtime(args, save=not args.no_save) as runtime:
        _tell_embedded(runtime)
        question = Question(
            text=text,
            conversation=(await runtime.find(args.continue_id)).id if args.continue_id else None,
            parts=parts,
            profile=runtime.named,
            model=args.model or "",
            system=args.system,
            sampling=sampling,
            options=options,
        )
        turn = await runtime.turns.begin(question)
        return await follow(turn, Json(args.no_save) if args.json else Plain(not args.no_stream))


def _tell_embedded(runtime: Runtime) -> None:
    active = runtime.connections.active()
    if active is not None and active.name == EMBEDDED and EMBEDDED not in runtime.config.chat.profiles:
        output.say("pluma: nothing is configured; the model that runs inside pluma answers.")


def prompt(given: str | None) -> str:
    """The question: the argument, then what stdin brings. Raises UsageError if there is neither."""
    piped = "" if sys.stdin is None or sys.stdin.isatty() else _stdin()
    text = "\n\n".join(part for part in (given or "", piped.rstrip("\n")) if part.strip())
    if not text:
        hint = 'For example: pluma ask "Say hello", or: pluma ask "Summarise" < notes.txt'
        raise UsageError("there is nothing to ask", hint=hint)
    return text


def _stdin() -> str:
    data = sys.stdin.buffer.read()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UsageError(f"standard input is not UTF-8 text (line {line})") from None


def settings(pairs: list[str]) -> tuple[Sampling, dict[str, Any]]:
    """`--set` as sampling and as options of the provider. Raises UsageError."""
    known = Sampling.__struct_fields__
    sampling: dict[str, Any] = {}
    options: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f'--set takes KEY=VALUE, not "{pair}"')
        if key not in known and (near := did_you_mean(key, known)):
            raise UsageError(f'--set: "{key}" is no sampling key', hint=near)
        target = sampling if key in known else options
        target[key] = _toml_value(value)
    if isinstance(sampling.get("stop"), str):
        sampling["stop"] = [sampling["stop"]]
    try:
        return msgspec.convert(sampling, Sampling), options
    except msgspec.ValidationError as error:
        raise UsageError(f"--set: {str(error).replace('`', '')}") from None


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
