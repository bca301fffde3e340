"""Asking on the chat's screen: a question is sent, its answer followed, and words that got none come back."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from textual.screen import Screen

from pluma_tui.core.chat import Message
from pluma_tui.core.errors import PlumaError, UsageError
from pluma_tui.core.written import Written
from pluma_tui.files import mentions
from pluma_tui.runtime.chat import OpenChat
from pluma_tui.runtime.turn import Turn
from pluma_tui.runtime.turns import nothing_came
from pluma_tui.screens import telling
from pluma_tui.screens.commands import Command
from pluma_tui.screens.following import Following
from pluma_tui.screens.page import Page
from pluma_tui.screens.queue import Queue
from pluma_tui.widgets.composer import Composer


class Asking:
    """One conversation's questions, one after the other; the next ones wait in a queue."""

    def __init__(
        self,
        screen: Screen[Any],
        chat: OpenChat,
        composer: Composer,
        page: Page,
        following: Following,
        changed: Callable[[], None],
    ) -> None:
        """`changed` is told when there is something else in `queue`."""
        self._screen = screen
        self._chat = chat
        self._composer = composer
        self._page = page
        self._following = following
        self._opened = asyncio.Event()  # what was said before is on the page
        self._unanswered = [telling.GREETING]  # entries that the next question takes the place of
        self._busy = False
        self.queue = Queue(changed)
        self.commands: dict[str, Command] = {"chat.stop": self.stop, "chat.regenerate": self.regenerate}

    def opened(self) -> None:
        """What was said before is on the page: questions may follow it."""
        self._opened.set()

    def submit(self, written: Written) -> None:
        """Send it now, or when the answer has come that is on its way."""
        if self._busy:
            self.queue.put(written)
        else:
            self._send(written)

    def go_on(self) -> None:
        """The person wants those that were held to be sent."""
        self.queue.release()
        self._next()

    def take_back(self) -> None:
        """The last of those that wait comes back to the composer."""
        if (written := self.queue.take_back()) is not None:
            self._composer.restore(written)

    def stop(self, _: str = "") -> None:
        """Close the list of completions, else stop the answer: what came is kept, and the queue is held."""
        if not self._composer.close_offers() and self._busy:
            self.queue.hold()
            if self._chat.turn is not None:
                self._chat.turn.stop()

    def regenerate(self, _: str = "") -> None:
        """Have the last question answered once more. Raises UsageError while an answer comes."""
        if self._busy:
            raise UsageError("the answer is still coming", hint="Esc stops it.")
        self._begin(self._asked_again())

    def _next(self) -> None:
        if not self._busy and (written := self.queue.leave()) is not None:
            self._send(written)

    def _send(self, written: Written) -> None:
        self.queue.sending(written)
        self._begin(self._asked(written))

    def _begin(self, exchange: Coroutine[Any, Any, bool]) -> None:
        self._busy = True
        self._page.status.state = "sending"
        self._screen.run_worker(self._carry_out(exchange))

    async def _carry_out(self, exchange: Coroutine[Any, Any, bool]) -> None:
        """The queue goes on after an answer only: nobody wants three questions to a server that is down."""
        try:
            if not await exchange:
                self.queue.hold()
        finally:
            self._busy = False
        self._next()

    async def _asked(self, written: Written) -> bool:
        """Ask and show the answer; whether there is one."""
        await self._opened.wait()
        try:
            parts = await asyncio.to_thread(mentions.read, written.text)
            turn = await self._chat.ask(written.whole, parts)
        except PlumaError as error:
            self._unanswered.append(self._page.failed(error))
            self._composer.restore(written)
            self.queue.sent()
            return False
        self.queue.sent()  # not if the screen goes before it is stored: then it waits for the next window
        self._discard(self._unanswered)
        self._unanswered = []
        message = await self._following.follow(turn)
        told = self._ended(turn, message)
        if nothing_came(message):  # failed, or stopped before its first word: the words come back
            self._page.transcript.discard(message.id)
            self._unanswered = [turn.question.id, *told]
            self._composer.restore(written)
        return message.ending not in ("failed", "stopped")

    async def _asked_again(self) -> bool:
        """Ask the last question again; the answer that it had comes back if there is no other."""
        await self._opened.wait()
        try:
            before = await self._chat.exchange()
            turn = await self._chat.ask_again()
        except PlumaError as error:
            self._page.failed(error)
            return False
        self._discard([one.id for one in before] + self._unanswered)
        self._unanswered = []
        message = await self._following.follow(turn)
        told = self._ended(turn, message)
        if nothing_came(message):
            self._discard([message.id, turn.question.id, *told])
            for one in before:
                self._page.transcript.add(telling.entry(one))
            await self._chat.back_to(before[-1].id)
            if turn.error:
                self._page.failed(turn.error)
        return message.ending not in ("failed", "stopped")

    def _ended(self, turn: Turn, message: Message) -> list[str]:
        """What an answer's end changes; returns the entries that tell of an error."""
        self._chat.learned(message.model)
        self._page.name(self._chat.profile, self._chat.model)
        return [self._page.failed(turn.error)] if turn.error else []

    def _discard(self, entries: Sequence[str]) -> None:
        for entry in entries:
            self._page.transcript.discard(entry)
