"""Adding a key to a request: fetched when the request is made, and only for the profile's own server."""

from collections.abc import AsyncGenerator, Awaitable, Callable

import httpx

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef
from pluma_tui.transport.address import origin

FetchSecret = Callable[[SecretRef], Awaitable[str]]


class KeyAuth(httpx.Auth):
    """Sends the secret that `ref` names as ``header: prefix + secret`` to the origin of `home` alone."""

    def __init__(self, ref: SecretRef, fetch: FetchSecret, home: httpx.URL, header: str, prefix: str) -> None:
        self._ref = ref
        self._fetch = fetch
        self._origin = origin(home)
        self._header = header
        self._prefix = prefix

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """httpx's hook: called once for every request."""
        if origin(request.url) == self._origin:
            key = await self._fetch(self._ref)
            # httpx would say the header, and the key with it, in its own error.
            if not (key.isascii() and key.isprintable()):
                hint = "A key is one line of plain letters, digits and signs."
                raise SecretError(f"the key from {self._ref} cannot stand in a header", hint=hint)
            if key:
                request.headers[self._header] = self._prefix + key
        yield request
