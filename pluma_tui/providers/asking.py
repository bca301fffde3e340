"""Asking for an answer, and again without what the server does not take."""

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING

from pluma_tui.core.errors import Refused
from pluma_tui.core.events import ChatEvent, Notice
from pluma_tui.core.profile import ConnectionProfile
from pluma_tui.providers.base import Json
from pluma_tui.providers.reading import Reader, events
from pluma_tui.transport.sse import server_sent_events
from pluma_tui.transport.stream import Framing, ask

if TYPE_CHECKING:
    import httpx

Adapt = Callable[[Json, str], list[str] | None]
"""Changes a request that was refused with these words; what it left out, None where nothing helps."""


async def asked(
    client: "httpx.AsyncClient",
    profile: ConnectionProfile,
    url: str,
    wanted: Json,
    reader: Callable[[], Reader],
    adapt: Adapt,
    notices: Iterable[Notice] = (),
    framing: Framing = server_sent_events,
) -> AsyncGenerator[ChatEvent, None]:
    """`notices`, then what the server answers to `wanted`, up to one `Finished`. Raises ProviderError."""
    first, between = profile.first_event_timeout, profile.timeout
    for notice in notices:
        yield notice
    while True:
        try:
            async with (
                ask(client, url, wanted, first=first, between=between, framing=framing) as answer,
                aclosing(events(answer, reader())) as said,
            ):
                async for event in said:
                    yield event
            return
        except Refused as error:
            gone = adapt(wanted, error.message) if error.status in (400, 422) else None
            if gone is None:
                raise
            if gone:
                yield Notice(f"the server does not take {', '.join(gone)}: it answers without")
