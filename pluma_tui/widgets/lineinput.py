"""One line to write on."""

from textual import events
from textual.widgets import Input

from pluma_tui.core.text import clean_line

LONGEST = 10_000  # characters that can be pasted


class LineInput(Input):
    """An input that takes one row, does not blink (that costs bytes), and makes safe what is pasted."""

    DEFAULT_CSS = """
    LineInput { border: none; height: 1; padding: 0 1; background: $panel; }
    LineInput:focus { border: none; }
    """

    def __init__(self, placeholder: str = "", *, id: str | None = None) -> None:
        super().__init__(placeholder=placeholder, id=id, select_on_focus=False)
        self.cursor_blink = False

    def _on_paste(self, event: events.Paste) -> None:
        event.text = clean_line(event.text, LONGEST)  # the input's own handler is called next
