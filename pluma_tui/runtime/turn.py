"""A turn: one question and the answer to it, living by itself. Screens listen to it and may leave.

What comes is stored at least once a second, the ending always.
"""

import asyncio
import time

import msgspec

from pluma_tui.core.chat import ChatRequest, Conversation, Ending, Message, Usage
from pluma_tui.core.errors import PlumaError, StoreError
from pluma_tui.core.events import ChatEvent, Finished, Notice
from pluma_tui.core.profile import ConnectionProfile
from pluma_tui.providers.base import Provider
from pluma_tui.runtime import fetched
from pluma_tui.runtime.attempts import Attempts
from pluma_tui.runtime.background import Background
from pluma_tui.runtime.draft import Draft, merged
from pluma_tui.storage.base import Store

CHECKPOINT = 0.5  # seconds between two stores of what has come


class Turn(Background[ChatEvent, Message]):
    """One answer being given. `wait` gives the stored message, with its ending, and raises StoreError.

    A listener gets all events from the first on, deltas merged, `Finished` last.
    """

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
        super().__init__()
        self.conversation = conversation
        self.question = question
        self.profile = profile
        self.draft = Draft()
        self.usage: Usage | None = None  # known when the answer has ended
        self.started = time.monotonic()
        self._answer = answer
        self._store = store
        self._events: list[ChatEvent] = []
        self._attempts = Attempts(provider, request, profile.first_event_timeout, self._push)
        self._begin(self._ask(), f"turn {answer.id}")

    @property
    def id(self) -> str:
        """The id of the answer's message."""
        return self._answer.id

    @property
    def model(self) -> str:
        """The model that answers; empty until it is known."""
        return self._attempts.request.model

    def _since(self, seen: int) -> tuple[list[ChatEvent], int]:
        return merged(self._events[seen:]), len(self._events)

    def _is_last(self, event: ChatEvent) -> bool:
        return isinstance(event, Finished)

    def _push(self, event: ChatEvent) -> None:
        self.draft.take(event)
        if not isinstance(event, Finished):  # that is said once everything is stored
            self._tell(event)

    def _tell(self, event: ChatEvent) -> None:
        self._events.append(event)
        self._wake()

    async def _ask(self) -> PlumaError | None:
        """Take in what the provider says; returns what went wrong."""
        saver = asyncio.create_task(self._save_often())
        try:
            await self._attempts.run()
        except PlumaError as error:
            return error
        finally:
            saver.cancel()
            await asyncio.wait({saver})
        return None

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
