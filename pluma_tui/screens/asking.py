"""Asking on the chat's screen: a question is sent, its answer followed, and words that got none come back."""

import asyncio

from pluma_tui.core.chat import Message
from pluma_tui.core.errors import PlumaError
from pluma_tui.runtime.chat import OpenChat
from pluma_tui.runtime.turn import Turn
from pluma_tui.runtime.turns import nothing_came
from pluma_tui.screens import telling
from pluma_tui.screens.commands import Command
from pluma_tui.screens.following import Following
from pluma_tui.screens.page import Page
from pluma_tui.widgets.composer import Composer


class Asking:
    """One conversation's questions, one after the other."""

    def __init__(self, chat: OpenChat, composer: Composer, page: Page, following: Following) -> None:
        self._chat = chat
        self._composer = composer
        self._page = page
        self._following = following
        self._opened = asyncio.Event()  # what was said before is on the page
        self._unanswered = [telling.GREETING]  # entries that the next question takes the place of
        self.commands: dict[str, Command] = {"chat.stop": self.stop}

    def opened(self) -> None:
        """What was said before is on the page: questions may follow it."""
        self._opened.set()

    async def ask(self, text: str) -> None:
        """Send it and show what comes of it."""
        try:
            await self._asked(text)
        finally:
            self._composer.ready()

    def stop(self, _: str = "") -> None:
        """Stop the answer; what came is kept."""
        if self._chat.turn is not None:
            self._chat.turn.stop()

    async def _asked(self, text: str) -> None:
        self._page.status.state = "sending"
        await self._opened.wait()
        try:
            turn = await self._chat.ask(text)
        except PlumaError as error:
            self._unanswered.append(self._page.failed(error))
            self._composer.restore(text)
            return
        for entry in self._unanswered:
            self._page.transcript.discard(entry)
        self._unanswered = []
        self._ended(turn, await self._following.follow(turn))

    def _ended(self, turn: Turn, message: Message) -> None:
        self._chat.learned(message.model)
        self._page.name(self._chat.profile, self._chat.model)
        told = [self._page.failed(turn.error)] if turn.error else []
        if nothing_came(message):  # failed, or stopped before its first word: the words come back
            self._page.transcript.discard(message.id)
            self._unanswered = [turn.question.id, *told]
            self._composer.restore(turn.question.text)
