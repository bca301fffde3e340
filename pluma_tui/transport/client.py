"""The HTTP client of a profile, as everybody gets it from `transport.http`."""

from collections.abc import Awaitable, Callable

import httpx

Unlock = Callable[[], Awaitable[None]]


class Client(httpx.AsyncClient):
    """A client that is light: connections belong to a pool. `unlock` has the client's certificate ready,
    for which a person may be asked; it raises SecretError.
    """

    unlock: Unlock | None = None
