"""A turn: one question and the answer to it, living by itself. Screens listen to it and may leave.

What comes is stored at least once a second, the ending always.
"""

import asyncio
import time
from collections.abc import AsyncIterator

import msgspec

from pluma_tui.core.chat import ChatRequest, Conversation, Ending, Message, Usage
from pluma_tui.core.errors import PlumaError, StoreError
from pluma_tui.core.events import ChatEvent, Finished, Notice
from pluma_tui.core.profile import ConnectionProfile
from pluma_tui.providers.base import Provider
from pluma_tui.runtime import fetched
from pluma_tui.runtime.attempts import Attempts
from pluma_tui.runtime.draft import Draft, merged
from pluma_tui.storage.base import Store

CHECKPOINT = 0.5  # seconds between two stores of what has come


class Turn:
    """One answer being given: its own task, which goes on when nobody listens."""

    def __init__(
        self,
        conversation: Conversation,
        question: Message,
        answer: Message,
        profile: ConnectionProfile,
        *,
        provider: Provider,
        request: ChatRequest,
        store: Store,
    ) -> None:
        """Begins at once; must be made inside a running loop."""
        self.conversation = conversation
        self.question = question
        self.profile = profile
        self.error: PlumaError | None = None
        self.draft = Draft()
        self.usage: Usage | None = None  # known when the answer has ended
        self.started = time.monotonic()
        self._answer = answer
        self._store = store
        self._events: list[ChatEvent] = []
        self._changed = asyncio.Event()
        self._stopping = False
        self._attempts = Attempts(provider, request, profile.first_event_timeout, self._push)
        # Two tasks, so that stopping the one never touches the other, which stores what came.
        self._asking = asyncio.create_task(self._attempts.run(), name=f"asking for {answer.id}")
        self._task = asyncio.create_task(self._run(), name=f"turn {answer.id}")
        self._task.add_done_callback(lambda _: self._wake())

    @property
    def id(self) -> str:
        """The id of the answer's message."""
        return self._answer.id

    @property
    def model(self) -> str:
        """The model that answers; empty until it is known."""
        return self._attempts.request.model

    @property
    def done(self) -> bool:
        """Whether the answer has ended and is stored."""
        return self._task.done()

    def stop(self) -> None:
        """Close the stream; what has come is kept, marked stopped. Does nothing on an ended turn."""
        if not self._asking.done():
            self._stopping = True
            self._asking.cancel()

    async def wait(self) -> Message:
        """The stored message, with its ending. `error` says why one failed. Raises StoreError."""
        return await asyncio.shield(self._task)

    async def listen(self, *, every: float = 0.0) -> AsyncIterator[list[ChatEvent]]:
        """All events from the first on, in batches at least `every` seconds apart, deltas merged.

        Ends after `Finished` without raising, whatever the ending was.
        """
        at = 0
        while True:
            changed = self._changed
            if at < len(self._events):
                batch, at = merged(self._events[at:]), len(self._events)
                yield batch
                if isinstance(batch[-1], Finished):
                    return
                if every:
                    await self._pause(every)
            elif self.done:
                return
            else:
                await changed.wait()

    async def _pause(self, seconds: float) -> None:
        """Let events gather, but do not keep the ending waiting."""
        await asyncio.wait({self._task}, timeout=seconds)

    def _push(self, event: ChatEvent) -> None:
        self.draft.take(event)
        if not isinstance(event, Finished):  # that is said once everything is stored
            self._tell(event)

    def _tell(self, event: ChatEvent) -> None:
        self._events.append(event)
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _run(self) -> Message:
        saver = asyncio.create_task(self._save_often())
        try:
            await self._asking
        except PlumaError as error:
            self.error = None if self._stopping else error
        except asyncio.CancelledError:
            self._stopping = True
        except Exception as bug:  # what came is kept all the same
            self.error = PlumaError(f"a bug: {type(bug).__name__}", hint="Please report it.")
            await self._end()
            raise
        finally:
            saver.cancel()
            await asyncio.wait({saver})
        return await self._end()

    async def _end(self) -> Message:
        final = self._final()
        try:
            await self._store.finish(final)
            if self.model != self.conversation.model:
                await self._store.update(self.conversation.id, model=self.model)
        except StoreError as error:
            self.error = self.error or error
            final = msgspec.structs.replace(final, error=self.error.message)
        self._tell(Finished(final.ending or "failed"))
        return final

    def _final(self) -> Message:
        ending: Ending = self.draft.ending or ("stopped" if self._stopping else "failed")
        if self.error:
            ending = "failed"
        self.usage = self.draft.measured(fetched.model(self.profile.name, self.model))
        return msgspec.structs.replace(
            self._answer,
            text=self.draft.text(),
            reasoning=self.draft.reasoning(),
            parts=self.draft.parts(),
            usage=self.usage,
            model=self.model,
            ending=ending,
            error=self.error.message if self.error else "",
        )

    async def _save_often(self) -> None:
        stored = 0
        told = False
        while True:
            await asyncio.sleep(CHECKPOINT)
            if self.draft.pieces == stored:
                continue
            came = self.draft.pieces
            try:
                await self._store.checkpoint(self.id, self.draft.text(), self.draft.reasoning())
                stored = came
            except StoreError as error:  # the answer goes on, and so do we: the disk may have room again
                if not told:
                    self._tell(Notice(f"What comes is not being stored: {error.message}"))
                told = True
