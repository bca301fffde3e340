"""Fetches what a `SecretRef` names, when it is used, and keeps it in memory as long as it may be kept.

No error says what was fetched, nor what a program printed.
"""

import asyncio
import contextlib
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import Connection, SecretRef
from pluma_tui.core.registry import Registry
from pluma_tui.secrets.program import Fetched, Program, lent


class Asking(Protocol):
    """A secret that only a person can give: by signing in somewhere, as they are told on the terminal."""

    @property
    def needed(self) -> SecretError:
        """What to say where nobody can be asked."""
        ...

    async def run(self) -> Fetched:
        """Ask, and wait for it. Raises SecretError, `needed` where there is no terminal."""
        ...


class SignIn(Protocol):
    """A sign-in that a person begins and ends by a command."""

    async def begin(self, say: Callable[[str], None], *, into_file: bool = False) -> SecretRef:
        """Sign in as `say` tells the person, line by line; says where the tokens are. Raises SecretError."""
        ...

    async def end(self) -> bool:
        """Sign out; whether anybody was signed in. Raises SecretError, also if only a part of it worked."""
        ...


Source = Callable[[SecretRef], Awaitable[str | Fetched | Program | Asking]]
"""Gives the secret, or the program that prints it, or who is to be asked for it. Raises SecretError."""

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
        "oidc": "pluma_tui.secrets.oidc:fetch",
        "op": "pluma_tui.secrets.op:fetch",
        "pass": "pluma_tui.secrets.password_store:fetch",
        "prompt": "pluma_tui.secrets.prompt:fetch",
        "vault": "pluma_tui.secrets.vault:fetch",
    },
)

sign_ins: Registry[Callable[[SecretRef], SignIn]] = Registry(
    "way to sign in", {"oidc": "pluma_tui.secrets.oidc:Oidc"}
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
    terminal over puts here what gives it back for so long. Without `signs_in` nobody is asked to sign in.
    """

    def __init__(self, terminal: Terminal = contextlib.nullcontext, *, signs_in: bool = True) -> None:
        self.terminal = terminal
        self.signs_in = signs_in
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
                refused = kept.value if kept is not None and kept.since < newer_than else ""
                fetched = await self._ask(ref, refused)
                now, clock = time.monotonic(), time.time()
                if fetched.expires is not None:
                    keep = min(keep, fetched.expires - clock)
                age = 0.0 if fetched.since is None else max(clock - fetched.since, 0.0)
                kept = self._kept[ref] = _Kept(fetched.value, now - age, now + keep)
            return kept.value

    @contextlib.asynccontextmanager
    async def lend(self) -> AsyncIterator[bool]:
        """For what asks on the terminal by itself, as ssh does; gives whether there is one to ask on."""
        async with self._asking, self.terminal():
            with lent() as tty:
                yield tty is not None

    async def _ask(self, ref: SecretRef, refused: str = "") -> Fetched:
        """Ask the source; references among its own settings are fetched before.

        A sign-in is told the token that a server has `refused`: another process may have a newer one by now.
        """
        if ref.kind not in sources.names():
            raise SecretError(f"secrets from {ref.kind} cannot be fetched by this version of pluma")
        inner = {name: item for name, item in ref.more.items() if isinstance(item, SecretRef)}
        more = ref.more | {name: await self.fetch(item) for name, item in inner.items()}
        if refused and ref.kind in sign_ins.names():
            more["refused"] = refused
        found = await sources.load(ref.kind)(SecretRef(ref.kind, ref.value, more))
        if isinstance(found, str):
            found = Fetched(found)
        elif not isinstance(found, Fetched):
            if not isinstance(found, Program) and not self.signs_in:
                raise found.needed
            async with self._asking, self.terminal():
                found = await found.run()
        return replace(found, value=checked(found.value, f"the secret from {ref}"))


def sign_in_of(profile: Connection, data: Path) -> SecretRef | None:
    """What the profile's `sign_in` gives tokens by, None without one; they are kept for the folder `data`."""
    if not profile.sign_in:
        return None
    more = {"settings": dict(profile.sign_in), "profile": profile.name, "data": str(data)}
    return SecretRef("oidc", profile.sign_in.get("oidc", ""), more)


def key_of(profile: Connection, data: Path) -> SecretRef | None:
    """The profile's key: the one it names, else what it signs in for."""
    return profile.api_key or sign_in_of(profile, data)


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
