"""The links of what was said, in a list: to open one, or to copy it."""

import asyncio
import os
import sys
import webbrowser
from collections.abc import Mapping
from typing import Any

from textual.screen import Screen

from pluma_tui.core.errors import UsageError
from pluma_tui.screens.commands import Command
from pluma_tui.screens.picker import Item, Picker
from pluma_tui.widgets.transcript import Transcript

_SIMPLE = ("", "linux", "cons25", "ansi", "vt100", "vt102", "vt220", "vt320")
_OPEN, _COPY = "open", "copy"


class Linking:
    """Lists links by a key; the terminal may open those that it can see by itself."""

    def __init__(self, screen: Screen[Any], transcript: Transcript) -> None:
        self._screen = screen
        self._transcript = transcript
        self.commands: dict[str, Command] = {"links": self.choose, "read.links": self.choose}

    async def choose(self, _: str = "") -> None:
        """Links of the marked message, else of all messages, the latest first. Raises UsageError."""
        links = self._transcript.links()
        if not links:
            raise UsageError("there is no link here")
        items = [Item(link.url, link.words or link.url, link.url if link.words else "") for link in links]
        url = await self._screen.app.push_screen_wait(Picker("Links", items))
        if url is None:
            return
        ways = [Item(_OPEN, "Open", "in the browser"), Item(_COPY, "Copy", "to the clipboard")]
        way = await self._screen.app.push_screen_wait(Picker(url, ways))
        if way == _COPY:
            self._screen.app.copy_to_clipboard(url)
        elif way == _OPEN:
            await self._open(url)

    async def _open(self, url: str) -> None:
        """Raises UsageError where there is no browser with a window of its own."""
        opened = has_windows(os.environ, sys.platform) and await asyncio.to_thread(webbrowser.open, url)
        if not opened:
            raise UsageError("no browser was found here", hint="The link can be copied instead.")


def knows_links(environ: Mapping[str, str]) -> bool:
    """Whether the terminal knows links (OSC 8), or at least draws them as they should be without.

    The others would show nothing of where a link leads, or print what they do not understand.
    """
    term = environ.get("TERM", "")
    in_screen = "STY" in environ and "TMUX" not in environ
    apple = environ.get("TERM_PROGRAM") == "Apple_Terminal"
    return not (in_screen or apple or term in _SIMPLE)


def has_windows(environ: Mapping[str, str], platform: str) -> bool:
    """Whether a browser has somewhere to open a window; one for terminals would draw over this program."""
    return platform in ("darwin", "win32") or bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
