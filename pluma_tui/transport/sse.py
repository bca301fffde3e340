"""Server-sent events in a body: https://html.spec.whatwg.org/multipage/server-sent-events.html"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

import httpx
from httpx_sse import EventSource

from pluma_tui.transport.unpacked import Text


async def server_sent_events(text: Text) -> AsyncGenerator[str, None]:
    """The data of each event; names are passed over, since every dialect met repeats them in the data."""
    async with aclosing(EventSource(cast(httpx.Response, text)).aiter_sse()) as source:
        async for event in source:
            if event.data:
                yield event.data
