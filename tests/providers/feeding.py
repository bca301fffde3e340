"""A provider on top of bytes held in memory: no socket, so that a recording can be cut at every byte."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from pluma_tui.core.chat import ChatRequest, Message
from pluma_tui.core.errors import ProviderError
from pluma_tui.core.events import ChatEvent, ReasoningDelta, TextDelta, ToolCallDelta
from pluma_tui.core.profile import ConnectionProfile, SecretRef
from pluma_tui.providers import registry
from pluma_tui.providers.base import Provider
from pluma_tui.transport.http import ClientPool

KEY = "sk-a-key-that-nobody-may-see"
QUESTION = ChatRequest(model="m", messages=(Message(role="user", text="hi"),))


@dataclass
class Feed(httpx.AsyncByteStream):
    """A body that comes in `pieces`; then it ends, or `failure` is raised."""

    pieces: Sequence[bytes]
    failure: Exception | None = None
    closed: bool = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece
        if self.failure is not None:
            raise self.failure

    async def aclose(self) -> None:
        self.closed = True


@dataclass
class Fed:
    """A server in memory: `answer` makes its responses, `requests` are what it was asked."""

    answer: Callable[[httpx.Request], httpx.Response]
    requests: list[httpx.Request] = field(default_factory=list)

    def provider(self, compat: str, **profile: Any) -> Provider:
        async def handler(request: httpx.Request) -> httpx.Response:
            await request.aread()
            self.requests.append(request)
            return self.answer(request)

        pool = ClientPool(transport=httpx.MockTransport(handler))
        return make_provider(compat, "http://localhost:9", pool, **profile)


@dataclass
class Outcome:
    """What a stream brought before it ended, and the error it ended in, if it did."""

    events: list[ChatEvent]
    error: ProviderError | None

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, TextDelta))

    @property
    def reasoning(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, ReasoningDelta))

    @property
    def calls(self) -> list[tuple[str, str, str]]:
        """(id, name, arguments) of each tool call, in order."""
        found: dict[int, tuple[str, str, str]] = {}
        for event in self.events:
            if isinstance(event, ToolCallDelta):
                id_, name, arguments = found.get(event.index, ("", "", ""))
                found[event.index] = (id_ + event.id, name + event.name, arguments + event.arguments)
        return [found[index] for index in sorted(found)]


async def give_key(_: SecretRef, *, newer_than: float = 0.0) -> str:
    return KEY


def make_provider(compat: str, base_url: str, pool: ClientPool, **profile: Any) -> Provider:
    """A provider as the connection manager makes it, with a key."""
    plugin = registry.load(compat)
    profile.setdefault("api_key", SecretRef("env", "KEY"))
    connection = ConnectionProfile(compat=compat, base_url=base_url, **profile)
    client = pool.client(
        connection,
        secret=give_key,
        default_base_url=plugin.default_base_url,
        default_path=plugin.default_path,
        auth_header=plugin.auth.header,
        auth_prefix=plugin.auth.prefix,
    )
    return plugin.factory(connection, client)


def response(body: bytes | Feed, *, status: int = 200, kind: str = "text/event-stream") -> httpx.Response:
    stream = body if isinstance(body, Feed) else Feed([body])
    return httpx.Response(status, headers={"Content-Type": kind}, stream=stream)


async def listen(provider: Provider, request: ChatRequest = QUESTION) -> Outcome:
    """All that a stream brings. Any other error than a ProviderError is a fault and goes through."""
    events: list[ChatEvent] = []
    try:
        async for event in provider.stream(request):
            events.append(event)
    except ProviderError as error:
        return Outcome(events, error)
    return Outcome(events, None)
