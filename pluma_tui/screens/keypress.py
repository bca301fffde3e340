"""Setting a key by pressing it."""

from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from pluma_tui.core.actions import Action


class _Ear(Static, can_focus=True):
    """Takes every key, those of the app among them."""

    @dataclass
    class Heard(Message):
        """A key was pressed."""

        key: str
        character: str

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """All keys are ours: nobody's binding may act on them."""
        return True

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        self.post_message(self.Heard(event.key.replace("\r", "enter"), event.character or ""))


class KeyPress(ModalScreen[str | None]):
    """Waits for one key; returns it as the config names it, or None."""

    CSS_PATH = "sheet.tcss"

    def __init__(self, action: Action) -> None:
        super().__init__()
        self._action = action

    def compose(self) -> ComposeResult:
        with Vertical(id="keypress"):
            yield Static(Content(f"The key for: {self._action.help}"))
            yield _Ear(Content("Press it now. Esc leaves it as it is.").stylize("$accent"))

    def on_mount(self) -> None:
        self.set_focus(self.query_one(_Ear))

    @on(_Ear.Heard)
    def _heard(self, event: _Ear.Heard) -> None:
        letter = len(event.character) == 1 and event.character.isprintable()
        if event.key == "escape":
            self.dismiss(None)
        elif letter and self._action.scope != "transcript":
            words = f"{event.character!r} is needed to write. Another one? Esc leaves it as it is."
            self.query_one(_Ear).update(Content(words).stylize("$warning"))
        else:
            self.dismiss(event.character if letter and event.character != " " else event.key)
