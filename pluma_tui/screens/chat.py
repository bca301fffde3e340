"""The chat: a transcript, a composer, and what keys do to them, put together from those who do the work."""

import inspect
from collections.abc import Coroutine
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message as Event
from textual.screen import Screen
from textual.widgets import Static, TextArea

from pluma_tui.core.actions import ACTIONS, by_id
from pluma_tui.core.chat import Conversation
from pluma_tui.core.errors import PlumaError, UsageError
from pluma_tui.core.written import Written
from pluma_tui.runtime import unfolding
from pluma_tui.runtime.chat import OpenChat
from pluma_tui.runtime.wiring import Runtime, configured
from pluma_tui.screens import telling
from pluma_tui.screens.adjusting import Adjusting
from pluma_tui.screens.asking import Asking
from pluma_tui.screens.choosing import Choosing
from pluma_tui.screens.commands import Commands
from pluma_tui.screens.composing import Composing
from pluma_tui.screens.conversing import Conversing
from pluma_tui.screens.following import Following
from pluma_tui.screens.keeping import Keeping
from pluma_tui.screens.page import Page
from pluma_tui.screens.picker import Item, Picker
from pluma_tui.screens.reading import Reading
from pluma_tui.widgets.composer import Composer, Offers, Waiting
from pluma_tui.widgets.findbar import FindBar, Step
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
        self,
        runtime: Runtime,
        conversation: Conversation | None = None,
        model: str = "",
        draft: Written | None = None,
    ) -> None:
        """`model` is what the command line asked for; empty for the conversation's or profile's own.

        `draft` is written already, and not sent.
        """
        super().__init__()
        self._runtime = runtime
        self._chat = OpenChat(runtime, conversation)
        if model:
            self._chat.pick(model)
        self._draft = draft or Written()

    def compose(self) -> ComposeResult:
        yield Transcript(id="transcript")
        keys = keymap(self._runtime.config.keys)
        yield Waiting(id="waiting")
        yield Static(id="facts")
        yield Offers(id="offers")
        yield Composer(keys, id="composer")
        yield StatusLine(id="status")
        yield FindBar(id="find")
        yield KeyHints(keys, id="hints")

    def on_mount(self) -> None:
        transcript, status = self.query_one(Transcript), self.query_one(StatusLine)
        self._composer = self.query_one(Composer)
        self._page = Page(transcript, status)
        following = Following(self, transcript, status, lambda: self._runtime.config.ui.frame_rate)
        self._asking = Asking(self, self._chat, self._composer, self._page, following, self._queue_changed)
        self._keeping = Keeping(self, self._chat, self._composer, self._asking.queue)
        self._composing = Composing(self, self._runtime, self._composer, self.query_one("#facts", Static))
        bar = self.query_one(FindBar)
        self._reading = Reading(self, transcript, self._composer, bar, status, self._unfolded)
        choosing = Choosing(self, self._runtime, self._chat, self._page)
        self.commands = Commands(
            self._asking.commands,
            choosing.commands,
            Adjusting(self, self._runtime, self._chat, self._page, self.take_settings).commands,
            self._reading.commands,
            self._composing.commands,
            Conversing(self, self._runtime, self._chat, self._page, self._composer).commands,
            {"chat.new": self.new, "chat.stop": self.stop, "palette": self.palette},
        )
        self._reading.rekey(keymap(self._runtime.config.keys))
        transcript.reasoning = unfolding.shown(self._runtime.data, self._runtime.config.ui.reasoning)
        self._keeping.open(self._runtime.data, self._draft)
        self._composer.focus()
        self._page.name(self._chat.profile, self._chat.model)
        self._show_what_was_said()
        if not self._chat.profile and not configured(self._runtime.loaded):
            self.action_do("setup")

    # -- asking

    @on(Composer.Submitted)
    def _submitted(self, event: Composer.Submitted) -> None:
        self.take_settings()
        self._asking.submit(event.written)

    @on(Composer.GoOn)
    def _go_on(self) -> None:
        self._asking.go_on()

    @on(Composer.TakeBack)
    def _take_back(self) -> None:
        self._asking.take_back()

    def _queue_changed(self) -> None:
        queue = self._asking.queue
        self.query_one(Waiting).show([one.text for one in queue.waiting], held=queue.held)
        self._composer.waiting = bool(queue.waiting)
        self._keeping.changed()

    @on(Composer.Commanded)
    def _commanded(self, event: Composer.Commanded) -> None:
        self._do(event.action, event.argument, event.written)

    @on(Composer.Unknown)
    def _unknown(self, event: Composer.Unknown) -> None:
        hint = "/help lists them; with a space before it, it is sent as it stands."
        self._page.failed(UsageError(f"there is no command {event.name}", hint=hint))

    @on(Composer.Wanted)
    def _carry_out(self, event: Composer.Wanted) -> None:
        self.action_do(event.action)

    # -- writing

    @on(Composer.Offered)
    def _offered(self, event: Composer.Offered) -> None:
        self.query_one(Offers).show(event.offers, event.at)

    @on(Offers.Chosen)
    def _chosen(self, event: Offers.Chosen) -> None:
        self._composer.choose(event.at)

    @on(TextArea.Changed, "#composer")
    def _written(self) -> None:
        self._composing.changed()
        self._keeping.changed()

    def on_unmount(self) -> None:
        self._keeping.close()

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

    # -- reading

    @on(FindBar.Wanted)
    def _words_typed(self, event: FindBar.Wanted) -> None:
        self._reading.finding.wanted(event.words)

    @on(Step)
    def _another_hit(self, event: Step) -> None:
        self._reading.finding.step(event.step)

    def _unfolded(self, reasoning: unfolding.Reasoning) -> None:
        unfolding.choose(self._runtime.data, self._runtime.config.ui.reasoning, reasoning)

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
        self._reading.rekey(keys)
        self.post_message(self.SettingsChanged())
        if self.is_active:  # else a screen above it has changed them, and shows that
            self.notify("The settings were read again.", timeout=3)

    # -- commands

    def action_do(self, action_id: str, argument: str = "") -> None:
        """Do an action of the table, at once where that is possible, so that keys keep their order."""
        self._do(action_id, argument, Written())

    def _do(self, action_id: str, argument: str, typed: Written) -> None:
        """As `action_do`; `typed` comes back to the composer if it fails."""
        if action_id not in self.commands and by_id(action_id).scope == "app":
            self.run_worker(self.run_action(f"app.{action_id.replace('.', '_')}"))
            return
        try:
            doing = self.commands.begin(action_id, argument)
        except PlumaError as error:
            self._failed(error, typed)
            return
        if inspect.iscoroutine(doing):
            self.run_worker(self._finish(doing, typed))

    async def _finish(self, doing: Coroutine[Any, Any, None], typed: Written) -> None:
        try:
            await doing
        except PlumaError as error:
            self._failed(error, typed)

    def _failed(self, error: PlumaError, typed: Written) -> None:
        self._page.failed(error)
        if typed.text:
            self._composer.restore(typed)

    def stop(self, _: str = "") -> None:
        """One step back from reading to writing; from there, stop the answer."""
        if not self._reading.leave():
            self._asking.stop()

    def new(self, _: str = "") -> None:
        """Begin a new conversation with what is written; an answer that is coming goes on in its turn."""
        written = self._composer.written
        self._composer.text = ""
        self._keeping.close()
        if self._asking.queue.waiting:
            self.notify("What waits stays with its conversation.", timeout=3)
        self.app.switch_screen(ChatScreen(self._runtime, draft=written))

    async def palette(self, _: str = "") -> None:
        """Find a command by typing."""
        items = [Item(a.id, a.title, a.help) for a in ACTIONS if a.scope in ("app", "chat")]
        chosen = await self.app.push_screen_wait(Picker("Commands", items))
        if chosen is not None:
            self.action_do(chosen)
