"""What the app knows of its terminal by the terminal's own words."""

import asyncio
import contextlib
from typing import Any

from textual.app import App

from pluma_tui.terminal import replies
from pluma_tui.terminal.driver import TerminalDriver
from pluma_tui.terminal.replies import Reply

_TIME_LIMIT = 2.0  # seconds for the terminal to say what its clipboard holds


class Link:
    """The app's side of the line. `name` is what the terminal calls itself, `dark` its background."""

    def __init__(self, app: App[Any]) -> None:
        self.name = ""
        self.dark: bool | None = None
        self._app = app
        self._clipboard: asyncio.Future[str | None] | None = None

    def take(self, reply: Reply) -> bool:
        """Learn from an answer; returns whether the background has become another one."""
        before = self.dark
        match reply.kind:
            case "11":
                dark = replies.is_dark(reply.value)
                self.dark = self.dark if dark is None else dark
            case "n" if (dark := replies.prefers_dark(reply.value)) is not None:
                self.dark = dark
                self._ask(replies.ASK_BACKGROUND)  # it says what is preferred, and not what is there
            case "P":
                self.name = replies.name(reply.value) or self.name
            case "52":
                self._hears(reply.value.partition(";")[2])
            case "c":
                self._hears(None)
        return self.dark != before

    def write(self, data: str) -> None:
        """Send a sequence, if there is a terminal."""
        if isinstance(driver := self._app._driver, TerminalDriver):
            driver.write(data)
            driver.flush()

    async def clipboard(self) -> str | None:
        """What the terminal says its clipboard holds, in base64; None if it does not say."""
        if not self._ask(replies.ASK_CLIPBOARD):
            return None
        self._clipboard = asyncio.get_running_loop().create_future()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TIME_LIMIT):
                return await self._clipboard
        return None

    def _ask(self, question: str) -> bool:
        driver = self._app._driver
        if not isinstance(driver, TerminalDriver):
            return False
        driver.ask(question)
        return True

    def _hears(self, held: str | None) -> None:
        if self._clipboard is not None and not self._clipboard.done():
            self._clipboard.set_result(held)
