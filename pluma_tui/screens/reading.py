"""Moving through what was said: the reader's keys, and what they do."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from textual.screen import Screen
from textual.widget import Widget

from pluma_tui.core.actions import by_id
from pluma_tui.runtime.unfolding import Reasoning
from pluma_tui.screens.commands import Command
from pluma_tui.screens.copying import Copying
from pluma_tui.screens.finding import Finding
from pluma_tui.screens.linking import Linking, knows_links
from pluma_tui.widgets.findbar import FindBar
from pluma_tui.widgets.keys import shown
from pluma_tui.widgets.statusline import StatusLine
from pluma_tui.widgets.transcript import Transcript


class Reading:
    """The reader's commands. Who begins to type is in the composer again, and no letter is lost."""

    def __init__(
        self,
        screen: Screen[Any],
        transcript: Transcript,
        composer: Widget,
        bar: FindBar,
        status: StatusLine,
        unfolded: Callable[[Reasoning], None],
    ) -> None:
        """`unfolded` is told how reasoning is shown, when the person has changed that."""
        self._screen = screen
        self._transcript = transcript
        self._composer = composer
        self._unfolded = unfolded
        transcript.elsewhere = composer
        transcript.hyperlinks = knows_links(os.environ)
        self.finding = Finding(transcript, bar, status)
        self.commands: dict[str, Command] = {
            "reasoning.toggle": lambda _: self._fold_all(),
            "transcript.up": lambda _: transcript.scroll_page_up(animate=False),
            "transcript.down": lambda _: transcript.scroll_page_down(animate=False),
            "transcript.home": lambda _: transcript.scroll_home(animate=False),
            "transcript.end": lambda _: transcript.to_end(),
            "message.previous": lambda _: self._message(-1),
            "message.next": lambda _: self._message(1),
            "code.previous": lambda _: self._code(-1),
            "code.next": lambda _: self._code(1),
            "read.message_up": lambda _: self._message(-1),
            "read.message_down": lambda _: self._message(1),
            "read.code_up": lambda _: self._code(-1),
            "read.code_down": lambda _: self._code(1),
            "read.down": lambda _: transcript.move(1),
            "read.up": lambda _: transcript.move(-1),
            "read.half_down": lambda _: transcript.move(transcript.size.height // 2),
            "read.half_up": lambda _: transcript.move(-(transcript.size.height // 2)),
            "read.home": lambda _: transcript.scroll_home(animate=False),
            "read.end": lambda _: transcript.to_end(),
            "read.select": lambda _: transcript.select_lines(),
            "read.fold": lambda _: self._fold(),
            "read.leave": lambda _: self._write(),
            **self.finding.commands,
            **Copying(screen, transcript).commands,
            **Linking(screen, transcript).commands,
        }

    def rekey(self, keys: Mapping[str, str]) -> None:
        """Other keys from now on: the remapped ones, action id to key."""
        copy = by_id("read.copy")
        key = keys.get(copy.id, ",".join(copy.keys)).split(",")[0]
        self._transcript.hint = f" {shown(key)} copies " if key else ""

    def leave(self) -> bool:
        """One step back towards the composer; False for who is there."""
        if self._transcript.selecting:
            self._transcript.select_lines()
        elif self.finding.close():
            pass
        elif self._transcript.has_focus:
            self._write()
        else:
            return False
        return True

    def _message(self, step: int) -> None:
        self._read()
        if not self._transcript.to_message(step):
            self._screen.notify("There is no further message.", timeout=2)

    def _code(self, step: int) -> None:
        self._read()
        if not self._transcript.to_code(step):
            self._screen.notify("There is no further code block.", timeout=2)

    def _fold_all(self) -> None:
        self._transcript.toggle_reasoning()
        self._unfolded(self._transcript.reasoning)

    def _fold(self) -> None:
        if not self._transcript.fold():
            self._screen.notify("No message with reasoning is marked.", timeout=2)

    def _read(self) -> None:
        """At once, for the next letter may be on its way already."""
        self._screen.set_focus(self._transcript)

    def _write(self) -> None:
        self._screen.set_focus(self._composer)
