"""What is written on: a text area that knows chips, and makes safe what is pasted."""

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.widgets import TextArea

from pluma_tui.core.text import clean
from pluma_tui.core.written import Written
from pluma_tui.widgets.composer.chips import Chips


class Sheet(TextArea):
    """A large paste is shown as a chip, "[pasted 1: 212 lines]", and is one character to delete.

    `pasted`, from its owner, may put another text in the place of a pasted one.
    """

    # The text area's own key for it, ctrl+z, goes to the shell.
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+underscore", "undo", show=False)]

    def __init__(self, placeholder: str, *, id: str | None = None) -> None:
        super().__init__(id=id, placeholder=placeholder, highlight_cursor_line=False, compact=True)
        self.pasted: Callable[[str], str] = lambda text: text
        self._chips = Chips()

    @property
    def written(self) -> Written:
        """What is written, with what its chips stand for."""
        return self._chips.written(self.text)

    def restore(self, written: Written) -> None:
        """Give words back to be sent again, before what has been written since."""
        given = self._chips.taken(written)
        self._write(f"{given}\n{self.text}" if self.text.strip() else given)

    def replace_all(self, text: str) -> None:
        """Another text in the place of what is written, which an undo brings back."""
        self._write(self._chips.folded(clean(text)))

    def _write(self, text: str) -> None:
        self.replace(text, (0, 0), self.document.end, maintain_selection_offset=False)
        self.move_cursor(self.document.end)

    async def _on_paste(self, event: events.Paste) -> None:
        """What is pasted may come from anywhere: it is made safe before it is shown."""
        # The text area's own handler is called next.
        event.text = self._chips.folded(self.pasted(clean(event.text)))

    def action_delete_left(self) -> None:
        """Delete a character, or a whole chip."""
        if not self._chip_deleted():
            super().action_delete_left()

    def action_delete_word_left(self) -> None:
        """Delete a word, or a whole chip."""
        if not self._chip_deleted():
            super().action_delete_word_left()

    def _chip_deleted(self) -> bool:
        """Delete the chip that ends at the cursor: half of one would stand for nothing."""
        row, column = self.cursor_location
        length = self._chips.ends(self.document[row][:column])
        if not length or self.selected_text:
            return False
        self._replace_via_keyboard("", (row, column - length), (row, column))
        return True
