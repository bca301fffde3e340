"""The chat: a transcript, a composer, and what keys do to them, put together from those who do the work."""

import inspect
from collections.abc import Coroutine
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message as Event
from textual.screen import Screen

from pluma_tui.core.actions import ACTIONS
from pluma_tui.core.chat import Conversation
from pluma_tui.core.errors import PlumaError
from pluma_tui.runtime.chat import OpenChat
from pluma_tui.runtime.wiring import Runtime, configured
from pluma_tui.screens import telling
from pluma_tui.screens.asking import Asking
from pluma_tui.screens.choosing import Choosing
from pluma_tui.screens.commands import Commands
from pluma_tui.screens.following import Following
from pluma_tui.screens.page import Page
from pluma_tui.screens.picker import Item, Picker
from pluma_tui.screens.reading import Reading
from pluma_tui.widgets.composer import Composer
from pluma_tui.widgets.keyhints import KeyHints
from pluma_tui.widgets.keys import bindings, keymap
from pluma_tui.widgets.statusline import StatusLine
from pluma_tui.widgets.transcript import Transcript


class ChatScreen(Screen[None]):
    """One conversation on the screen."""

    CSS_PATH = "chat.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("chat")]

    class SettingsChanged(Event):
        """The config file has changed and was taken in."""

    def __init__(
        self, runtime: Runtime, conversation: Conversation | None = None, model: str = "", draft: str = ""
    ) -> None:
        """`model` is what the command line asked for; empty for the conversation's or profile's own.

        `draft` is written already, and not sent.
        """
        super().__init__()
        self._runtime = runtime
        self._chat = OpenChat(runtime, conversation)
        if model:
            self._chat.pick(model)
        self._draft = draft

    def compose(self) -> ComposeResult:
        yield Transcript(id="transcript")
        keys = keymap(self._runtime.config.keys)
        yield Composer(keys, id="composer")
        yield StatusLine(id="status")
        yield KeyHints(keys, id="hints")

    def on_mount(self) -> None:
        transcript, status = self.query_one(Transcript), self.query_one(StatusLine)
        self._composer = self.query_one(Composer)
        self._page = Page(transcript, status)
        following = Following(self, transcript, status, lambda: self._runtime.config.ui.frame_rate)
        self._asking = Asking(self._chat, self._composer, self._page, following)
        choosing = Choosing(self, self._runtime, self._chat, self._page)
        self.commands = Commands(
            self._asking.commands,
            choosing.commands,
            Reading(transcript).commands,
            {"chat.new": self.new, "palette": self.palette},
        )
        transcript.reasoning = self._runtime.config.ui.reasoning
        self._composer.restore(self._draft)
        self._composer.focus()
        self._page.name(self._chat.profile, self._chat.model)
        self._show_what_was_said()
        if not self._chat.profile and not configured(self._runtime.loaded):
            self.action_do("setup")

    # -- asking

    @on(Composer.Submitted)
    def _submitted(self, event: Composer.Submitted) -> None:
        self.take_settings()
        self.run_worker(self._asking.ask(event.text))

    @on(Composer.Early)
    def _early(self) -> None:
        self.notify("The answer is still coming; esc stops it.", timeout=3)

    @work
    async def _show_what_was_said(self) -> None:
        transcript = self._page.transcript
        if self._chat.conversation is None:
            transcript.show(telling.greeting(self._runtime))
            self._asking.opened()
            return
        try:
            path = await self._chat.path()
        except PlumaError as error:
            self._page.failed(error)
            return
        finally:
            self._asking.opened()
        transcript.show([telling.entry(message) for message in path])
        if self._chat.conversation.profile not in ("", self._chat.profile):
            gone = self._chat.conversation.profile
            self._page.note(f"The profile {gone} is gone; {self._chat.profile} answers.")

    # -- settings

    def take_settings(self) -> None:
        """Look whether the config file has changed: take it in, or say what is wrong with it."""
        errors = self._runtime.refresh()
        if errors is None:
            return
        for problem in errors:
            self._page.note(problem.error(self._runtime.loaded.path).message)
        if errors:
            self._page.note("Until this is mended, the settings stay as they were.")
            return
        keys = keymap(self._runtime.config.keys)
        self._composer.rekey(keys)
        self.query_one(KeyHints).rekey(keys)
        self.post_message(self.SettingsChanged())
        self.notify("The settings were read again.", timeout=3)

    # -- commands

    def action_do(self, action_id: str, argument: str = "") -> None:
        """Do an action of the table, at once where that is possible, so that keys keep their order."""
        try:
            doing = self.commands.begin(action_id, argument)
        except PlumaError as error:
            self._page.failed(error)
            return
        if inspect.iscoroutine(doing):
            self.run_worker(self._finish(doing))

    async def _finish(self, doing: Coroutine[Any, Any, None]) -> None:
        try:
            await doing
        except PlumaError as error:
            self._page.failed(error)

    def new(self, _: str = "") -> None:
        """Begin a new conversation with what is written; an answer that is coming goes on in its turn."""
        self.app.switch_screen(ChatScreen(self._runtime, draft=self._composer.written))

    async def palette(self, _: str = "") -> None:
        """Find a command by typing."""
        items = [Item(a.id, a.title, a.help) for a in ACTIONS if a.scope in ("app", "chat")]
        chosen = await self.app.push_screen_wait(Picker("Commands", items))
        if chosen is None:
            return
        if chosen in self.commands:
            self.action_do(chosen)
        else:
            await self.run_action(f"app.{chosen.replace('.', '_')}")
