"""Work that lives by itself, like an answer or a picture: screens listen to it and may leave."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Generic, TypeVar

from pluma_tui.core.errors import PlumaError

Event = TypeVar("Event")
Result = TypeVar("Result")


class Background(ABC, Generic[Event, Result]):
    """One piece of work: its own task, which goes on when nobody listens.

    Who makes one on top of it asks (a coroutine that returns what went wrong), says what is new to a
    listener, and keeps what came, whatever the ending.
    """

    def __init__(self) -> None:
        self.error: PlumaError | None = None
        self._stopping = False
        self._changed = asyncio.Event()

    def _begin(self, asking: Coroutine[Any, Any, PlumaError | None], name: str) -> None:
        """Begin at once; a loop must be running."""
        # Two tasks, so that stopping the one never touches the other, which keeps what came.
        self._asking = asyncio.create_task(asking, name=f"asking for {name}")
        self._task = asyncio.create_task(self._run(), name=name)
        self._task.add_done_callback(lambda _: self._wake())

    @abstractmethod
    def _since(self, seen: int) -> tuple[list[Event], int]:
        """What is new to a listener that has seen `seen`, and what it will have seen then."""

    @abstractmethod
    def _is_last(self, event: Event) -> bool:
        """Whether nothing follows this event."""

    @abstractmethod
    async def _end(self) -> Result:
        """Keep what has come and tell the last event. `error` and `_stopping` say how it ended."""

    @property
    def done(self) -> bool:
        """Whether it has ended, and what came is kept."""
        return self._task.done()

    def stop(self) -> None:
        """Give up asking; what has come is kept. Does nothing on what has ended."""
        if not self._asking.done():
            self._stopping = True
            self._asking.cancel()

    async def wait(self) -> Result:
        """What came of it. `error` says what went wrong, if anything did."""
        return await asyncio.shield(self._task)

    async def listen(self, *, every: float = 0.0) -> AsyncIterator[list[Event]]:
        """The events from the first on, in batches at least `every` seconds apart; ends without raising."""
        seen = 0
        while True:
            changed = self._changed
            batch, seen = self._since(seen)
            if batch:
                yield batch
                if self._is_last(batch[-1]):
                    return
                if every:  # let events gather, but do not keep the ending waiting
                    await asyncio.wait({self._task}, timeout=every)
            elif self.done:
                return
            else:
                await changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _run(self) -> Result:
        try:
            error = await self._asking
            self.error = None if self._stopping else error
        except asyncio.CancelledError:
            self._stopping = True
        except Exception as bug:  # what came is kept all the same
            self.error = PlumaError(f"a bug: {type(bug).__name__}", hint="Please report it.")
            await self._end()
            raise
        return await self._end()
