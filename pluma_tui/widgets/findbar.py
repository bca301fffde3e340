"""One line to type what is looked for, with the number of hits. It stands where the status line stands."""

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from pluma_tui.core.text import clean_line

LONGEST = 200  # characters
_STEPS = {"enter": 1, "down": 1, "shift+enter": -1, "up": -1}


class Step(Message):
    """The next hit is wanted (1), or the one before (-1)."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step


class Words(Input):
    """The words. It does not blink: that costs bytes."""

    def __init__(self) -> None:
        super().__init__(placeholder="find", max_length=LONGEST, compact=True)
        self.cursor_blink = False

    async def _on_key(self, event: events.Key) -> None:
        """Keys for another hit are taken in turn with the letters."""
        step = _STEPS.get(event.key.replace("\r", "enter"))
        if step is not None:
            event.stop()
            event.prevent_default()
            self.post_message(Step(step))

    def _on_paste(self, event: events.Paste) -> None:
        """What is pasted may come from anywhere. The input's own handler is called next."""
        event.text = clean_line(event.text, LONGEST)


class FindBar(Horizontal):
    """Says `Wanted` when the words have changed, and `Step` when another hit is wanted."""

    DEFAULT_CSS = """
    FindBar { height: 1; display: none; background: $panel; }
    FindBar Words { width: 1fr; padding: 0 1; border: none; height: 1; background: $panel; }
    FindBar Static { width: auto; padding: 0 1; color: $text-muted; }
    """

    class Wanted(Message):
        """These words are to be found; empty for none."""

        def __init__(self, words: str) -> None:
            super().__init__()
            self.words = words

    def compose(self) -> ComposeResult:
        yield Words()
        yield Static("")

    @property
    def words(self) -> str:
        """What is looked for."""
        return self.query_one(Words).value

    def open(self, words: str = "") -> None:
        """Be there and take the keys, with these words, or those of the last time to be typed over."""
        self.display = True
        field = self.query_one(Words)
        self.screen.set_focus(field)
        if words:
            field.value = clean_line(words, LONGEST)

    def close(self) -> None:
        """Be gone; the words are kept."""
        self.display = False
        self.tell("")

    def tell(self, text: str) -> None:
        """How many hits there are."""
        self.query_one(Static).update(Content(text))

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Wanted(event.value))
