"""`pluma models`: what the server offers."""

import argparse

import msgspec

from pluma_tui.cli import output, session
from pluma_tui.runtime import fetched

HELP = "List the models that the server of a profile offers."


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `pluma models`."""
    parser.add_argument("-p", "--profile", metavar="P", default=argparse.SUPPRESS, help="the profile to ask")
    parser.add_argument("--json", action="store_true", help="as one JSON array")


def run(args: argparse.Namespace) -> int:
    """Ask the server; returns the exit code."""
    return session.run(_models(args))


async def _models(args: argparse.Namespace) -> int:
    async with session.runtime(args) as runtime:
        models = await runtime.connections.provider().models()
        fetched.remember(runtime.connections.profile().name, (model.id for model in models))
    if args.json:
        output.document([msgspec.to_builtins(model) for model in models])
    elif not models:
        output.say("pluma: the server lists no models.")
    else:
        output.table(
            [
                (model.id, f"{model.context} tokens" if model.context else "", ", ".join(model.traits))
                for model in models
            ]
        )
    return 0
