"""One request to draw at an A1111 server: sent, followed, and taken back if nobody waits for it any more.

A job ends early by ``POST sdapi/v1/interrupt`` alone, which stops whatever runs, so it is sent only while
ours does. The job then answers as if all were well, with the picture at hand half drawn. One that still waits
for another's to end cannot be taken back: no server has a call for that.
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

from pluma_tui.core.errors import JobFailed, NotFound, ProviderError, Refused, TimedOut
from pluma_tui.core.events import Notice
from pluma_tui.core.images import ImageEvent, Picture, Queued
from pluma_tui.imaging.a1111_answer import Made, read
from pluma_tui.imaging.a1111_api import Api
from pluma_tui.imaging.a1111_request import Wanted, body, together
from pluma_tui.imaging.a1111_watch import Watch

_EVERY = 0.5  # seconds between two looks at the progress
_PARTING = 3.0  # seconds for a job that is being stopped to begin, and for the server to hear of it
_LAST_WORD = 10.0  # seconds for the answer to a job that is being stopped, if it may hold whole pictures
_LIMIT = "timeout in the profile limits a whole job; 0 is no limit."


class Job:
    """`count` pictures after `done` others. `pictures` are the whole ones afterwards, however it ended."""

    def __init__(self, api: Api, wanted: Wanted, count: int, done: int) -> None:
        """Nothing is sent before `run`."""
        self.pictures: tuple[Picture, ...] = ()
        self._api = api
        self._wanted = wanted
        self._done = done
        self._count = count
        self._together = together(wanted, count)
        task = f"task({uuid.uuid4().hex[:15]})"
        self._body = body(wanted, count, done, task)
        self._watch = Watch(api, wanted.route, task)
        self._stopped = False

    async def run(self, deadline: float | None) -> AsyncGenerator[ImageEvent, None]:
        """What is told of it while it runs. Closing it interrupts the job, if it is ours that is drawn.

        `deadline` is on the loop's clock. Raises ProviderError; JobFailed if somebody else interrupts it.
        """
        await self._watch.prepare()
        drawing = asyncio.create_task(self._api.draw(self._wanted.route, self._body))
        try:
            yield Queued()
            async with aclosing(self._events(drawing, deadline)) as events:
                async for event in events:
                    yield event
            if not drawing.done():
                limit = f"{self._api.timeout:g} s"
                raise TimedOut(f"{self._api.upstream} has not finished within {limit}", hint=_LIMIT)
        except BaseException:
            await self._take_back(drawing)
            raise
        made = await self._made(drawing)
        if not self._keep(made):
            raise JobFailed(f"the job was interrupted at {self._api.upstream}")
        if made.left:
            yield Notice(f"{self._api.upstream} sent {made.left} more pictures than are taken")
        if made.problem:
            raise made.problem

    async def _events(
        self, drawing: "asyncio.Task[bytearray]", deadline: float | None
    ) -> AsyncGenerator[ImageEvent, None]:
        """What the watch sees until the drawing ends, or until the deadline."""
        clock = asyncio.get_running_loop().time
        while not drawing.done() and (deadline is None or clock() < deadline):
            left = None if deadline is None else deadline - clock()
            looking = asyncio.create_task(self._watch.look())
            try:
                await asyncio.wait({drawing, looking}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            finally:
                # A look that takes long does not hold up the end.
                await _cancelled(looking)
            for event in () if looking.cancelled() else looking.result():
                yield event
            pause = _EVERY if deadline is None else min(_EVERY, max(deadline - clock(), 0))
            await asyncio.wait({drawing}, timeout=pause)

    async def _made(self, drawing: "asyncio.Task[bytearray]") -> Made:
        request = self._wanted.request
        try:
            return read(await drawing, self._api.upstream, request, self._done, self._count)
        except Refused as error:
            told = await self._api.explained(error, request.sampler)
            if told.status < 500 or isinstance(told, NotFound):
                raise told from error
            # What went wrong on the server while it drew is a job that failed.
            raise JobFailed(told.message, hint=told.hint, status=told.status) from error

    async def _take_back(self, drawing: "asyncio.Task[bytearray]") -> None:
        """Interrupt the job if it is not over; the pictures that were whole by then are kept."""
        try:
            with suppress(ProviderError, TimeoutError):
                async with asyncio.timeout(_PARTING):
                    await self._interrupt(drawing)
            if self._has_whole_ones():
                await asyncio.wait({drawing}, timeout=_LAST_WORD)
        finally:
            await _cancelled(drawing)  # no sooner: the connection is held until the server knows
        if not drawing.cancelled() and not drawing.exception():
            with suppress(ProviderError):
                self._keep(await self._made(drawing))

    def _has_whole_ones(self) -> bool:
        """Whether whole pictures may be on their way: interrupted among several, or over before that."""
        return self._count > self._together if self._stopped else self._watch.began

    def _keep(self, made: Made) -> bool:
        """Keep the pictures that are whole; returns whether that is all."""
        fewer = len(made.pictures) < made.expected  # the sign of an interrupt that the watch did not see
        interrupted = self._stopped or self._watch.interrupted or fewer
        whole = made.pictures[: -self._together] if interrupted else made.pictures
        self.pictures = tuple(one for one in whole if isinstance(one, Picture))
        return not interrupted

    async def _interrupt(self, drawing: "asyncio.Task[bytearray]") -> None:
        """Stop it as soon as it is the one that runs."""
        while not drawing.done():
            standing = await self._watch.standing()
            if standing:
                self._stopped = True
                await self._api.tell("sdapi/v1/interrupt")
            if standing is not None:
                return
            await asyncio.wait({drawing}, timeout=_EVERY)


async def _cancelled(task: "asyncio.Task[Any]") -> None:
    """Cancel a task, if it is not done, and wait for its end; what it raised is nobody's any more."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
