"""Fetches what a `SecretRef` names, when it is used, and keeps it in memory as long as it may be kept.

No error says what was fetched, nor what a program printed.
"""

import asyncio
import contextlib
import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef
from pluma_tui.core.registry import Registry
from pluma_tui.secrets.program import Fetched, Program

Source = Callable[[SecretRef], Awaitable[str | Fetched | Program]]
"""Gives the secret, or the program that prints it. Raises SecretError."""

Terminal = Callable[[], AbstractAsyncContextManager[None]]
"""Entered around a program that may ask something on the terminal."""

sources: Registry[Source] = Registry(
    "secret source",
    {
        "age": "pluma_tui.secrets.age:fetch",
        "command": "pluma_tui.secrets.command:fetch",
        "env": "pluma_tui.secrets.env:fetch",
        "file": "pluma_tui.secrets.file:fetch",
        "keyring": "pluma_tui.secrets.keyring:fetch",
        "literal": "pluma_tui.secrets.literal:fetch",
        "op": "pluma_tui.secrets.op:fetch",
        "pass": "pluma_tui.secrets.password_store:fetch",
        "prompt": "pluma_tui.secrets.prompt:fetch",
        "vault": "pluma_tui.secrets.vault:fetch",
    },
)

_AT_HAND = ("env", "file", "literal")  # cheap to ask, and never kept: what they say now counts
_TTL = re.compile(r"(\d+)\s*([smhd]?)\Z")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class _Kept:
    value: str = field(repr=False)
    since: float
    until: float


class Secrets:
    """Secrets of one run of the program. Two who ask for the same one at once share one fetch.

    `terminal` is entered around every program that is run for a secret, one at a time. Who has taken the
    terminal over puts here what gives it back for so long.
    """

    def __init__(self, terminal: Terminal = contextlib.nullcontext) -> None:
        self.terminal = terminal
        self._kept: dict[SecretRef, _Kept] = {}
        self._locks: defaultdict[SecretRef, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._asking = asyncio.Lock()

    async def fetch(self, ref: SecretRef, *, newer_than: float = float("-inf")) -> str:
        """The secret; one that is kept from before `newer_than` (of time.monotonic) is fetched anew.

        Raises SecretError.
        """
        if ref.kind in _AT_HAND:
            return (await self._ask(ref)).value
        keep = ttl_seconds(ref)
        async with self._locks[ref]:
            kept = self._kept.get(ref)
            if kept is None or kept.until <= time.monotonic() or kept.since < newer_than:
                self._kept.pop(ref, None)
                fetched = await self._ask(ref)
                now = time.monotonic()
                if fetched.expires is not None:
                    keep = min(keep, fetched.expires - time.time())
                kept = self._kept[ref] = _Kept(fetched.value, now, now + keep)
            return kept.value

    async def _ask(self, ref: SecretRef) -> Fetched:
        """Ask the source; references among its own settings are fetched before."""
        if ref.kind not in sources.names():
            raise SecretError(f"secrets from {ref.kind} cannot be fetched by this version of pluma")
        inner = {name: item for name, item in ref.more.items() if isinstance(item, SecretRef)}
        more = ref.more | {name: await self.fetch(item) for name, item in inner.items()}
        found = await sources.load(ref.kind)(SecretRef(ref.kind, ref.value, more))
        if isinstance(found, Program):
            async with self._asking, self.terminal():
                found = await found.run()
        if isinstance(found, str):
            found = Fetched(found)
        return Fetched(checked(found.value, f"the secret from {ref}"), found.expires)


def ttl_seconds(ref: SecretRef) -> float:
    """How long the answer may be kept: `ttl` as "90", "15m", "1h", "1d"; without one, for this run."""
    given = ref.more.get("ttl")
    if given is None:
        return float("inf")
    match = _TTL.match(str(given))
    if not match:
        raise SecretError(f"ttl {given!r} is not a time", hint='Write for example ttl = "1h".')
    return int(match[1]) * _SECONDS[match[2]]


def checked(value: str, what: str) -> str:
    """`value` without the space around it. A key goes into an HTTP header: one line of visible characters.

    Raises SecretError, in which `what` stands for the secret.
    """
    value = value.strip()
    if not value:
        raise SecretError(f"{what} is empty")
    if not value.isascii() or not value.isprintable():
        raise SecretError(f"{what} holds characters that no key may have")
    return value
