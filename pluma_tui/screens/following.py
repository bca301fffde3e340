"""Showing an answer as it comes: what a turn says, on the transcript and the status line."""

import asyncio
import time
from collections.abc import Callable, Sequence

from textual.message import Message as Event
from textual.screen import Screen

from pluma_tui.core.chat import Message
from pluma_tui.core.events import ChatEvent, Notice, ReasoningDelta, TextDelta
from pluma_tui.core.ids import now
from pluma_tui.runtime.turn import Turn
from pluma_tui.screens import telling
from pluma_tui.widgets.line import unsent
from pluma_tui.widgets.statusline import StatusLine
from pluma_tui.widgets.transcript import Entry, Transcript

PATIENCE = 0.02  # seconds between two looks whether a slow line is free again
TICK = 1.0  # seconds between two changes of the status line: each costs bytes


class Answered(Event):
    """An answer has ended; `seconds` is how long it took, `title` the conversation's."""

    def __init__(self, title: str, seconds: float) -> None:
        super().__init__()
        self.title = title
        self.seconds = seconds


class Following:
    """Follows turns for as long as its screen is there; a turn goes on without it."""

    def __init__(
        self,
        screen: Screen[None],
        transcript: Transcript,
        status: StatusLine,
        frame_rate: Callable[[], int],
    ) -> None:
        """`frame_rate` is asked for each answer: repaints a second."""
        self._screen = screen
        self._transcript = transcript
        self._status = status
        self._frame_rate = frame_rate

    async def follow(self, turn: Turn) -> Message:
        """Show question and answer to the end; returns the stored answer. Raises StoreError."""
        self._transcript.add(telling.entry(turn.question))
        time_now = telling.clock(now())
        self._transcript.add(Entry(turn.id, "assistant", label=turn.model, running=True, time=time_now))
        ticking = self._screen.set_interval(TICK, lambda: self._tick(turn))
        try:
            async for batch in turn.listen(every=1 / self._frame_rate()):
                await self._line_is_free()
                self._show(turn.id, batch)
            message = await turn.wait()
        finally:
            ticking.stop()
        if sources := telling.sources(message):
            self._transcript.feed(message.id, text=sources)
        label = message.model or "assistant"
        self._transcript.finish(message.id, footer=telling.footer(message), label=label)
        seconds = time.monotonic() - turn.started
        self._status.state = telling.ended(message, seconds)
        if message.ending != "stopped":
            self._screen.post_message(Answered(turn.conversation.title, seconds))
        return message

    async def _line_is_free(self) -> None:
        """On a slow line wait with more until what was painted is sent: the next batch is the bigger.

        A thread of Textual's empties the queue, which sets no event of ours.
        """
        while unsent(self._screen.app):  # noqa: ASYNC110
            await asyncio.sleep(PATIENCE)

    def _show(self, message_id: str, batch: Sequence[ChatEvent]) -> None:
        text = "".join(event.text for event in batch if isinstance(event, TextDelta))
        reasoning = "".join(event.text for event in batch if isinstance(event, ReasoningDelta))
        if text or reasoning:
            self._transcript.feed(message_id, text=text, reasoning=reasoning)
        for event in batch:
            if isinstance(event, Notice):
                self._status.state = event.message

    def _tick(self, turn: Turn) -> None:
        if (state := telling.progress(turn)) and not turn.done and not unsent(self._screen.app):
            self._status.state = state
