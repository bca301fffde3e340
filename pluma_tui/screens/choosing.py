"""Choosing who answers: profile and model, in the middle of a chat."""

from contextlib import aclosing
from typing import Any

from textual.screen import Screen

from pluma_tui.config import edit
from pluma_tui.core.errors import UsageError
from pluma_tui.core.models import ModelInfo
from pluma_tui.core.text import clean_line
from pluma_tui.runtime.chat import OpenChat
from pluma_tui.runtime.states import states
from pluma_tui.runtime.wiring import Runtime
from pluma_tui.screens import telling
from pluma_tui.screens.commands import Command
from pluma_tui.screens.page import Page
from pluma_tui.screens.picker import Item, Picker, Tell

_TONES = {"good": "$success", "waiting": "$warning", "bad": "$error", "unknown": "$text-muted"}


class Choosing:
    """Switches the profile and the model of one conversation; an argument names them without a list."""

    def __init__(self, screen: Screen[Any], runtime: Runtime, chat: OpenChat, page: Page) -> None:
        self._screen = screen
        self._runtime = runtime
        self._chat = chat
        self._page = page
        self.commands: dict[str, Command] = {
            "profile.switch": self.profile,
            "profile.default": self.default,
            "model.pick": self.model,
            "setup": self.setup,
        }

    async def profile(self, name: str = "") -> None:
        """Another profile for this conversation. Raises ConfigError for a name that is none."""
        connections = self._runtime.connections
        if not name:
            items = [
                Item(one, one, telling.profile(connections.profile(one)), "…") for one in connections.names()
            ]
            note = "" if items else "None is configured yet."
            picker = Picker("Profile", items, watch=self._look, at=self._chat.profile, note=note)
            name = await self._pick(picker)
        if name and name != self._chat.profile:
            self._chat.switch(name)
            self._switched()

    async def model(self, name: str = "") -> None:
        """Another model of this profile's server; one that is named need not be in its list."""

        async def load() -> list[Item]:
            return [_item(model) for model in await self._chat.models()]

        title = f"Model of {self._chat.profile}" if self._chat.profile else "Model"
        name = name or await self._pick(Picker(title, load=load, at=self._chat.model, free=True))
        if name and name != self._chat.model:
            self._chat.pick(name)
            self._switched()

    def default(self, _: str = "") -> None:
        """Write the profile of this conversation down as the one that new ones begin with."""
        if not self._chat.profile:
            raise UsageError("no profile is in use")
        edit.set_value(self._runtime.loaded.path, ("chat", "active"), self._chat.profile)
        self._runtime.refresh()
        self._screen.notify(f"New conversations begin with {clean_line(self._chat.profile)}.", timeout=3)

    async def setup(self, _: str = "") -> None:
        """Offer who could answer: at the first start, and whenever it is asked for."""
        from pluma_tui.screens.welcome import Welcome

        chosen = await self._screen.app.push_screen_wait(Welcome(self._runtime))
        if chosen is not None:
            self._chat.switch(chosen)
            self._page.name(self._chat.profile, self._chat.model)

    async def _look(self, tell: Tell) -> None:
        """Tell how the servers are, as long as their list is open."""
        async with aclosing(states(self._runtime, self._runtime.connections.names())) as found:
            async for state in found:
                tell(state.profile, state.words, _TONES[state.health])

    async def _pick(self, picker: Picker) -> str:
        return await self._screen.app.push_screen_wait(picker) or ""

    def _switched(self) -> None:
        self._page.name(self._chat.profile, self._chat.model)
        model = f" · {self._chat.model}" if self._chat.model else ""
        self._page.note(f"From here on {self._chat.profile}{model} answers.")


def _item(model: ModelInfo) -> Item:
    state = "loaded" if model.loaded else ""
    return Item(model.id, model.label or model.id, telling.model(model), state, "$success")
