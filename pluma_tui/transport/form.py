"""A form that is posted, and what is answered to it, be it yes or no: how OAuth's endpoints are spoken to."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from pluma_tui.core.errors import TimedOut
from pluma_tui.transport.address import upstream
from pluma_tui.transport.body import MAX_ERROR, read_into
from pluma_tui.transport.exchange import deadline_at
from pluma_tui.transport.json import read_json
from pluma_tui.transport.mapping import NETWORK_ERRORS, mapped


@dataclass(frozen=True)
class Reply:
    """The status, and the JSON object that came with it: empty where something else came, or nothing."""

    status: int
    document: Mapping[str, Any] = field(repr=False)


async def post_form(
    client: httpx.AsyncClient, url: str, fields: Mapping[str, str], *, timeout: float
) -> Reply:
    """Post `fields` (RFC 6749, appendix B) and read the whole answer within `timeout` seconds.

    Raises ProviderError where no whole answer came.
    """
    request = client.build_request("POST", url, data=fields, headers={"Accept": "application/json"})
    where = upstream(request.url)
    deadline = asyncio.get_running_loop().time() + timeout
    body = bytearray()
    with mapped(where):
        async with deadline_at(deadline, TimedOut(f"{where} has not answered in time")):
            response = await client.send(request, stream=True)
            try:
                await read_into(body, response, MAX_ERROR)
            finally:
                with suppress(*NETWORK_ERRORS):
                    await response.aclose()
    try:
        document = read_json(body)
    except ValueError:
        document = None
    return Reply(response.status_code, document if isinstance(document, dict) else {})
