"""Fetches what a `SecretRef` names, when it is used, and keeps it in memory as long as the reference says.

No error says what was fetched, nor what a program printed.
"""

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef
from pluma_tui.core.registry import Registry

Source = Callable[[SecretRef], Awaitable[str]]

sources: Registry[Source] = Registry(
    "secret source",
    {
        "command": "pluma_tui.secrets.command:fetch",
        "env": "pluma_tui.secrets.env:fetch",
        "file": "pluma_tui.secrets.file:fetch",
        "literal": "pluma_tui.secrets.literal:fetch",
    },
)

_TTL = re.compile(r"(\d+)\s*([smhd]?)\Z")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class Secrets:
    """Secrets of one run of the program. Two who ask for the same one at once share one fetch."""

    def __init__(self) -> None:
        self._kept: dict[SecretRef, tuple[str, float]] = {}
        self._locks: defaultdict[SecretRef, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def fetch(self, ref: SecretRef) -> str:
        """The secret. Raises SecretError."""
        if ref.kind not in sources.names():
            raise SecretError(f"secrets from {ref.kind} cannot be fetched by this version of pluma")
        if ref.kind != "command":
            return _checked(ref, await sources.load(ref.kind)(ref))
        keep = ttl_seconds(ref)
        async with self._locks[ref]:
            value, until = self._kept.get(ref, ("", 0.0))
            if until <= time.monotonic():
                value = _checked(ref, await sources.load(ref.kind)(ref))
                self._kept[ref] = (value, time.monotonic() + keep)
            return value


def ttl_seconds(ref: SecretRef) -> float:
    """How long the answer may be kept: `ttl` as "90", "15m", "1h", "1d"; without one, for this run."""
    given = ref.more.get("ttl")
    if given is None:
        return float("inf")
    match = _TTL.match(str(given))
    if not match:
        raise SecretError(f"ttl {given!r} is not a time", hint='Write for example ttl = "1h".')
    return int(match[1]) * _SECONDS[match[2]]


def _checked(ref: SecretRef, value: str) -> str:
    """A key goes into an HTTP header: one line of visible characters."""
    value = value.strip()
    if not value:
        raise SecretError(f"the secret from {ref} is empty")
    if not value.isascii() or not value.isprintable():
        raise SecretError(f"the secret from {ref} holds characters that no key may have")
    return value
