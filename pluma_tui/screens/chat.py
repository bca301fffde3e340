"""The chat: a transcript, a composer, and what keys do to them. The work is done in the runtime."""

import asyncio
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message as Event
from textual.screen import Screen

from pluma_tui.core.actions import ACTIONS
from pluma_tui.core.chat import Conversation, Message
from pluma_tui.core.errors import PlumaError
from pluma_tui.core.ids import new_id
from pluma_tui.core.text import clean_line
from pluma_tui.runtime.chat import OpenChat
from pluma_tui.runtime.turn import Turn
from pluma_tui.runtime.turns import nothing_came
from pluma_tui.runtime.wiring import Runtime, configured
from pluma_tui.screens import telling
from pluma_tui.screens.following import Following
from pluma_tui.screens.picker import Item, Picker
from pluma_tui.widgets.composer import Composer
from pluma_tui.widgets.keyhints import KeyHints
from pluma_tui.widgets.keys import bindings, keymap, method
from pluma_tui.widgets.statusline import StatusLine
from pluma_tui.widgets.transcript import Entry, Transcript


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
        self._opened = asyncio.Event()  # what was said before is on the page
        self._unanswered = [telling.GREETING]  # entries that the next question takes the place of

    def compose(self) -> ComposeResult:
        yield Transcript(id="transcript")
        keys = keymap(self._runtime.config.keys)
        yield Composer(keys, id="composer")
        yield StatusLine(id="status")
        yield KeyHints(keys, id="hints")

    def on_mount(self) -> None:
        self._transcript = self.query_one(Transcript)
        self._composer = self.query_one(Composer)
        self._status = self.query_one(StatusLine)
        self._following = Following(
            self, self._transcript, self._status, lambda: self._runtime.config.ui.frame_rate
        )
        self._transcript.reasoning = self._runtime.config.ui.reasoning
        self._composer.restore(self._draft)
        self._composer.focus()
        self._show_names()
        if self._chat.conversation is not None:
            self._open()
        else:
            self._transcript.show(telling.greeting(self._runtime))
            self._opened.set()
        if not self._chat.profile and not configured(self._runtime.loaded):
            self.action_setup()

    # -- asking

    @on(Composer.Submitted)
    def _submitted(self, event: Composer.Submitted) -> None:
        self._ask(event.text)

    @on(Composer.Early)
    def _early(self) -> None:
        self.notify("The answer is still coming; esc stops it.", timeout=3)

    @work
    async def _ask(self, text: str) -> None:
        try:
            await self._asked(text)
        finally:
            self._composer.ready()

    async def _asked(self, text: str) -> None:
        self._status.state = "sending"
        await self._opened.wait()
        self.take_settings()
        try:
            turn = await self._chat.ask(text)
        except PlumaError as error:
            self._unanswered.append(self._failed(error))
            self._composer.restore(text)
            return
        for entry in self._unanswered:
            self._transcript.discard(entry)
        self._unanswered = []
        self._ended(turn, await self._following.follow(turn))

    def _ended(self, turn: Turn, message: Message) -> None:
        self._chat.learned(message.model)
        self._show_names()
        told = [self._failed(turn.error)] if turn.error else []
        if nothing_came(message):  # failed, or stopped before its first word: the words come back
            self._transcript.discard(message.id)
            self._unanswered = [turn.question.id, *told]
            self._composer.restore(turn.question.text)

    def _failed(self, error: PlumaError) -> str:
        entry = telling.error(error)
        self._transcript.add(entry)
        self._status.state = "failed"
        return entry.id

    # -- opening

    @work
    async def action_setup(self) -> None:
        """Offer who could answer: at the first start, and whenever it is asked for."""
        from pluma_tui.screens.welcome import Welcome

        chosen = await self.app.push_screen_wait(Welcome(self._runtime))
        if chosen is not None:
            self._chat.switch(chosen)
            self._show_names()

    @work
    async def _open(self) -> None:
        try:
            path = await self._chat.path()
        except PlumaError as error:
            self._failed(error)
            return
        finally:
            self._opened.set()
        self._transcript.show([telling.entry(message) for message in path])
        if self._chat.conversation and self._chat.conversation.profile not in ("", self._chat.profile):
            self._note(
                f"The profile {self._chat.conversation.profile} is gone; {self._chat.profile} answers."
            )

    def _note(self, text: str) -> None:
        self._transcript.add(Entry(id=new_id(), role="notice", text=text))

    def _show_names(self) -> None:
        self._status.profile, self._status.model = self._chat.profile, self._chat.model

    # -- settings

    def take_settings(self) -> None:
        """Look whether the config file has changed: take it in, or say what is wrong with it."""
        errors = self._runtime.refresh()
        if errors is None:
            return
        for problem in errors:
            self._note(problem.error(self._runtime.loaded.path).message)
        if errors:
            self._note("Until this is mended, the settings stay as they were.")
            return
        keys = keymap(self._runtime.config.keys)
        self._composer.rekey(keys)
        self.query_one(KeyHints).rekey(keys)
        self.post_message(self.SettingsChanged())
        self.notify("The settings were read again.", timeout=3)

    # -- actions

    def action_chat_stop(self) -> None:
        """Stop the answer; what came is kept."""
        if self._chat.turn is not None:
            self._chat.turn.stop()

    def action_chat_new(self) -> None:
        """Begin a new conversation with what is written; an answer that is coming goes on in its turn."""
        self.app.switch_screen(ChatScreen(self._runtime, draft=self._composer.written))

    def action_reasoning_toggle(self) -> None:
        """Show or fold all reasoning."""
        self._transcript.toggle_reasoning()

    def action_transcript_up(self) -> None:
        """Back by a page."""
        self._transcript.scroll_page_up(animate=False)

    def action_transcript_down(self) -> None:
        """On by a page."""
        self._transcript.scroll_page_down(animate=False)

    def action_transcript_home(self) -> None:
        """To the first message."""
        self._transcript.scroll_home(animate=False)

    def action_transcript_end(self) -> None:
        """To the end, and follow."""
        self._transcript.to_end()

    @work
    async def action_profile_switch(self) -> None:
        """Choose another profile for this conversation."""
        connections = self._runtime.connections
        items = [Item(name, name, telling.profile(connections.profile(name))) for name in connections.names()]
        chosen = await self.app.push_screen_wait(Picker("Profile", items, at=self._chat.profile))
        if chosen is not None and chosen != self._chat.profile:
            self._chat.switch(chosen)
            self._switched()

    @work
    async def action_profile_default(self) -> None:
        """Write the profile of this conversation down as the one that new ones begin with."""
        from pluma_tui.config import edit

        if not self._chat.profile:
            return
        try:
            edit.set_value(self._runtime.loaded.path, ("chat", "active"), self._chat.profile)
        except PlumaError as error:
            self._failed(error)
            return
        self._runtime.refresh()
        self.notify(f"New conversations begin with {clean_line(self._chat.profile)}.", timeout=3)

    @work
    async def action_model_pick(self) -> None:
        """Choose another model of this profile's server."""

        async def load() -> list[Item]:
            return [Item(m.id, m.label or m.id, telling.model(m)) for m in await self._chat.models()]

        chosen = await self.app.push_screen_wait(Picker("Model", load=load, at=self._chat.model))
        if chosen is not None and chosen != self._chat.model:
            self._chat.pick(chosen)
            self._switched()

    def _switched(self) -> None:
        self._show_names()
        model = f" · {self._chat.model}" if self._chat.model else ""
        self._note(f"From here on {self._chat.profile}{model} answers.")

    @work
    async def action_palette(self) -> None:
        """Find a command by typing."""
        items = [Item(method(a), a.title, a.help) for a in ACTIONS if a.scope in ("app", "chat")]
        chosen = await self.app.push_screen_wait(Picker("Commands", items))
        if chosen is not None:
            await asyncio.sleep(0)
            await self.run_action(chosen if hasattr(self, f"action_{chosen}") else f"app.{chosen}")
