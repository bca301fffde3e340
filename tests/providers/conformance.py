"""What every dialect must do with every recording; a new one adds its own to `test_conformance`."""

import httpx

from pluma_tui.core.errors import BrokenStream, ConnectionDropped
from pluma_tui.core.events import Finished
from tests.providers.feeding import KEY, QUESTION, Fed, Feed, Outcome, listen, response


async def play(compat: str, feed: bytes | Feed, *, kind: str = "text/event-stream") -> Outcome:
    """What the dialect makes of one body."""
    return await listen(Fed(lambda _: response(feed, kind=kind)).provider(compat))


def ends_once(outcome: Outcome) -> None:
    """Deltas, then exactly one Finished."""
    assert outcome.error is None
    assert [event for event in outcome.events if isinstance(event, Finished)] == outcome.events[-1:]


async def survives_every_cut(compat: str, body: bytes, *, kind: str) -> None:
    """Cut anywhere, by turns cleanly and by a broken connection: the same events as far as they came."""
    whole = (await play(compat, body, kind=kind)).events
    for length in range(len(body)):
        failure = httpx.ReadError("") if length % 2 else None
        outcome = await play(compat, Feed([body[:length]], failure), kind=kind)
        events = outcome.events
        if isinstance(outcome.error, ConnectionDropped):
            assert not events
        elif outcome.error is not None:
            assert isinstance(outcome.error, BrokenStream)
        else:
            assert isinstance(events.pop(), Finished)
        assert events == whole[: len(events)]


async def does_not_mind_pieces(compat: str, body: bytes, *, kind: str) -> None:
    """However the network divides the bytes, the events are the same."""
    whole = await play(compat, body, kind=kind)
    for size in (1, 7, 1000):
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        assert (await play(compat, Feed(pieces), kind=kind)).events == whole.events


async def closes_when_stopped(compat: str, body: bytes, *, kind: str) -> None:
    """Closing the generator after the first event closes the connection at once."""
    feed = Feed([body[at : at + 1] for at in range(len(body))])
    stream = Fed(lambda _: response(feed, kind=kind)).provider(compat).stream(QUESTION)
    await anext(stream)
    assert not feed.closed
    await stream.aclose()
    assert feed.closed


async def keeps_the_secret(compat: str, status: int, body: str) -> None:
    """A server that echoes the key (where `body` has `{key}`) does not bring it into an error."""
    echo = body.replace("{key}", KEY).encode()
    fed = Fed(lambda _: response(echo, status=status, kind="application/json"))
    outcome = await listen(fed.provider(compat))
    assert outcome.error is not None
    assert any(KEY in value for value in fed.requests[0].headers.values())
    for text in (str(outcome.error), outcome.error.hint, repr(vars(outcome.error))):
        assert KEY not in text
