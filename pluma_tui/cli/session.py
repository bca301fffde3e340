"""What commands that talk to servers share: the runtime from the arguments, and a loop that ends well."""

import argparse
import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from pluma_tui.cli import output
from pluma_tui.runtime.wiring import Options, Runtime, open_runtime


def options(args: argparse.Namespace, *, save: bool = True) -> Options:
    """The part of the command line that the runtime needs."""
    return Options(
        config=args.config,
        data_dir=args.data_dir,
        base_url=args.base_url,
        api_key_env=args.api_key_env,
        profile=getattr(args, "profile", None),
        save=save,
    )


@contextlib.asynccontextmanager
async def runtime(args: argparse.Namespace, *, save: bool = True) -> AsyncIterator[Runtime]:
    """The runtime for one command; its config problems are told, and it is closed at the end."""
    made = open_runtime(options(args, save=save))
    made.secrets.signs_in = not getattr(args, "json", False)  # then a program reads along, and nobody else
    for problem in made.loaded.problems:
        output.say(f"pluma: {problem.text(made.loaded.path)}")
    try:
        yield made
    finally:
        await made.aclose()


def run(main: Coroutine[Any, Any, int]) -> int:
    """Run a command's coroutine to its exit code."""
    return asyncio.run(main)


@contextlib.contextmanager
def on_signals(stop: Callable[[signal.Signals], None]) -> Any:
    """Call `stop` on INT, TERM and HUP for as long as the block runs, instead of dying of them."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in signals:
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
