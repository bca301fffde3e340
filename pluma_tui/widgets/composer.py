"""Where a message is written: several lines, Enter sends."""

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.widgets import TextArea

from pluma_tui.core.text import clean
from pluma_tui.widgets.keys import bindings

PLACEHOLDER = "Message"


class Composer(TextArea):
    """A text area that grows with its text and says `Submitted`. It does not blink: that costs bytes."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("composer")]

    @dataclass
    class Submitted(Message):
        """The person wants this text sent. The composer keeps it until `clear` is called."""

        text: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, placeholder=PLACEHOLDER, highlight_cursor_line=False, compact=True)
        self.cursor_blink = False

    def action_chat_send(self) -> None:
        """Send what is written, if there is anything."""
        if self.text.strip():
            self.post_message(self.Submitted(self.text))

    def action_chat_newline(self) -> None:
        """Begin a new line."""
        start, end = self.selection
        self._replace_via_keyboard("\n", start, end)

    def restore(self, text: str) -> None:
        """Give a text back to be sent again, unless something else is being written by now."""
        if not self.text.strip():
            self.text = text
            self.move_cursor(self.document.end)

    async def _on_paste(self, event: events.Paste) -> None:
        """What is pasted may come from anywhere: it is made safe before it is shown."""
        event.text = clean(event.text)
        await super()._on_paste(event)
        event.prevent_default()
