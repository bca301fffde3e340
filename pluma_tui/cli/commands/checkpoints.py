"""`pluma checkpoints`: the models that an image server can draw with."""

import argparse

from pluma_tui.cli import image_session, output, session
from pluma_tui.core.errors import UsageError
from pluma_tui.imaging.base import ImageProvider, RefreshesLists

HELP = "List the models that the image server of a profile can draw with."


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `pluma checkpoints`."""
    image_session.configure(parser)
    parser.add_argument(
        "--refresh", action="store_true", help="have the server look for new ones on its disk first"
    )
    parser.add_argument("--json", action="store_true", help="as one JSON array of names")


def run(args: argparse.Namespace) -> int:
    """Ask the server; returns the exit code."""
    return session.run(_checkpoints(args))


async def _checkpoints(args: argparse.Namespace) -> int:
    async with image_session.runtime(args) as runtime:
        provider = runtime.images.provider()
        if args.refresh:
            await _refresh(provider)
        names = list(await provider.checkpoints())
    if args.json:
        output.document(names)
    elif names:
        output.table([(name,) for name in names])
    else:
        output.say("pluma: the server lists no models.")
    return 0


async def _refresh(provider: ImageProvider) -> None:
    if not isinstance(provider, RefreshesLists):
        hint = "Without --refresh they list what they know."
        raise UsageError(f'servers of the kind "{provider.kind}" cannot be told to look', hint=hint)
    await provider.refresh()
