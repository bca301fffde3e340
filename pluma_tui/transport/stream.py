"""Asking for a stream, and reading it event by event with time limits that count events.

Keep-alive comments and bytes that trickle are no events: a limit runs out while they come.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx

from pluma_tui.core.errors import BrokenStream, ConnectionDropped, ProviderError, Refused, TimedOut
from pluma_tui.transport.address import upstream
from pluma_tui.transport.auth import ready
from pluma_tui.transport.exchange import exchange
from pluma_tui.transport.mapping import NETWORK_ERRORS, translate
from pluma_tui.transport.refusal import hider, refusal_in_stream
from pluma_tui.transport.sse import server_sent_events
from pluma_tui.transport.unpacked import Text

_SLOW = "A local model may need long for a long prompt: first_event_timeout sets how long to wait."
_DRAIN = 0.2  # seconds to wait for the end of a stream whose last event has come
Framing = Callable[[Text], AsyncGenerator[str, None]]
"""How the data of events lie in a body's text."""

_HEADERS = {
    "Accept": "text/event-stream, application/x-ndjson, application/json",
    "Accept-Encoding": "identity",  # packing holds tokens back
    "Cache-Control": "no-store",
    "Content-Type": "application/json",
}


@asynccontextmanager
async def ask(
    client: httpx.AsyncClient,
    url: str,
    body: Any,
    *,
    first: float,
    between: float,
    framing: Framing = server_sent_events,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator["Answer"]:
    """POST `body` as JSON and open the answer, within `first` seconds until its first event.

    `between` is the limit for each later event; 0 means no limit. `headers` go over those of the profile.
    Leaving closes the connection. Raises ProviderError.
    """
    await ready(client)
    deadline = asyncio.get_running_loop().time() + first if first else None
    content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    request = client.build_request("POST", url, content=content, headers={**_HEADERS, **(headers or {})})
    async with exchange(client, request, deadline=deadline, hint=_SLOW) as response:
        answer = Answer(response, framing, deadline, between)
        try:
            yield answer
        finally:
            with suppress(*NETWORK_ERRORS):
                await answer.aclose()


class Answer:
    """What came back: the data of its events, in order; or one whole JSON document, if `whole`.

    `between` may be changed while reading. Iterating raises ProviderError: TimedOut or ConnectionDropped
    before the first event, BrokenStream after it. It ends without an error where the server closes the
    stream: whether that was too early only the dialect knows.
    """

    def __init__(
        self, response: httpx.Response, framing: Framing, deadline: float | None, between: float
    ) -> None:
        self.whole = _media_type(response).endswith(("/json", "+json"))
        self.between = between
        self._response = response
        self._upstream = upstream(response.request.url)
        self._deadline = deadline
        self._begun = False
        self._text = Text(response, self._upstream)
        self._events = _document(self._text) if self.whole else framing(self._text)
        self._loop = asyncio.get_running_loop()

    def __aiter__(self) -> "Answer":
        return self

    async def __anext__(self) -> str:
        if self._begun:
            self._deadline = self._loop.time() + self.between if self.between else None
        limit = asyncio.timeout_at(self._deadline)
        try:
            async with limit:
                data = await anext(self._events)
        except TimeoutError as error:
            raise (self._late() if limit.expired() else self._translate(error)) from error
        except NETWORK_ERRORS as error:
            raise self._translate(error) from error
        self._begun = True
        self._text.pending = 0
        return data

    async def drain(self) -> None:
        """Pass over what is left, but not for long: a connection that was read to its end is used again."""
        with suppress(BrokenStream, *NETWORK_ERRORS):
            async with asyncio.timeout(_DRAIN):
                async for _ in self._events:
                    pass

    async def aclose(self) -> None:
        """Let go of the response."""
        await self._events.aclose()
        await self._text.aclose()

    def refusal(self, document: Any) -> Refused:
        """The error for an error object that came in the stream."""
        return refusal_in_stream(document, self._response)

    def broken(self, why: str = "it ended without an ending") -> ProviderError:
        """The error for a stream that stopped too early."""
        if self._begun:
            return BrokenStream(f"{self._upstream} broke off the answer: {why}")
        return ConnectionDropped(f"{self._upstream} closed the connection without an answer")

    def nonsense(self, data: str) -> BrokenStream:
        """The error for an event whose data cannot be read."""
        excerpt = hider(self._response.request)(data)[:80]
        return BrokenStream(f"{self._upstream} sent what cannot be read: {excerpt}")

    def _late(self) -> ProviderError:
        if self._begun:
            return BrokenStream(
                f"{self._upstream} fell silent: nothing for {self.between:g} seconds",
                hint="timeout sets how long to wait between two events.",
            )
        return TimedOut(f"{self._upstream} has not begun to answer in time", hint=_SLOW)

    def _translate(self, error: BaseException) -> ProviderError:
        return translate(error, self._upstream, begun=self._begun)


async def _document(text: Text) -> AsyncGenerator[str, None]:
    yield "".join([piece async for piece in text.aiter_text()])


def _media_type(response: httpx.Response) -> str:
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()
