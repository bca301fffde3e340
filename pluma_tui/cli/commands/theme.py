"""`pluma theme`: the themes that `ui.theme` can name."""

import argparse
from pathlib import Path

from pluma_tui.cli import output
from pluma_tui.config.problems import did_you_mean
from pluma_tui.config.read import load
from pluma_tui.files import paths

HELP = "The themes that ui.theme can name."


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `pluma theme`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="all themes; * marks the one in use")
    listing.add_argument("--json", action="store_true", help="as one JSON array")


def run(args: argparse.Namespace) -> int:
    """List them; returns the exit code."""
    active = load(paths.config_file(args.config)).config.ui.theme
    rows = _built_in() | _files(paths.data_dir(args.data_dir) / "themes")
    if args.json:
        output.document(
            [
                {"name": name, "origin": origin, "dark": dark, "active": name == active}
                for name, (origin, dark) in rows.items()
            ]
        )
        return 0
    kinds = {True: "dark", False: "light", None: ""}
    output.table(
        [("*" if name == active else "", name, kinds[dark], origin) for name, (origin, dark) in rows.items()]
    )
    if active not in rows:
        words = f'pluma: ui.theme names "{active}", which is not there. {did_you_mean(active, rows)}'
        output.say(words.rstrip())
    return 0


def _built_in() -> dict[str, tuple[str, bool | None]]:
    """pluma's own first, then those of Textual, each by its name."""
    from textual.theme import BUILTIN_THEMES

    from pluma_tui.themes import THEMES

    mine: dict[str, tuple[str, bool | None]] = {theme.name: ("pluma", theme.dark) for theme in THEMES}
    return mine | {name: ("built-in", theme.dark) for name, theme in sorted(BUILTIN_THEMES.items())}


def _files(folder: Path) -> dict[str, tuple[str, bool | None]]:
    """Theme files, by name; none if the folder is not there or cannot be read."""
    try:
        found = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError:
        return {}
    return {path.stem: (paths.shown(path), None) for path in found}
