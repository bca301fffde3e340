"""`pluma` alone: the terminal app, or with --plain a chat line by line."""

import argparse
import asyncio
import os
import shutil
import sys

from pluma_tui.cli import session
from pluma_tui.core.errors import UsageError
from pluma_tui.runtime.wiring import open_runtime

LEAST = (30, 8)  # columns and rows: less shows no line of an answer beside what must be there
_INSTEAD = 'Use: pluma --plain (a chat line by line), or: pluma ask "..."'


def run(args: argparse.Namespace) -> int:
    """Open the app; returns the exit code. Raises UsageError where there is nothing to show it on."""
    if args.plain:
        from pluma_tui.cli import plain_chat

        return plain_chat.run(args)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the app needs a terminal", hint=_INSTEAD)
    if os.environ.get("TERM", "") in ("", "dumb"):
        named = "is not set" if not os.environ.get("TERM") else f"is {os.environ['TERM']}"
        words = f"this terminal cannot show a full-screen app (TERM {named})"
        raise UsageError(words, hint=f"{_INSTEAD}. If it can, set TERM to what it is.")
    size = shutil.get_terminal_size()
    if size.columns < LEAST[0] or size.lines < LEAST[1]:
        words = (
            f"the app needs {LEAST[0]} columns and {LEAST[1]} rows, and here are {size.columns}x{size.lines}"
        )
        raise UsageError(words, hint=_INSTEAD)
    return asyncio.run(_open(args))


async def _open(args: argparse.Namespace) -> int:
    runtime = open_runtime(session.options(args))
    try:
        conversation = await runtime.find(args.continue_id) if args.continue_id else None
        from pluma_tui.app import PlumaApp

        app = PlumaApp(runtime, conversation, args.model or "")
        code = await app.run_async(mouse=runtime.config.ui.mouse)
        if app.crash is not None:
            raise app.crash
        return code or app.return_code or 0
    finally:
        await runtime.aclose()
