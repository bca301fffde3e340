"""What a model's server is to be started with, and what to tell while it starts."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator, Mapping

from pluma_tui import local
from pluma_tui.core.errors import ConfigError, ProviderError, TimedOut
from pluma_tui.files import paths
from pluma_tui.local.models import resolve, size_text
from pluma_tui.local.server import LocalServer, Spec

_SOON = 1.0  # seconds of loading that need no word
_EVERY = 5.0  # seconds between two words about it


def specified(name: str, context: int, options: Mapping[str, object]) -> Spec:
    """The server for the model of that name; empty: the default. `context` is in tokens.

    Raises ConfigError for an option that is wrong, and where the extra or the model is missing.
    """
    if not local.available():
        raise _no_extra()
    model = resolve(name, paths.data_dir())
    return Spec(
        name=model.name,
        model=model.path,
        size=model.size,
        context=context,
        threads=_whole(options, "threads", least=1) or _threads(),
        gpu_layers=_whole(options, "gpu_layers", least=0),
    )


async def started(server: LocalServer, limit: float) -> AsyncGenerator[str, None]:
    """What to tell while the server starts, within `limit` seconds (0: none); nothing if it runs already.

    Raises ProviderError.
    """
    starting, spec, limit = server.start(), server.spec, limit or float("inf")
    began = time.monotonic()
    if not starting.done():
        yield f"Starting {spec.name}…"
    pause = _SOON
    while not (await asyncio.wait({starting}, timeout=pause))[0]:
        took = time.monotonic() - began
        if took >= limit:
            await server.aclose()
            hint = "first_event_timeout in the profile sets how long to wait."
            raise TimedOut(f"{spec.name} was not loaded within {limit:g} s", hint=hint)
        yield f"Loading {spec.name}, {size_text(spec.size)}, for {took:.0f} s…"
        pause = min(_EVERY, max(limit - took, 0.01))
    if starting.cancelled():
        raise ProviderError(f"{spec.name} was given up while it was being loaded")
    starting.result()


def _whole(options: Mapping[str, object], name: str, *, least: int) -> int | None:
    """A whole number among the options; None where it is not set. Raises ConfigError."""
    value = options.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= least):
        return value
    raise ConfigError(f"must be a whole number from {least} on", key=f"options.{name}")


def _threads() -> int:
    """Half of what this process may use: more share cores, and starve the program that shows the text."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, usable // 2)


def _no_extra() -> ConfigError:
    hint = "Run: pip install 'pluma-tui[local]'"
    if sys.version_info >= (3, 14):
        hint = "Its server, the package xllamacpp, comes for Python 3.11 to 3.13."
    return ConfigError("pluma was installed without the embedded server", hint=hint)
