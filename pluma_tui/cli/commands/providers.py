"""`pluma providers`: what `compat` and `kind` can say."""

import argparse
from typing import Any

from pluma_tui.cli import output
from pluma_tui.core.registry import Registry

HELP = "List the registered chat and image providers, and where each comes from."


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `pluma providers`."""
    parser.add_argument("--json", action="store_true", help="as one JSON array")


def run(args: argparse.Namespace) -> int:
    """List them; returns the exit code."""
    from pluma_tui.imaging import registry as images
    from pluma_tui.providers import registry as chat

    rows = _rows("chat", chat) + _rows("image", images)
    if args.json:
        output.document(rows)
    else:
        output.table([(row["name"], row["type"], row["label"], row["origin"]) for row in rows])
    return 0


def _rows(kind: str, registry: Registry[Any]) -> list[dict[str, Any]]:
    return [_row(kind, name, registry) for name in registry.names()]


def _row(kind: str, name: str, registry: Registry[Any]) -> dict[str, Any]:
    plugin = registry.load(name)
    return {
        "name": name,
        "type": kind,
        "label": plugin.label,
        "origin": registry.origin(name),
        "base_url": plugin.default_base_url,
        "options": plugin.options,
    }
