"""The tokens of a sign-in, and where they are kept: in the keyring, else in a file of the data folder."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import msgspec

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef
from pluma_tui.files import paths
from pluma_tui.files.lock import waiting_for
from pluma_tui.secrets import file, kept, keyring
from pluma_tui.secrets.program import Fetched

_EARLY = 60.0  # seconds before its end that a token is renewed: no request should meet that end on its way
_LOCK_PATIENCE = 60.0  # seconds: longer than whoever has the lock may talk to the issuer


@dataclass(frozen=True)
class Tokens:
    """What an issuer gave. Times are in seconds since the epoch; `expires` is None where it did not say."""

    access: str = field(repr=False)
    obtained: float
    refresh: str = field(default="", repr=False)
    expires: float | None = None

    def fetched(self) -> Fetched:
        """The access token, as long as it should be used."""
        if self.expires is None:
            return Fetched(self.access, since=self.obtained)
        early = min(_EARLY, max(self.expires - self.obtained, 0.0) / 10)
        return Fetched(self.access, self.expires - early, self.obtained)

    def hold(self, refused: str = "") -> bool:
        """Whether the access token can be sent; `refused` is one that a server has not taken."""
        until = self.fetched().expires
        return self.access != refused and (until is None or time.time() < until)


class TokenStore:
    """The tokens of one sign-in: `identity` says whose they are, issuer and client among it.

    The name they are kept under is made from that and from the data folder, for it is this folder's lock
    that keeps two processes from spending one refresh token twice.
    """

    def __init__(self, identity: tuple[str, ...], data: Path) -> None:
        self._data = data
        whole = json.dumps([*identity, str(data.absolute())])
        owner = f"sign-in/{sha256(whole.encode()).hexdigest()[:20]}"
        self._owner = owner
        self._in_file = kept.in_file(owner, data)
        self._in_keyring = kept.in_keyring(owner)

    async def load(self) -> Tokens | None:
        """What is kept; None if that is nothing that can be read. Raises SecretError."""
        path = self._path()
        text = file.content(path) if path.exists() else await keyring.find(self._in_keyring)
        try:
            return msgspec.json.decode(text, type=Tokens) if text else None
        except msgspec.DecodeError:
            return None

    async def save(self, tokens: Tokens, *, into_file: bool = False) -> SecretRef:
        """Keep them where the last ones were, and say where that is. Raises SecretError."""
        text = msgspec.json.encode(tokens).decode()
        into_file = into_file or self._path().exists()
        return await kept.put(self._owner, text, self._data, into_file=into_file)

    async def drop(self) -> bool:
        """Forget them, wherever they are; whether there were any. Raises SecretError."""
        in_file = await kept.drop(self._in_file)
        in_keyring = bool(await keyring.find(self._in_keyring)) and await kept.drop(self._in_keyring)
        return in_file or in_keyring

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Hold the lock under which tokens change: one process at a time. Raises SecretError."""
        async with contextlib.AsyncExitStack() as stack:
            try:
                paths.private_dir(self._data)
                async with asyncio.timeout(_LOCK_PATIENCE):
                    await stack.enter_async_context(waiting_for(self._path().parent))
            except TimeoutError:
                hint = "Does another pluma hang, or was it suspended?"
                raise SecretError("another process does not let go of the tokens", hint=hint) from None
            except OSError as error:
                raise SecretError(f"{self._data} cannot be used: {error.strerror}") from None
            yield

    def _path(self) -> Path:
        return paths.expanded(str(self._in_file.value)).absolute()
