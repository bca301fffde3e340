"""Adding a key to a request: fetched when the request is made, and only for the profile's own server."""

import time
from base64 import b64encode
from collections.abc import AsyncGenerator, Awaitable, Generator
from typing import Protocol

import httpx

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef
from pluma_tui.transport.address import origin
from pluma_tui.transport.client import Client


class FetchSecret(Protocol):
    """Gives a secret; one that was kept since before `newer_than` (of time.monotonic) is fetched anew."""

    def __call__(self, ref: SecretRef, /, *, newer_than: float = ...) -> Awaitable[str]:
        """Raises SecretError."""
        ...


class KeyAuth(httpx.Auth):
    """Sends the secret that `ref` names as ``header: prefix + secret`` to the origin of `home` alone."""

    def __init__(self, ref: SecretRef, fetch: FetchSecret, home: httpx.URL, header: str, prefix: str) -> None:
        self._ref = ref
        self._fetch = fetch
        self._origin = origin(home)
        self._header = header
        self._prefix = prefix

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """httpx's hook: called once for every request.

        A key that was kept may have been replaced at its source meanwhile. If the server does not take it,
        it is fetched anew, and the request is sent once more if that gives another key.
        """
        if origin(request.url) != self._origin:
            yield request
            return
        began = time.monotonic()
        key = await self._fetch(self._ref)
        self._put(request, key)
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            new = await self._newer(key, began)
            if new != key:
                self._put(request, new)
                yield request

    async def ready(self) -> None:
        """Have the token of a sign-in fetched: for a server's answer less time is left than for a person."""
        if self._signs_in:
            await self._fetch(self._ref)

    @property
    def _signs_in(self) -> bool:
        return self._ref.kind == "oidc"

    async def _newer(self, key: str, began: float) -> str:
        try:
            return await self._fetch(self._ref, newer_than=began)
        except SecretError:
            if self._signs_in:  # its error says how to sign in again
                raise
            return key  # what the server said tells more

    def _put(self, request: httpx.Request, key: str) -> None:
        key = self._as_sent(key)
        # httpx would say the header, and the key with it, in its own error.
        if not (key.isascii() and key.isprintable()):
            hint = "A key is one line of plain letters, digits and signs."
            raise SecretError(f"the key from {self._ref} cannot stand in a header", hint=hint)
        if key:
            request.headers[self._header] = self._prefix + key

    def _as_sent(self, key: str) -> str:
        return key


async def ready(client: httpx.AsyncClient) -> None:
    """To be awaited before a time limit for the server begins: a person may be asked to sign in, or for the
    pass phrase of the client's certificate. Raises SecretError.
    """
    if isinstance(client, Client) and client.unlock:
        await client.unlock()
    if isinstance(client.auth, KeyAuth):
        await client.auth.ready()


class BasicAuth(KeyAuth):
    """Sends the "user:password" that `ref` names as the scheme Basic (RFC 7617), unasked.

    A1111's API answers 401 without a challenge, so one who waits for it is never let in.
    """

    def __init__(self, ref: SecretRef, fetch: FetchSecret, home: httpx.URL) -> None:
        super().__init__(ref, fetch, home, "Authorization", "Basic ")

    def _as_sent(self, key: str) -> str:
        if ":" not in key:
            hint = "Basic authentication takes a name and a password with a colon between them."
            raise SecretError(f"the secret from {self._ref} is not of the form user:password", hint=hint)
        return b64encode(key.encode()).decode()


class UserinfoAuth(httpx.BasicAuth):
    """Sends the name and password that stand in the address of `home`, to its origin alone."""

    def __init__(self, home: httpx.URL) -> None:
        super().__init__(home.username, home.password)
        self._origin = origin(home)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """httpx's hook: called once for every request."""
        if origin(request.url) == self._origin:
            yield from super().auth_flow(request)
        else:
            yield request
