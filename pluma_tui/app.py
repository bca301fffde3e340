"""The terminal app: sets theme and keys, shows the first screen, leaves in good order."""

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import AsyncIterator
from typing import ClassVar

from textual import on, work
from textual.app import App
from textual.binding import BindingType
from textual.worker import WorkerFailed

from pluma_tui import themes
from pluma_tui.core.chat import Conversation
from pluma_tui.runtime.wiring import Runtime
from pluma_tui.screens.chat import ChatScreen
from pluma_tui.screens.help import Help
from pluma_tui.widgets.keys import bindings, keymap

WATCH = 0.8  # seconds between two looks at the config file
GRACE = 2.0  # seconds: after a signal the program is gone by then, whatever hangs


class PlumaApp(App[int]):
    """Stays small: what there is to do is done by screens and the runtime."""

    CSS_PATH = "pluma.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("app")]

    def __init__(self, runtime: Runtime, conversation: Conversation | None = None, model: str = "") -> None:
        super().__init__()
        self.title = "pluma"
        self.crash: BaseException | None = None
        self._runtime = runtime
        self._first = (conversation, model)
        for theme in themes.THEMES:
            self.register_theme(theme)
        self.animation_level = "none"
        self._take_settings()

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._signalled, number)
        self.push_screen(ChatScreen(self._runtime, *self._first))
        self._watch_settings()
        if self._driver is not None and self._driver.can_suspend:
            self._runtime.secrets.terminal = self._lend_terminal

    @on(ChatScreen.SettingsChanged)
    def _take_settings(self) -> None:
        """What of the settings is the app's own: keys and theme."""
        config = self._runtime.config
        self._keys = keymap(config.keys)
        self.set_keymap(self._keys)
        self.theme = config.ui.theme if config.ui.theme in self.available_themes else themes.DEFAULT

    @work
    async def _watch_settings(self) -> None:
        """See an edit of the config file within a second, for the price of one stat."""
        while True:
            await asyncio.sleep(WATCH)
            if isinstance(self.screen, ChatScreen):
                self.screen.take_settings()

    def _signalled(self, number: signal.Signals) -> None:
        """Store what came, put the terminal right, and go; hard after a grace period."""
        timer = threading.Timer(GRACE, os._exit, [128 + number])
        timer.daemon = True
        timer.start()
        self._leaving = asyncio.create_task(self._leave(128 + number))

    async def _leave(self, code: int) -> None:
        await self._runtime.turns.aclose()
        self.exit(code, return_code=code)

    @contextlib.asynccontextmanager
    async def _lend_terminal(self) -> AsyncIterator[None]:
        """Give the terminal to a program that may ask something on it: gpg's pinentry, say."""
        lent = self.suspend()
        with self.batch_update():  # what is painted meanwhile would fill a queue that nobody empties
            lent.__enter__()
            try:
                yield
            finally:  # Textual's own context does not come back from an exception
                lent.__exit__(None, None, None)

    def _fatal_error(self) -> None:
        """End with the exception in `crash`. Textual's own way prints every variable, keys among them."""
        error = self._exception
        self.crash = error.error if isinstance(error, WorkerFailed) else error
        self._close_messages_no_wait()

    async def action_app_quit(self) -> None:
        """Leave; what is running is stopped and stored first."""
        await self._leave(0)

    def action_help(self) -> None:
        """All keys."""
        self.push_screen(Help(self._keys))

    def action_palette(self) -> None:
        """The screen knows its commands; this is for screens that have none."""
        if isinstance(self.screen, ChatScreen):
            self.screen.action_do("palette")
