"""What a conversation is asked with, its sampling and its system prompt; and the settings of all."""

from collections.abc import Callable
from typing import Any

from textual.screen import Screen

from pluma_tui.config import edit
from pluma_tui.core.chat import Sampling
from pluma_tui.core.text import clean_line
from pluma_tui.runtime.chat import OpenChat
from pluma_tui.runtime.turns import BLANK
from pluma_tui.runtime.wiring import Runtime
from pluma_tui.screens.commands import Command
from pluma_tui.screens.page import Page

_MOST = 300  # characters of a system prompt that a note repeats


class Adjusting:
    """Opens their screens, and tells in the transcript what is another one from here on."""

    def __init__(
        self, screen: Screen[Any], runtime: Runtime, chat: OpenChat, page: Page, changed: Callable[[], None]
    ) -> None:
        """`changed` is told that the config file was written."""
        self._screen = screen
        self._runtime = runtime
        self._chat = chat
        self._page = page
        self._changed = changed
        self.commands: dict[str, Command] = {
            "chat.sampling": self.sampling,
            "system.edit": self.system,
            "settings": self.settings,
            "profile.edit": self.profiles,
        }

    async def sampling(self, _: str = "") -> None:
        """Another sampling for this conversation, from the next question on. Raises ConfigError."""
        from pluma_tui.screens.sampling import SamplingSheet, told

        before, name = self._chat.sampling, self._chat.profile
        profile = self._runtime.connections.profile(name).sampling if name else Sampling()
        await self._screen.app.push_screen_wait(SamplingSheet(profile, before, self._chat.sample))
        if words := told(before, self._chat.sampling):
            self._page.note(f"From here on: {words}.")

    async def system(self, _: str = "") -> None:
        """Write the system prompt, of this conversation or its profile. Raises ConfigError, StoreError."""
        from pluma_tui.screens.system import Editor, Way

        name = self._chat.profile
        ways = [Way("ctrl+s", "chat", "this conversation")]
        if name in self._runtime.config.chat.profiles:
            ways += [Way("f6", "profile", "its profile too")]
        if (default := self._chat.default_system()) != (present := await self._chat.system()):
            ways += [Way("ctrl+r", "default", "the profile's again")]
        written = await self._screen.app.push_screen_wait(Editor("System prompt", present, ways))
        if written is None:
            return
        text = default if written.where == "default" else written.text
        if written.where == "profile":
            edit.set_value(self._runtime.loaded.path, ("chat", "profiles", name, "system"), text)
            self._changed()
        if text != present:
            self._chat.prompt = text or BLANK
            self._page.note(f"From here on the system prompt is: {clean_line(text, _MOST)}" if text.strip()
                            else "From here on there is no system prompt.")  # fmt: skip
        if written.where == "profile":
            self._page.note(f"It stands in the profile {name} now.")

    async def settings(self, _: str = "") -> None:
        """Change the config file, field by field."""
        from pluma_tui.screens.settings import SettingsSheet

        app = self._screen.app
        await app.push_screen_wait(SettingsSheet(self._runtime, self._changed, list(app.available_themes)))

    async def profiles(self, _: str = "") -> None:
        """Add, edit and remove profiles. One that answers here goes on under its new name."""
        from pluma_tui.screens.profiles import ProfilesSheet

        sheet = ProfilesSheet(self._runtime, self._changed)
        await self._screen.app.push_screen_wait(sheet)
        name = self._chat.profile
        while name in sheet.renamed:
            name = sheet.renamed.pop(name)
        connections = self._runtime.connections
        active = connections.active()
        if name in connections.names():
            self._chat.profile = name
        elif active is not None:
            self._chat.switch(active.name)
            self._page.note(f"From here on {active.name} answers.")
        self._page.name(self._chat.profile, self._chat.model)
