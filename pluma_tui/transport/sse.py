"""Asking for a stream of server-sent events, and reading it with time limits that count events.

Keep-alive comments and bytes that trickle are no events: a limit runs out while they come.
"""

import asyncio
import codecs
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, cast

import httpx
from httpx_sse import EventSource

from pluma_tui.core.errors import BrokenStream, ConnectionDropped, ProviderError, Refused, TimedOut
from pluma_tui.transport.address import upstream
from pluma_tui.transport.body import MAX_BODY, pieces
from pluma_tui.transport.exchange import exchange
from pluma_tui.transport.mapping import NETWORK_ERRORS, translate
from pluma_tui.transport.refusal import hider, refusal_in_stream

_DRAIN = 0.2  # seconds to wait for the end of a stream whose last event has come
_HEADERS = {
    "Accept": "text/event-stream, application/json",
    "Accept-Encoding": "identity",  # packing holds tokens back
    "Cache-Control": "no-store",
    "Content-Type": "application/json",
}


@asynccontextmanager
async def ask(
    client: httpx.AsyncClient, url: str, body: Any, *, first: float, between: float
) -> AsyncIterator["Answer"]:
    """POST `body` as JSON and open the answer, within `first` seconds until its first event.

    `between` is the limit for each later event; 0 means no limit. Leaving closes the connection.
    Raises ProviderError.
    """
    deadline = asyncio.get_running_loop().time() + first if first else None
    content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    request = client.build_request("POST", url, content=content, headers=_HEADERS)
    async with exchange(client, request, deadline=deadline) as response:
        answer = Answer(response, deadline, between)
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

    def __init__(self, response: httpx.Response, deadline: float | None, between: float) -> None:
        self.whole = "json" in response.headers.get("content-type", "")
        self.between = between
        self._response = response
        self._upstream = upstream(response.request.url)
        self._deadline = deadline
        self._begun = False
        self._text = _Text(response, self._upstream)
        self._events = _document(self._text) if self.whole else _events(self._text)
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
        hint = "A local model may need long for a long prompt: first_event_timeout sets how long to wait."
        return TimedOut(f"{self._upstream} has not begun to answer in time", hint=hint)

    def _translate(self, error: BaseException) -> ProviderError:
        return translate(error, self._upstream, begun=self._begun)


async def _events(text: "_Text") -> AsyncGenerator[str, None]:
    async with aclosing(EventSource(cast(httpx.Response, text)).aiter_sse()) as source:
        async for event in source:
            if event.data:
                yield event.data


async def _document(text: "_Text") -> AsyncGenerator[str, None]:
    yield "".join([piece async for piece in text.aiter_text()])


class _Text:
    """What httpx-sse asks of a response, with UTF-8 as the standard says and a bound on what is held.

    `pending` counts the bytes since the last event.
    """

    headers = {"content-type": "text/event-stream"}  # noqa: RUF012  (whatever it was, it is read as this)

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
