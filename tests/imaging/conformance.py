"""What every image provider must do, whatever its server does; each kind calls this from its own tests.

A test gives a provider that talks to a real socket: a scripted server that plays the protocol, or one of
`HOSTILE`, which answers every request with the same bytes.
"""

import asyncio
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pluma_tui.core.errors import JobFailed, ProviderError
from pluma_tui.core.events import Notice
from pluma_tui.core.images import (
    ImageEvent,
    ImageRequest,
    Picture,
    Preview,
    Progress,
    Queued,
    Ready,
)
from pluma_tui.core.profile import ImageProfile, SecretRef
from pluma_tui.imaging.base import ImageProvider
from pluma_tui.imaging.sniff import sniff
from pluma_tui.runtime.connections import Clients, ImageConnectionManager
from tests.servers.replay import Play, answer

KEY = "ann:a-key-that-nobody-may-see"
"""What `connected` gives for the profile's secrets; with the colon that Basic authentication needs."""
REQUEST = ImageRequest(prompt="a cat", width=64, height=64, steps=2, seed=42)
_LIMIT = 200 * 1024 * 1024


def _packed(megabytes: int) -> bytes:
    """So much of white space, packed a thousand times smaller."""
    packer = zlib.compressobj(1, wbits=31)
    return b"".join(packer.compress(b" " * (1 << 20)) for _ in range(megabytes)) + packer.flush()


HOSTILE: dict[str, Play | bytes] = {
    "hangs": Play(b"", silent=True),
    "hangs in its answer": Play(answer({"a": [1] * 99}), cut=120, silent=True),
    "closes the socket": Play(b""),
    "closes it in its answer": Play(answer({"a": [1] * 99}, Content_Length="5000")),
    "sends a web page": answer("<!DOCTYPE html><title>Welcome</title>", kind="text/html"),
    "sends a web page as JSON": answer("<!DOCTYPE html><title>Welcome</title>", kind="application/json"),
    "sends half a document": Play(answer({"images": ["iVBORw0KGgo"] * 9}), cut=150),
    "sends another document": answer([1, {"images": 5}, None]),
    "sends a number": answer("7", kind="application/json"),
    "sends null": answer("null", kind="application/json"),
    "never stops": Play(answer('{"images": ["', kind="application/json"), again=b"iVBORw0K" * 8192),
    "unpacks to a flood": answer(_packed(256), kind="application/json", Content_Encoding="gzip"),
    "speaks no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "repeats the key": answer({"error": {"message": f"no such key: {KEY}"}}, status=401),
    "repeats the key and succeeds": answer({"error": f"no such key: {KEY}", "detail": KEY}),
    "sends us elsewhere": answer(b"", status=302, Location="http://elsewhere.invalid/"),
    "is broken": answer("Internal Server Error", status=500, kind="text/plain"),
}
"""By what a server does with every request."""


@dataclass
class Outcome:
    """What came of one request."""

    events: list[ImageEvent] = field(default_factory=list)
    error: ProviderError | None = None

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The pictures of the one Ready at the end."""
        ready = self.events[-1]
        assert isinstance(ready, Ready), self
        return ready.pictures

    def of(self, kind: type[Any]) -> list[Any]:
        """The events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def notices(self) -> list[str]:
        """The words of all notices."""
        return [event.message for event in self.of(Notice)]


@asynccontextmanager
async def connected(kind: str, url: str, **settings: Any) -> AsyncIterator[ImageProvider]:
    """A provider as the program makes it. Secrets that `settings` refer to are KEY."""

    async def fetch(ref: SecretRef, *, newer_than: float = 0.0) -> str:
        return KEY

    clients = Clients(fetch)
    profile = ImageProfile(name="box", kind=kind, base_url=url, **settings)
    try:
        yield ImageConnectionManager({"box": profile}, clients=clients).provider()
    finally:
        await clients.aclose()


async def listen(provider: ImageProvider, request: ImageRequest = REQUEST) -> Outcome:
    """All events of one request, and the error it ended with. Another exception is a bug."""
    outcome = Outcome()
    try:
        async with aclosing(provider.generate(request)) as events:
            async for event in events:
                outcome.events.append(event)
    except ProviderError as error:
        outcome.error = error
    return outcome


async def stop_at(
    provider: ImageProvider, when: Callable[[ImageEvent], bool], request: ImageRequest = REQUEST
) -> list[ImageEvent]:
    """The events up to the first one for which `when` holds; then the generator is closed."""
    seen: list[ImageEvent] = []
    async with aclosing(provider.generate(request)) as events:
        async for event in events:
            seen.append(event)
            if when(event):
                return seen
    raise AssertionError(f"it ended before it could be stopped: {seen}")


def ends_once(outcome: Outcome) -> None:
    """Events of the contract alone, in an order that makes sense; then one Ready with whole pictures."""
    assert outcome.error is None
    assert outcome.of(Ready) == outcome.events[-1:]
    assert outcome.pictures
    for event in outcome.events:
        assert isinstance(event, Queued | Progress | Preview | Notice | Ready)
        assert msgspec.convert(msgspec.to_builtins(event), type(event)) == event
    drawing = [at for at, event in enumerate(outcome.events) if isinstance(event, Progress) and event.own]
    waiting = [at for at, event in enumerate(outcome.events) if isinstance(event, Queued)]
    assert not drawing or not waiting or waiting[0] < drawing[0]
    _counts_up(outcome.of(Progress))
    for picture in (*outcome.pictures, *(event.picture for event in outcome.of(Preview))):
        shape = sniff(picture.data)
        assert shape is not None
        assert shape.whole
        assert picture.media_type == shape.media_type


def _counts_up(progress: Sequence[Progress]) -> None:
    for event in progress:
        assert 0 <= event.step <= event.steps
        assert event.eta is None or event.eta >= 0
    assert len(set(progress)) == len(progress)


def fails_clearly(outcome: Outcome) -> None:
    """An error that a person can do something with, after which nothing comes; no secret in it."""
    error = outcome.error
    assert error is not None
    assert not outcome.of(Ready)
    assert error.message.strip()
    assert len(error.message) < 1000
    assert "Traceback" not in error.message
    pictures = error.pictures if isinstance(error, JobFailed) else ()
    assert all(sniff(picture.data) for picture in pictures)
    keeps_the_secret(error)


def keeps_the_secret(error: ProviderError) -> None:
    """Neither the whole key nor the password in it is in what a person gets to see."""
    said = f"{error} {error.hint} {vars(error)!r}"
    assert KEY not in said
    assert KEY.partition(":")[2] not in said


@contextmanager
def bounded_memory() -> Iterator[None]:
    """What is inside holds less than 200 MB at any time."""
    tracemalloc.start(1)
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < _LIMIT
    finally:
        tracemalloc.stop()


async def survives(
    kind: str, url: str, *, secret: str = "api_key", limit: float = 0.5, **settings: Any
) -> None:
    """Ask a server of HOSTILE for a picture, its lists and its name: clear errors, and nobody waits for long.

    `limit` is the profile's timeout, in seconds; `secret` the field of it that holds the key.
    """
    settings[secret] = SecretRef("env", "KEY")
    async with connected(kind, url, timeout=limit, **settings) as provider, asyncio.timeout(30):
        with bounded_memory():
            fails_clearly(await listen(provider))
            for ask in (provider.ping, provider.checkpoints):
                try:
                    await ask()
                except ProviderError as error:
                    keeps_the_secret(error)
