"""One request and its answer: sent, checked, read within a time limit, and closed whatever happens."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx

from pluma_tui.core.errors import BrokenStream, NotFound, ProviderError, TimedOut
from pluma_tui.transport.address import origin, upstream
from pluma_tui.transport.auth import ready
from pluma_tui.transport.body import MAX_BODY, MAX_ERROR, read_into
from pluma_tui.transport.json import read_json
from pluma_tui.transport.mapping import NETWORK_ERRORS, mapped
from pluma_tui.transport.refusal import refusal, refusal_in_stream

_ERROR_PATIENCE = 10.0  # seconds for the body of an answer that says no; then what came must do


@asynccontextmanager
async def exchange(
    client: httpx.AsyncClient, request: httpx.Request, *, deadline: float | None, hint: str = ""
) -> AsyncIterator[httpx.Response]:
    """Send `request`; the response is open inside, and is a success. `deadline` is on the loop's clock.

    `hint` is what to try where none has come by then: which setting says how long to wait.
    Leaving closes the connection unless all has been read, which is how an answer is stopped.
    Raises ProviderError.
    """
    # An address that another server gave is named itself.
    at_home = origin(request.url) == origin(client.base_url)
    where = upstream(client.base_url if at_home else request.url)
    with mapped(where):
        async with deadline_at(deadline, TimedOut(f"{where} has not answered in time", hint=hint or _BUSY)):
            response = await client.send(request, stream=True)
    try:
        if not response.is_success:
            raise refusal(response, await _error_body(response))
        if "html" in response.headers.get("content-type", ""):
            hint = "Check base_url: this looks like the address of a web page, not of an API."
            raise NotFound(f"{where} answers with a web page", hint=hint, status=response.status_code)
        yield response
    finally:
        with suppress(*NETWORK_ERRORS):
            await response.aclose()


async def read_body(response: httpx.Response, *, deadline: float | None, limit: int) -> bytearray:
    """The body of an answer that is open, or `limit` bytes of it, by `deadline`. Raises ProviderError."""
    where = upstream(response.request.url)
    body = bytearray()
    with mapped(where, begun=True):
        async with deadline_at(deadline, BrokenStream(f"{where} has not finished its answer in time")):
            await read_into(body, response, limit)
    return body


async def get_json(
    client: httpx.AsyncClient,
    url: str,
    *,
    timeout: float,
    post: Any = None,
    method: str = "",
    hint: str = "",
) -> Any:
    """The JSON document at `url`, within `timeout` seconds (0: no limit). Raises ProviderError.

    With `post` it is what the server answers to that document. A `method` other than GET and POST may be
    answered by nothing, which is None. `hint` as for `exchange`.
    """
    await ready(client)
    deadline = asyncio.get_running_loop().time() + timeout if timeout else None
    usual = "GET" if post is None else "POST"
    content = None if post is None else json.dumps(post, ensure_ascii=False).encode("utf-8", "replace")
    headers = {"Accept": "application/json", **({"Content-Type": "application/json"} if content else {})}
    request = client.build_request(method or usual, url, content=content, headers=headers)
    where = upstream(request.url)
    async with exchange(client, request, deadline=deadline, hint=hint) as response:
        body = await read_body(response, deadline=deadline, limit=MAX_BODY + 1)
    if len(body) > MAX_BODY:
        raise BrokenStream(f"{where} sent more than {MAX_BODY >> 20} MB")
    if method and not body:
        return None
    try:
        document = read_json(body)
    except ValueError:
        raise BrokenStream(f"{where} sent what is no whole JSON document") from None
    if isinstance(document, dict) and document.get("error"):
        raise refusal_in_stream(document, response)
    return document


@asynccontextmanager
async def deadline_at(when: float | None, error: ProviderError) -> AsyncIterator[None]:
    """Raise `error` if what is inside takes until `when`; a system's own TimeoutError stays itself."""
    limit = asyncio.timeout_at(when)
    try:
        async with limit:
            yield
    except TimeoutError:
        if limit.expired():
            raise error from None
        raise


_BUSY = "Is it busy, or is another program there?"


async def _error_body(response: httpx.Response) -> bytes:
    body = bytearray()
    with suppress(*NETWORK_ERRORS):
        async with asyncio.timeout(_ERROR_PATIENCE):
            await read_into(body, response, MAX_ERROR)
    return bytes(body)
