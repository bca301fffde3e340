"""`pluma theme`: the themes that `ui.theme` can name."""

import argparse
from pathlib import Path

from pluma_tui.cli import output
from pluma_tui.config.problems import did_you_mean
from pluma_tui.config.read import load
from pluma_tui.core.errors import ConfigError
from pluma_tui.files import paths

Row = tuple[str, bool | None]
"""Where a theme comes from, and whether it is dark."""
HELP = "The themes that ui.theme can name."


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `pluma theme`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="all themes; * marks the one in use")
    listing.add_argument("--json", action="store_true", help="as one JSON array")


def run(args: argparse.Namespace) -> int:
    """List them; returns the exit code: 3 if a theme file is broken."""
    from pluma_tui.themes.choose import AUTO

    active = load(paths.config_file(args.config)).config.ui.theme
    files, broken = _files(paths.data_dir(args.data_dir))
    rows: dict[str, Row] = {AUTO: ("pluma", None)} | _built_in() | files
    if args.json:
        output.document(
            [
                {"name": name, "origin": origin, "dark": dark, "active": name == active}
                for name, (origin, dark) in rows.items()
            ]
        )
    else:
        kinds = {True: "dark", False: "light", None: ""}
        output.table(
            [
                ("*" if name == active else "", name, kinds[dark], where)
                for name, (where, dark) in rows.items()
            ]
        )
    for error in broken:
        output.say(f"pluma: {error.sentence}")
    if active not in rows:
        words = f'pluma: ui.theme names "{active}", which is not there. {did_you_mean(active, rows)}'
        output.say(words.rstrip())
    return 3 if broken else 0


def _built_in() -> dict[str, Row]:
    """pluma's own first, then those of Textual, each by its name."""
    from textual.theme import BUILTIN_THEMES

    from pluma_tui.themes.own import THEMES

    mine: dict[str, Row] = {theme.name: ("pluma", theme.dark) for theme in THEMES}
    return mine | {name: ("built-in", theme.dark) for name, theme in sorted(BUILTIN_THEMES.items())}


def _files(data: Path) -> tuple[dict[str, Row], list[ConfigError]]:
    """Theme files by name, and what is wrong with those that are broken."""
    from pluma_tui.themes import files

    rows: dict[str, Row] = {}
    broken: list[ConfigError] = []
    for name, path in files.found(data).items():
        try:
            dark: bool | None = files.read(path).dark
        except ConfigError as error:
            broken.append(error)
            dark = None
        rows[name] = (paths.shown(path), dark)
    return rows, broken
