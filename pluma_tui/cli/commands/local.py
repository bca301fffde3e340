"""`pluma local`: the models that run inside pluma."""

import argparse
from pathlib import Path

from pluma_tui import local
from pluma_tui.cli import output
from pluma_tui.cli.meter import Meter
from pluma_tui.core.text import clean_line
from pluma_tui.files import paths
from pluma_tui.local.models import DEFAULT, Model, remove, size_text

HELP = 'Models for profiles with compat = "local", which run inside pluma.'


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `pluma local`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="the installed models")
    listing.add_argument("--json", action="store_true", help="as one JSON array")
    installing = actions.add_parser("install", help="get a model")
    installing.add_argument(
        "what",
        nargs="?",
        default=DEFAULT,
        metavar="NAME|FILE|URL",
        help=f"a known name (default: {DEFAULT}), a .gguf file, which is copied, or its address",
    )
    installing.add_argument("--sha256", default="", metavar="X", help="the file's checksum; a URL needs it")
    installing.add_argument("--json", action="store_true", help="as one JSON object")
    removing = actions.add_parser("remove", help="delete a model")
    removing.add_argument("name", metavar="N")


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit code. Raises PlumaError."""
    data = paths.data_dir(args.data_dir)
    if args.action == "install":
        return _install(args, data)
    if args.action == "remove":
        gone = remove(args.name, data)
        output.say(f"Removed {clean_line(gone.name)}, {size_text(gone.size)}.")
        return 0
    return _list(args, data)


def _list(args: argparse.Namespace, data: Path) -> int:
    models = local.installed(data)
    if args.json:
        output.document([_record(model) for model in models])
    elif models:
        output.table([(model.name, size_text(model.size)) for model in models])
    else:
        output.say(f"No model is installed. Get a small one, {DEFAULT}, with: pluma local install")
    return 0


def _install(args: argparse.Namespace, data: Path) -> int:
    from pluma_tui.local.catalogue import CATALOGUE
    from pluma_tui.local.fetch import install

    if offer := CATALOGUE.get(args.what):
        output.say(f"Getting {offer.label}, {size_text(offer.size)}, licence {offer.licence}…")
    with Meter() as meter:
        model = install(args.what, data, sha256=args.sha256, progress=meter)
    if args.json:
        output.document(_record(model))
    else:
        output.line(str(model.path))
    output.say(f"Installed {clean_line(model.name)}, {size_text(model.size)}.")
    if not local.available():
        output.say("To run it, install the embedded server too: pip install 'pluma-tui[local]'")
    return 0


def _record(model: Model) -> dict[str, object]:
    return {"name": model.name, "size": model.size, "path": str(model.path)}
