"""Copying what was said: as it was written by the mark, as it is displayed by selected lines."""

from typing import Any

from textual.screen import Screen

from pluma_tui.core.errors import UsageError
from pluma_tui.screens.commands import Command
from pluma_tui.widgets.transcript import Transcript


class Copying:
    """Gives texts to the terminal's clipboard."""

    def __init__(self, screen: Screen[Any], transcript: Transcript) -> None:
        self._screen = screen
        self._transcript = transcript
        self.commands: dict[str, Command] = {"code.copy": self.code, "read.copy": self.marked}

    def marked(self, _: str = "") -> None:
        """The selected text as it is displayed, else the source of what is marked. Raises UsageError."""
        selected = self._screen.get_selected_text()
        if selected:
            self._screen.app.copy_to_clipboard(selected)
            self._screen.clear_selection()
            self._transcript.selecting = False
            return
        text = self._transcript.source()
        if not text:
            raise UsageError("nothing is marked", hint="{ and } go from message to message, [ and ] to code.")
        self._screen.app.copy_to_clipboard(text)

    def code(self, _: str = "") -> None:
        """What is in the last code block. Raises UsageError."""
        text = self._transcript.last_code()
        if not text:
            raise UsageError("there is no code to copy yet")
        self._screen.app.copy_to_clipboard(text)
