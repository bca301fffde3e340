"""Writing a system prompt, or another text of several lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static, TextArea

from pluma_tui.core.text import clean, clean_line


@dataclass(frozen=True)
class Written:
    """A text to be kept: `where` is the way out that was taken, by its name."""

    text: str
    where: str = "save"


@dataclass(frozen=True)
class Way:
    """A key that keeps the text: `name` says which it was, `words` what it does."""

    key: str
    name: str
    words: str


SAVE = Way("ctrl+s", "save", "keeps it")


class _Text(TextArea):
    async def _on_paste(self, event: events.Paste) -> None:
        """What is pasted may come from anywhere: it is made safe before it is shown."""
        event.text = clean(event.text)  # the text area's own handler is called next


class Editor(ModalScreen[Written | None]):
    """A text area; returns what is to be kept, None for nothing."""

    CSS_PATH = "system.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False, priority=True)]

    def __init__(self, heading: str, text: str, ways: Sequence[Way] = (SAVE,), note: str = "") -> None:
        """`ways` are the keys that keep what is written; `note` stands above it."""
        super().__init__()
        self._heading = heading
        self._text = clean(text)
        self._ways = ways
        self._note = note
        self._warned = False
        for way in ways:
            self._bindings.bind(way.key, f"keep('{way.name}')", show=False, priority=True)

    def compose(self) -> ComposeResult:
        with Vertical(id="editor"):
            yield Static(Content(clean_line(self._heading)), id="editor-title")
            yield Static(Content(clean_line(self._note, 400)), id="editor-note")
            area = _Text(self._text, id="editor-text", highlight_cursor_line=False, compact=True)
            area.cursor_blink = False
            yield area
            yield Static(id="editor-hints")

    def on_mount(self) -> None:
        self.query_one("#editor-note").display = bool(self._note)
        area = self.query_one(TextArea)
        area.move_cursor(area.document.end)
        self.set_focus(area)
        keys = " · ".join(f"{way.key.replace('ctrl+', '^')} {way.words}" for way in self._ways)
        self._say(f"{keys} · esc leaves")

    def _say(self, words: str, style: str = "$text-muted") -> None:
        self.query_one("#editor-hints", Static).update(Content(words).stylize(style))

    def action_keep(self, where: str) -> None:
        """Done: this is to be kept."""
        self.dismiss(Written(self.query_one(TextArea).text, where))

    def action_leave(self) -> None:
        """Leave; what was changed is lost only if it is said twice."""
        if self.query_one(TextArea).text == self._text or self._warned:
            self.dismiss(None)
            return
        self._warned = True
        self._say("This is not kept yet. Esc again leaves it; " + self._ways[0].key.replace("ctrl+", "^")
                  + f" {self._ways[0].words}.", "$warning")  # fmt: skip
