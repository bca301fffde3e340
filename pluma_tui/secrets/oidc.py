"""A profile's `sign_in = { oidc = "https://issuer", client_id = "..." }`: the token that is sent as its key.

One that is kept is used until shortly before its end, then renewed by its refresh token. Most issuers give
a new refresh token with that and take an old one for stolen, upon which the whole sign-in ends. So only one
process at a time renews, and the others use what it has kept.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef
from pluma_tui.secrets.device_flow import signed_in
from pluma_tui.secrets.issuer import reached
from pluma_tui.secrets.oidc_client import Client, IssuerError
from pluma_tui.secrets.program import Fetched, on_interrupt, terminal
from pluma_tui.secrets.tokens import Tokens, TokenStore

_GRACE = 3.0  # seconds for a renewal to be kept when nobody waits for it any more


class Interrupted(SecretError):
    """The person has ended the sign-in."""

    exit_code = 130


class Oidc:
    """One sign-in: `ref` has the profile's settings, and the data folder its tokens belong to."""

    def __init__(self, ref: SecretRef) -> None:
        self._client = Client(ref.more["settings"])
        self._store = TokenStore(self._client.identity, Path(ref.more["data"]))
        self._refused: str = ref.more.get("refused", "")
        self.needed = SecretError(
            f"you are not signed in at {self._client.issuer}",
            hint=f"Run: pluma secret sign-in {ref.more['profile']}",
        )

    async def begin(self, say: Callable[[str], None], *, into_file: bool = False) -> SecretRef:
        """Sign in as `say` tells; where the tokens are kept. Raises SecretError."""
        _, place = await self._begun(say, into_file=into_file)
        return place

    async def end(self) -> bool:
        """Sign out, here first and then at the issuer; whether anybody was signed in. Raises SecretError."""
        async with self._store.alone():
            tokens = await self._store.load()
            dropped = await self._store.drop()
        if tokens is not None:
            try:
                async with reached(self._client) as issuer:
                    await issuer.revoke(tokens)
            except SecretError as error:
                hint = f"The issuer was not told: {error.message}. Its tokens hold until they run out."
                raise SecretError("signed out on this machine alone", hint=hint) from None
        return dropped

    async def held(self) -> Tokens | None:
        """The tokens that are kept, if they can be used as they are. Raises SecretError."""
        tokens = await self._store.load()
        return tokens if tokens is not None and tokens.hold(self._refused) else None

    async def renewed(self) -> Tokens | None:
        """The tokens that are kept, made new if need be; None if that takes a person. Raises SecretError."""
        async with self._store.alone():
            tokens = await self._store.load()
            if tokens is None or tokens.hold(self._refused):
                return tokens
            return await self._refreshed(tokens.refresh) if tokens.refresh else None

    async def asked(self) -> Tokens:
        """The tokens, after the person at the terminal has signed in. Raises SecretError."""
        tty = terminal()
        if tty is None or not os.isatty(0):
            raise self.needed
        tokens, _ = await self._begun(partial(_tell, tty))
        return tokens

    async def _refreshed(self, refresh: str) -> Tokens | None:
        try:
            async with reached(self._client) as issuer:
                tokens = await issuer.refresh(refresh)
        except IssuerError as error:
            if error.code != "invalid_grant":
                raise
            await self._store.drop()
            return None
        await self._store.save(tokens)
        return tokens

    async def _begun(
        self, say: Callable[[str], None], *, into_file: bool = False
    ) -> tuple[Tokens, SecretRef]:
        tokens = await signed_in(self._client, say)
        async with self._store.alone():
            return tokens, await self._store.save(tokens, into_file=into_file)


@dataclass(frozen=True)
class _Person:
    """Who is to sign in."""

    oidc: Oidc

    @property
    def needed(self) -> SecretError:
        return self.oidc.needed

    async def run(self) -> Fetched:
        """Ask, unless somebody else has been asked meanwhile."""
        tokens = await self.oidc.held() or await _interruptible(self.oidc.asked())
        return tokens.fetched()


async def fetch(ref: SecretRef) -> Fetched | _Person:
    """The token, or who is to be asked for one. Raises SecretError."""
    oidc = Oidc(ref)
    tokens = await oidc.held() or await _to_its_end(oidc.renewed())
    return tokens.fetched() if tokens is not None else _Person(oidc)


async def _to_its_end(renewing: Coroutine[Any, Any, Tokens | None]) -> Tokens | None:
    """Wait for it. Between the issuer's answer and its keeping it must not stop: the old token is spent."""
    task = asyncio.ensure_future(renewing)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=_GRACE)
        if task.done() and not task.cancelled():
            task.exception()  # nobody is left to be told
        raise


async def _interruptible(signing_in: Coroutine[Any, Any, Tokens]) -> Tokens:
    """Let ctrl+c end this, and not the program that waits for it."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(signing_in)
    pressed: list[bool] = []

    def end() -> None:
        pressed.append(True)
        loop.call_soon_threadsafe(task.cancel)

    with on_interrupt(end):
        try:
            return await task
        except asyncio.CancelledError:
            if not pressed:
                raise
            raise Interrupted("the sign-in was interrupted") from None


def _tell(tty: str, line: str) -> None:
    handle = os.open(tty, os.O_WRONLY | os.O_NOCTTY)
    try:
        os.write(handle, f"{line}\n".encode())
    finally:
        os.close(handle)
