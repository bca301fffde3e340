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
from textual.events import AppFocus
from textual.worker import WorkerFailed

from pluma_tui.core.chat import Conversation
from pluma_tui.core.errors import ConfigError
from pluma_tui.runtime.wiring import Runtime
from pluma_tui.screens.chat import ChatScreen
from pluma_tui.screens.following import Answered
from pluma_tui.screens.help import Help
from pluma_tui.terminal import attention, clipboard, stopping
from pluma_tui.terminal.driver import Replied, TerminalDriver
from pluma_tui.terminal.link import Link
from pluma_tui.themes import own
from pluma_tui.themes.choose import AUTO, Wardrobe, automatic
from pluma_tui.widgets.keys import bindings, keymap

WATCH = 0.8  # seconds between two looks at the config file and the theme's
GRACE = 2.0  # seconds: after a signal the program is gone by then, whatever hangs


class PlumaApp(App[int]):
    """Stays small: what there is to do is done by screens and the runtime."""

    CSS_PATH = "pluma.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("app")]

    def __init__(self, runtime: Runtime, conversation: Conversation | None = None, model: str = "") -> None:
        # With Textual's own greys NO_COLOR would still be answered by colours.
        super().__init__(driver_class=TerminalDriver, ansi_color=True if os.environ.get("NO_COLOR") else None)
        self.title = "pluma"
        self.crash: BaseException | None = None
        self._runtime = runtime
        self._first = (conversation, model)
        self._line = Link(self)
        self._wardrobe = Wardrobe(runtime.data)
        self._worn_out: ConfigError | None = None  # what is wrong with the theme that is wanted
        for theme in own.THEMES:
            self.register_theme(theme)
        self.animation_level = "none"
        self._take_settings()

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._signalled, number)
        self.push_screen(ChatScreen(self._runtime, *self._first))
        self._tell_theme()
        self._watch_settings()
        if self._driver is not None and self._driver.can_suspend:
            self._runtime.secrets.terminal = self._lend_terminal

    # -- settings and looks

    @on(ChatScreen.SettingsChanged)
    def _settings_changed(self) -> None:
        self._take_settings()
        self._tell_theme()

    def _take_settings(self) -> None:
        """What of the settings is the app's own: keys and theme."""
        self._keys = keymap(self._runtime.config.keys)
        self.set_keymap(self._keys)
        self._dress()

    def _dress(self) -> None:
        """Put on the theme that is wanted; one that cannot be read changes nothing."""
        wanted = self._runtime.config.ui.theme
        few = self.no_color or self.console.color_system == "standard"
        suiting = automatic(self._line.dark, few_colours=few, environ=os.environ)
        self._worn_out = None
        try:
            theme = suiting if wanted == AUTO else self._wardrobe.named(wanted)
        except ConfigError as error:
            self._worn_out = error
            theme = self.current_theme if self.is_running else suiting
        if theme != self.get_theme(self.theme):
            self.register_theme(theme)
            if self.theme == theme.name:
                self.mutate_reactive(PlumaApp.theme)
            self.theme = theme.name

    def _tell_theme(self) -> None:
        if self._worn_out is not None:
            self.notify(self._worn_out.sentence, title="Theme", severity="warning", timeout=10, markup=False)

    @work
    async def _watch_settings(self) -> None:
        """See an edit of the config file, or of the theme's, within a second, for the price of a stat."""
        while True:
            await asyncio.sleep(WATCH)
            self._look_at_files()

    @on(AppFocus)
    def _look_at_files(self) -> None:
        if isinstance(self.screen, ChatScreen):
            self.screen.take_settings()
        if self._wardrobe.saved_again():
            self._dress()
            self._tell_theme()

    # -- the terminal

    @on(Replied)
    def _replied(self, event: Replied) -> None:
        if self._line.take(event.reply):
            self._dress()

    def copy_to_clipboard(self, text: str) -> None:
        """Copy it the way that `ui.clipboard` says, and tell what is known of that."""
        self._clipboard = text
        self.run_worker(self._copy(text), group="clipboard", exclusive=True)

    async def _copy(self, text: str) -> None:
        told = await clipboard.copy(text, self._runtime.config.ui.clipboard, os.environ, self._line)
        lines = text.count("\n") + 1
        self.notify(f"{told} ({lines:,} line{'' if lines == 1 else 's'})", timeout=4, markup=False)

    @on(Answered)
    async def _answered(self, event: Answered) -> None:
        """Call a person back who went elsewhere while a long answer came."""
        ui = self._runtime.config.ui
        if self.app_focus or event.seconds < ui.bell_after:
            return
        words = f"Answered: {event.title}"
        self._line.write(await asyncio.to_thread(attention.call, ui.bell, os.environ, self._line.name, words))

    def action_app_suspend(self) -> None:
        """Back to the shell; what is coming waits until we are back."""
        if stopping.has_shell():
            self.action_suspend_process()
        else:
            self.notify("There is no shell to go back to.", timeout=3)

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
