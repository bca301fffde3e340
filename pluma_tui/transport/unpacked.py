"""A response's body as text, with UTF-8 as the standard says and a bound on what is held of one event."""

import codecs
from collections.abc import AsyncGenerator

import httpx

from pluma_tui.core.errors import BrokenStream
from pluma_tui.transport.body import MAX_BODY, pieces


class Text:
    """A body being read. `pending` counts the bytes since the last event; whoever finds events resets it."""

    headers = {"content-type": "text/event-stream"}  # noqa: RUF012  (what httpx-sse asks for)

    def __init__(self, response: httpx.Response, upstream: str) -> None:
        self.pending = 0
        self._upstream = upstream
        self._pieces = pieces(response)

    async def aiter_text(self) -> AsyncGenerator[str, None]:
        """The body as text. Raises BrokenStream for an event that is too long."""
        decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
        async for piece in self._pieces:
            self.pending += len(piece)
            if self.pending > MAX_BODY:
                raise BrokenStream(f"{self._upstream} sent an event of more than {MAX_BODY >> 20} MB")
            if text := decode(piece):
                yield text

    async def aclose(self) -> None:
        """Close the body, however far it was read."""
        await self._pieces.aclose()
