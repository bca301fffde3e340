"""One job on a ComfyUI: sent, followed, and cancelled if nobody waits for it any more.

The websocket is for progress only. What became of the job is decided by its history entry together with the
queue, so that a socket that is refused, goes silent or reconnects changes nothing.
"""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from pluma_tui.core.errors import (
    BrokenStream,
    JobFailed,
    ProviderError,
    RateLimited,
    Refused,
    TimedOut,
    Unreachable,
)
from pluma_tui.core.events import Notice
from pluma_tui.core.images import ImageEvent, Queued
from pluma_tui.imaging.comfy_api import ComfyApi
from pluma_tui.imaging.comfy_cancel import take_back
from pluma_tui.imaging.comfy_errors import node_errors
from pluma_tui.imaging.comfy_events import Events
from pluma_tui.imaging.comfy_frames import FLAGS, Frames
from pluma_tui.imaging.comfy_history import Entry, read_entry
from pluma_tui.imaging.workflow import Graph, leaves
from pluma_tui.transport import ws

_PASSING = (Unreachable, RateLimited, BrokenStream)  # what may be better at the next look


@dataclass(frozen=True)
class Pace:
    """How often and how long things are tried, in seconds.

    `poll` is between two looks at the history, `queue` between two at the queue while the job is known to
    run. `silence` is for one answer: the server may be busy loading a model, and say nothing meanwhile.
    `patience` is how long it may be out of reach, `farewell` how long cancelling may take, and `rescue` each
    of waiting for what a cancelled job had finished and fetching it.
    """

    poll: float = 1.0
    queue: float = 10.0
    silence: float = 300.0
    patience: float = 60.0
    handshake: float = 3.0
    reconnect: float = 2.0
    farewell: float = 15.0
    rescue: float = 10.0


