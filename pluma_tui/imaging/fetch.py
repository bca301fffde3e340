"""Asking an image server: within time limits of our own choosing, and never more bytes than agreed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from pluma_tui.core.errors import BrokenStream, TimedOut
from pluma_tui.transport.address import upstream
from pluma_tui.transport.body import MAX_ERROR
from pluma_tui.transport.exchange import deadline_at, exchange, get_json, read_body
from pluma_tui.transport.json import is_crowded, read_json
from pluma_tui.transport.refusal import refusal_in_stream

if TYPE_CHECKING:
    import httpx

BUSY = "Is it busy, or is another program there? timeout in the profile limits a whole job; 0 is no limit."
"""What to try where nothing is answered in time."""
MAX_ANSWER = 80 * 1024 * 1024
"""Bytes of an answer that holds pictures as base64."""
_MAX_ANSWER_VALUES = 100_000
_PATIENCE = 30.0  # seconds for what needs no drawing: lists, settings


async def fetch(client: "httpx.AsyncClient", request: "httpx.Request", *, limit: int) -> bytearray:
    """All that is answered to `request`, at most `limit` bytes. Takes its time. Raises ProviderError."""
    where = upstream(request.url)
    async with exchange(client, request, deadline=None) as response:
        body = await read_body(response, deadline=None, limit=limit + 1)
    if len(body) > limit:
        raise BrokenStream(f"{where} sent more than {limit >> 20} MB")
    return body


async def fetch_answer(client: "httpx.AsyncClient", request: "httpx.Request") -> bytearray:
    """The answer to a job: a JSON document as it came, pictures and all. Raises ProviderError."""
    body = await fetch(client, request, limit=MAX_ANSWER)
    if is_crowded(body, _MAX_ANSWER_VALUES):
        raise BrokenStream(f"{upstream(request.url)} sent much that is no picture")
    if len(body) <= MAX_ERROR:
        _check_success(body, request)
    return body


def _check_success(body: bytearray, request: "httpx.Request") -> None:
    """Raise the refusal for an error object that came with HTTP 200."""
    import httpx

    try:
        document = read_json(body)
    except ValueError:
        return
    if isinstance(document, dict) and document.get("error"):
        raise refusal_in_stream(document, httpx.Response(200, request=request))


async def ask_json(client: "httpx.AsyncClient", url: str, *, timeout: float = 0.0, post: Any = None) -> Any:
    """The JSON document at `url`, or what is answered to `post`. Raises ProviderError.

    `timeout` is the profile's for a whole job; what needs no drawing gets half a minute at most.
    """
    seconds = min(timeout or _PATIENCE, _PATIENCE)
    async with within(seconds, upstream(client.base_url)):
        return await get_json(client, url, timeout=0, post=post)


@asynccontextmanager
async def within(seconds: float, where: str) -> AsyncIterator[None]:
    """Raise TimedOut if what is inside takes longer; 0 means no limit."""
    deadline = asyncio.get_running_loop().time() + seconds if seconds else None
    async with deadline_at(deadline, TimedOut(f"{where} has not answered within {seconds:g} s", hint=BUSY)):
        yield
