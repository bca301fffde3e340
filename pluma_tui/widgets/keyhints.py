"""The footer: the keys worth knowing, from the table of actions."""

from collections.abc import Mapping

from textual.content import Content
from textual.widget import Widget

from pluma_tui.core.actions import ACTIONS
from pluma_tui.widgets.keys import shown


class KeyHints(Widget):
    """As many hints as fit on one line."""

    DEFAULT_CSS = """
    KeyHints { height: 1; padding: 0 1; color: $text-muted; }
    """

    def __init__(self, keys: Mapping[str, str], *, id: str | None = None) -> None:
        """`keys` are the remapped ones: action id to key."""
        super().__init__(id=id)
        self._keys = keys

    def rekey(self, keys: Mapping[str, str]) -> None:
        """Other keys from now on."""
        self._keys = keys
        self.refresh()

    def render(self) -> Content:
        """The hints, dropped whole from the right where the terminal is narrow."""
        line = Content("")
        for action in ACTIONS:
            if not action.footer:
                continue
            key = shown(self._keys.get(action.id, action.keys[0]).split(",")[0])
            hint = Content.assemble((key, "$accent"), f" {action.title.lower()}")
            wider = hint if not line else line + Content("  ") + hint
            if wider.cell_length > self.content_size.width:
                break
            line = wider
        return line
