"""What tests of the transport share: a question asked through a client of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from pluma_tui.core.errors import ProviderError
from pluma_tui.core.profile import Connection, SecretRef
from pluma_tui.transport.exchange import get_json
from pluma_tui.transport.http import ClientPool
from tests.conftest import DATA

CERT, KEY, LOCKED = (str(DATA / "tls" / name) for name in ("localhost.pem", "localhost.key", "locked.key"))
PASSWORD = "a-password-that-nobody-may-see"


async def no_secret(ref: SecretRef, *, newer_than: float = 0.0) -> str:
    raise AssertionError(f"{ref} is not to be fetched")


@asynccontextmanager
async def asking(url: str, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client for one profile; what is wrong takes a fifth of a second at most."""
    profile = Connection(base_url=url, **{"connect_timeout": 0.2, **settings})
    pool = ClientPool()
    try:
        yield pool.client(profile, secret=no_secret)
    finally:
        await pool.aclose()


async def outcome(url: str, **settings: Any) -> Any:
    """The document at `url` + /models; or the error, in which no password is."""
    async with asking(url, **settings) as client, asyncio.timeout(10):
        try:
            return await get_json(client, "models", timeout=8)
        except ProviderError as error:
            assert PASSWORD not in f"{error} {error.message} {error.hint} {error!r}"
            return error
