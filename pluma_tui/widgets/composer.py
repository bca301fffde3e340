"""Where a message is written: several lines, Enter sends."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from textual import events
from textual.message import Message
from textual.widgets import TextArea

from pluma_tui.core.text import clean
from pluma_tui.widgets.keys import actions_by_key

PLACEHOLDER = "Message"
LARGE = 4000  # characters, or
TALL = 40  # lines: a paste above either is shown as one chip


class Composer(TextArea):
    """A text area that grows with its text and says `Submitted`. It does not blink: that costs bytes.

    A large paste is shown as a chip, "[pasted 1: 212 lines]", and sent as what it stands for.
    """

    @dataclass
    class Submitted(Message):
        """The person wants this text sent. It has left the composer, which sends no more until `ready`."""

        text: str

    class Early(Message):
        """The person wants to send before `ready`: the text stays."""

    def __init__(self, keymap: Mapping[str, str], *, id: str | None = None) -> None:
        """`keymap` are the remapped keys, action id to key."""
        super().__init__(id=id, placeholder=PLACEHOLDER, highlight_cursor_line=False, compact=True)
        self.cursor_blink = False
        self._chips: dict[str, str] = {}
        self._waiting = False
        self.rekey(keymap)

    def rekey(self, keymap: Mapping[str, str]) -> None:
        """Other keys from now on."""
        self._actions = actions_by_key("composer", keymap)

    async def _on_key(self, event: events.Key) -> None:
        """Our own keys and those of the text area, taken in turn with the letters.

        A priority binding would overtake letters that came in the same burst, as they do on a slow
        line, and send a message before its end was in it; any other would be overtaken by them.
        """
        key = event.key.replace("\r", "enter")  # so xterm's modifyOtherKeys says shift+enter
        bound = self._bindings.key_to_bindings.get(key, ())
        actions = [self._actions[key]] if key in self._actions else [binding.action for binding in bound]
        for action in actions:
            if await self.app.run_action(action, self):
                event.stop()
                event.prevent_default()
                return

    @property
    def written(self) -> str:
        """What is written, chips replaced by what they stand for."""
        chips = "|".join(map(re.escape, self._chips))
        return re.sub(chips, lambda chip: self._chips[chip[0]], self.text) if chips else self.text

    def action_chat_send(self) -> None:
        """Send what is written, if there is anything and the time has come."""
        if not self.text.strip():
            return
        if self._waiting:
            self.post_message(self.Early())
            return
        self._waiting = True
        self.post_message(self.Submitted(self.written))
        self.text = ""  # here and now: the next letters may be on their way already
        self._chips = {}

    def action_chat_newline(self) -> None:
        """Begin a new line."""
        start, end = self.selection
        self._replace_via_keyboard("\n", start, end)

    def ready(self) -> None:
        """What was sent has been dealt with: the next may be sent."""
        self._waiting = False

    def restore(self, text: str) -> None:
        """Give a text back to be sent again, before what has been written since."""
        given = self._folded(clean(text))
        self.text = f"{given}\n{self.text}" if self.text.strip() else given
        self.move_cursor(self.document.end)

    async def _on_paste(self, event: events.Paste) -> None:
        """What is pasted may come from anywhere: it is made safe before it is shown."""
        event.text = self._folded(clean(event.text))  # the text area's own handler is called next

    def _folded(self, text: str) -> str:
        """`text`, or a chip for it: laying out a megabyte would take the text area seconds."""
        lines = text.count("\n") + 1
        if len(text) <= LARGE and lines <= TALL:
            return text
        size = f"{lines} lines" if lines > 1 else f"{len(text)} characters"
        chip = f"[pasted {len(self._chips) + 1}: {size}]"
        self._chips[chip] = text
        return chip
