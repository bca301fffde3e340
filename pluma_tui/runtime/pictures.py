"""Picture jobs: each its own task, like a turn. What a server has made is kept, whoever listens."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from pluma_tui.core.errors import BrokenStream, JobFailed, PlumaError
from pluma_tui.core.events import Notice
from pluma_tui.core.images import ImageRequest, Picture, Preview, Progress, Queued, Ready
from pluma_tui.core.profile import ImageProfile
from pluma_tui.files import paths
from pluma_tui.imaging import registry as image_kinds
from pluma_tui.imaging import saving
from pluma_tui.imaging.defaults import settled
from pluma_tui.imaging.saving import Origin, Place, Saved
from pluma_tui.runtime.background import Background
from pluma_tui.runtime.connections import ImageConnectionManager

if TYPE_CHECKING:
    from pluma_tui.imaging.base import ImageProvider

Ending = Literal["complete", "stopped", "failed"]


@dataclass(frozen=True)
class Ended:
    """Nothing follows: the server is done with the job, and what it made is on disk."""

    ending: Ending


JobEvent = Queued | Progress | Preview | Notice | Saved | Ended


class Job(Background[JobEvent, list[Saved]]):
    """Pictures being made. `stop` cancels the job on the server; `wait` gives the pictures that were kept.

    A listener that comes late, or is slow, gets the newest place in the queue, step and preview, and all the
    rest, `Ended` last.
    """

    def __init__(self, provider: "ImageProvider", origin: Origin, places: Sequence[Place]) -> None:
        """Begins at once; must be made inside a running loop. A picture goes to the first place it can."""
        super().__init__()
        self.origin = origin
        self.saved: list[Saved] = []
        self._provider = provider
        self._places = places
        self._arrived: list[Picture] = []
        # Of what only the newest counts (queue, steps, preview) no more than that is held.
        self._events: dict[object, tuple[int, JobEvent]] = {}
        self._told = 0
        self._begin(self._ask(), "pictures")

    def _since(self, seen: int) -> tuple[list[JobEvent], int]:
        return [event for number, event in self._events.values() if number > seen], self._told

    def _is_last(self, event: JobEvent) -> bool:
        return isinstance(event, Ended)

    def _tell(self, event: JobEvent) -> None:
        self._told += 1
        key = type(event) if isinstance(event, Queued | Progress | Preview) else self._told
        self._events.pop(key, None)  # so that the order is that of telling
        self._events[key] = (self._told, event)
        self._wake()

    async def _ask(self) -> PlumaError | None:
        """Take in what the provider says; returns what went wrong."""
        try:
            await self._draw()
        except PlumaError as error:
            if isinstance(error, JobFailed):
                self._arrived += error.pictures
                error.pictures = ()
            return _let_go(error)
        return None

    async def _draw(self) -> None:
        ready = False
        async with aclosing(self._provider.generate(self.origin.request)) as events:
            async for event in events:
                if isinstance(event, Ready):
                    ready = True
                    self._arrived += event.pictures
                else:
                    self._tell(event)
        if not ready:
            raise BrokenStream(f"{self._provider.upstream} ended the job without a picture")

    async def _end(self) -> list[Saved]:
        """Keep what has come, each picture let go of once it is on disk."""
        self._events.pop(Preview, None)
        seeds = {picture.seed for picture in self._arrived}
        shared = len(self._arrived) > 1 and len(seeds) == 1
        for index in range(len(self._arrived)):
            await self._keep(self._arrived.pop(0), index, shared=shared)
        self._tell(Ended("failed" if self.error else "stopped" if self._stopping else "complete"))
        return self.saved

    async def _keep(self, picture: Picture, index: int, *, shared: bool) -> None:
        for place in self._places:
            try:
                saved = await asyncio.to_thread(saving.save, picture, self.origin, place)
            except PlumaError as error:
                self.error = self.error or error
                continue
            self.saved.append(saved)
            self._tell(saved)
            try:
                await asyncio.to_thread(
                    saving.describe, saved, picture, self.origin,
                    index=index, shared=shared, private=place.private,
                )  # fmt: skip
            except PlumaError as error:
                self._tell(Notice(f"What made it is not written beside it: {error.message}"))
            return


class Pictures:
    """Begins picture jobs and knows which are running."""

    def __init__(
        self, connections: ImageConnectionManager, data: Path, directory: str, template: str
    ) -> None:
        self._connections = connections
        self._data = data
        self._running: set[Job] = set()
        self.settle(directory, template)

    def settle(self, directory: str, template: str) -> None:
        """Where pictures go and what they are called, by the settings of those names; for the next job."""
        self.place = Place(paths.pictures_dir(directory, self._data), template)

    def begin(
        self,
        request: ImageRequest,
        profile: str | None = None,
        *,
        place: Place | None = None,
        sources: Mapping[str, str] | None = None,
    ) -> Job:
        """Ask the profile's server, or the active one's, for pictures; what is open is as the profile says.

        `place` None: where the settings say. `sources` tells, by the request's field, where its own pictures
        came from. Raises ConfigError, PlumaError; what the server says comes through the job.
        """
        chosen = self._connections.profile(profile)
        origin = Origin(_filled(request, chosen), chosen.name, chosen.kind, sources or {})
        place = place or self.place
        saving.prepare(place, origin)
        spare = Place(self._data / "pictures", self.place.template)  # for a disk that is full by then
        places = tuple(dict.fromkeys((place, spare)))
        job = Job(self._connections.provider(chosen.name), origin, places)
        self._running = {*self.running(), job}
        return job

    def running(self) -> list[Job]:
        """Jobs that have not ended."""
        self._running = {job for job in self._running if not job.done}
        return list(self._running)

    async def aclose(self) -> None:
        """Cancel all jobs on their servers, and wait until what was finished is kept."""
        jobs = self.running()
        for job in jobs:
            job.stop()
        await asyncio.gather(*(job.wait() for job in jobs), return_exceptions=True)


def _let_go(error: PlumaError) -> PlumaError:
    """The error without the frames that it came through: they hold pictures, and it may be kept for long."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _filled(request: ImageRequest, profile: ImageProfile) -> ImageRequest:
    """What is truly asked for: it can be asked for again when the profile is another."""
    filled = settled(request, profile)
    left_open: dict[str, object] = {}
    if request.init_image is not None or request.mask is not None:
        left_open["workflow"] = request.workflow  # the provider takes the one for that
    if request.seed != filled.seed and not image_kinds.load(profile.kind).seeds:
        left_open["seed"] = None
    return msgspec.structs.replace(filled, **left_open)
