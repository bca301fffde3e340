"""`pluma` alone: the terminal app."""

import argparse
import asyncio
import os
import sys

from pluma_tui.cli import session
from pluma_tui.core.errors import UsageError
from pluma_tui.runtime.wiring import open_runtime


def run(args: argparse.Namespace) -> int:
    """Open the app; returns the exit code."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        hint = 'Without one: pluma ask "..." asks one question.'
        raise UsageError("the app needs a terminal", hint=hint)
    if os.environ.get("TERM", "dumb") in ("", "dumb"):
        hint = 'Set TERM to what your terminal is, or use: pluma ask "..."'
        raise UsageError("this terminal cannot show a full-screen app (TERM=dumb)", hint=hint)
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
