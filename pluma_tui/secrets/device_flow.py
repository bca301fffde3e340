"""Signing in by a code that a person enters on any device with a browser (RFC 8628)."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

from pluma_tui.secrets.issuer import DeviceCode, Issuer, reached
from pluma_tui.secrets.oidc_client import AWAY, Client, IssuerError
from pluma_tui.secrets.tokens import Tokens

Sleep = Callable[[float], Awaitable[None]]

_SLOWER = 5.0  # seconds more between two polls, whenever the issuer says slow_down (section 3.5)


async def signed_in(client: Client, say: Callable[[str], None], sleep: Sleep = asyncio.sleep) -> Tokens:
    """Tell the person what to do, line by line, and wait until it is done. Raises SecretError."""
    async with reached(client) as issuer:
        code = await issuer.begin()
        for line in _told(client, code):
            say(line)
        return await _waited(issuer, code, sleep)


def _told(client: Client, code: DeviceCode) -> Iterator[str]:
    yield f"Signing in to {client.issuer}."
    yield f"Open {code.address} and enter {code.user_code}"
    if code.complete:
        yield f"or, with the code in it: {code.complete}"
    yield "Waiting for that; ctrl+c ends it."


async def _waited(issuer: Issuer, code: DeviceCode, sleep: Sleep) -> Tokens:
    """Poll as the issuer wants it; one that does not answer is asked ever more rarely (section 3.5)."""
    interval = code.interval
    while True:
        await sleep(min(interval, max(code.until - time.monotonic(), 0.0)))
        if time.monotonic() >= code.until:
            raise IssuerError("the code has run out", hint="Sign in again, and enter the new one in time.")
        try:
            return await issuer.poll(code)
        except IssuerError as error:
            if error.code == "slow_down":
                interval += _SLOWER
            elif error.code == AWAY:
                interval *= 2
            elif error.code != "authorization_pending":
                raise