class Job:
    """A graph to be run. Afterwards `left_out` tells what was not done of it, and `entry` how it ended.

    A job that was cancelled has an entry if there may be something in it.
    """

    def __init__(
        self, api: ComfyApi, graph: Graph, *, timeout: float = 0.0, pace: Pace | None = None
    ) -> None:
        """`timeout` is the limit for the whole job in seconds, 0 for none."""
        self.graph = graph
        self.entry: Entry | None = None
        self.left_out = ""
        self._api = api
        self._timeout = timeout
        self._pace = pace or Pace()
        self._client_id = str(uuid.uuid4())
        self._frames = Frames(str(uuid.uuid4()), api.where)
        self._events = Events()
        self._connected = asyncio.Event()
        self._look = asyncio.Event()
        self._on_server = False
        self._position: int | None = None
        self._asked_queue = float("-inf")  # on the loop's clock

    @property
    def cached(self) -> bool:
        """Whether nothing was done: the server had it all from an earlier time."""
        return self._frames.cached >= self.graph.keys()

    async def run(self) -> AsyncGenerator[ImageEvent, None]:
        """The job's events. Closing it before its end cancels the job on the server.

        Raises JobFailed if the job is refused, or taken out of the queue, and ProviderError if the server
        cannot be asked any more.
        """
        listening = asyncio.create_task(self._listen())
        working = asyncio.create_task(self._work())
        working.add_done_callback(lambda _: self._events.close())
        working.add_done_callback(lambda _: listening.cancel())
        try:
            async for event in self._events:
                yield event
            await working
        finally:
            working.cancel()
            await asyncio.gather(listening, working, return_exceptions=True)

    async def _work(self) -> None:
        """The job from its beginning to its end; being cancelled, it takes the job back."""
        # Listen from before the job is sent, if that can be had soon.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._connected.wait(), self._pace.handshake)
        submitting = asyncio.create_task(self._submit())
        try:
            await asyncio.shield(submitting)
            await self._decide()
        finally:
            if not submitting.done():  # only the answer tells for certain what is to be cancelled
                await asyncio.wait({submitting}, timeout=self._pace.farewell)
                submitting.cancel()
            if self._on_server:
                await self._cancel()

    async def _submit(self) -> None:
        body = {
            "prompt": self.graph,
            "client_id": self._client_id,
            "prompt_id": self._frames.prompt_id,
            "extra_data": {"preview_method": "latent2rgb"},
        }
        self._on_server = True
        try:
            submitted = await self._api.submit(body, self.graph)
        except Refused:
            self._on_server = False
            raise
        self._frames.prompt_id = submitted.prompt_id  # older servers choose it themselves
        self.left_out, _ = node_errors(submitted.node_errors, self.graph)
        if self.left_out:
            self._events.put(Notice(f"a part of the workflow is left out: {self.left_out}"))

    async def _listen(self) -> None:
        """Hand frames on for as long as the job lives; whatever goes wrong here is passed over."""
        params = {"clientId": self._client_id}
        while True:
            try:
                async with ws.connect(self._api.client, "ws", params=params) as socket:
                    await socket.send(FLAGS)
                    self._connected.set()
                    async for frame in socket:
                        self._take(frame)
            except Refused as error:
                if not error.retryable:
                    return  # a proxy that knows no websockets will not learn
            except ProviderError:
                pass
            finally:
                self._connected.set()
            await asyncio.sleep(self._pace.reconnect)

    def _take(self, frame: str | bytes) -> None:
        event = self._frames.read(frame)
        if self._frames.running:
            self._tell_position(0)
        if event is not None:
            self._events.put(event)
        if self._frames.over:  # told more than once, and in the history a little later
            self._look.set()

    async def _decide(self) -> None:
        """Ask until it is clear what became of the job."""
        loop = asyncio.get_running_loop()
        limit = loop.time() + self._timeout if self._timeout else None
        lost: float | None = None
        while True:
            try:
                await self._ask(loop.time())
                lost = None
            except TimedOut as error:
                raise self._gone(error) from error
            except _PASSING as error:
                lost = loop.time() if lost is None else lost
                if loop.time() - lost >= min(self._pace.patience, self._timeout or self._pace.patience):
                    raise self._gone(error) from error
            if not self._on_server:
                return
            if limit is not None and loop.time() >= limit:
                raise JobFailed(f"the picture was not done within {self._timeout:g} seconds", hint=_LIMIT)
            await self._rest()

    async def _ask(self, now: float) -> None:
        """Look for the job in the history, then in the queue. Raises JobFailed if it is in neither."""
        if await self._ended() or (self._frames.running and now - self._asked_queue < self._pace.queue):
            return
        self._asked_queue = now
        queue = await self._api.queue()
        position = 0 if self._frames.prompt_id in queue.running else queue.position(self._frames.prompt_id)
        if position is None:
            # It may have ended since it was looked for: the server moves it there in one go.
            if not await self._ended():
                self._on_server = False
                hint = "Somebody deleted it there, or the server was started anew."
                raise JobFailed("the job was taken out of the server's queue", hint=hint)
        else:
            self._tell_position(position)

    def _tell_position(self, position: int) -> None:
        """The place in the queue, when it changes; the socket may know first that there is none before it."""
        if position != self._position != 0:
            self._position = position
            self._events.put(Queued(position))

    async def _ended(self) -> bool:
        entry = await self._api.history(self._frames.prompt_id)
        if entry is not None:
            self.entry = read_entry(entry)
            self._on_server = False
        return entry is not None

    def _gone(self, error: ProviderError) -> BrokenStream:
        hint = "The server may have crashed, or still be at work: its own window tells."
        return BrokenStream(f"the server went away while it had the job: {error.message}", hint=hint)

    async def _cancel(self) -> None:
        """Take the job back, and see what it has finished; what fails here cannot be helped."""
        begun = False
        with contextlib.suppress(ProviderError, TimeoutError):
            async with asyncio.timeout(self._pace.farewell):
                begun = await take_back(self._api, self._frames.prompt_id, self._client_id)
        if begun:
            with contextlib.suppress(ProviderError, TimeoutError):
                async with asyncio.timeout(self._pace.rescue):
                    await self._see_what_is_left()

    async def _see_what_is_left(self) -> None:
        """Look for the entry, and wait for it if there may be pictures in it: an interrupt takes its time.

        A graph with a single end has none before it is over, unless a node on the way told of some.
        """
        several = len(leaves(self.graph)) > 1
        while not await self._ended() and (several or self._frames.made):
            await self._rest()

    async def _rest(self) -> None:
        """Wait until it is time for another look, or the socket says that it is."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._look.wait(), self._pace.poll)
        self._look.clear()


_LIMIT = "timeout in the profile sets how long a job may take; 0 sets no limit."
