"""All keys and typed commands, from the table of actions."""

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from pluma_tui.core.actions import ACTIONS
from pluma_tui.core.slash import COMMANDS
from pluma_tui.widgets.keys import shown


class Help(ModalScreen[None]):
    """A page of keys and commands; any of a few keys closes it."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,q,enter", "dismiss(None)", "Close", show=False, priority=True)
    ]

    def __init__(self, keys: Mapping[str, str]) -> None:
        """`keys` are the remapped ones: action id to key."""
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            yield Static(Content("Keys").stylize("bold"), classes="help-title")
            for action in ACTIONS:
                if action.id not in self._keys and not action.keys:
                    continue
                keys = self._keys.get(action.id, ",".join(action.keys)).split(",")
                names = " · ".join(dict.fromkeys(shown(key) for key in keys))
                yield Static(Content.assemble((f"{names:<24}", "$accent"), action.help), classes="help-row")
            yield Static(Content("Commands").stylize("bold"), classes="help-title help-more")
            for name, action in sorted(COMMANDS.items()):
                typed = f"{name} {action.argument}".rstrip()
                yield Static(Content.assemble((f"{typed:<24}", "$accent"), action.help), classes="help-row")
            yield Static(
                Content("Select text with the mouse; ctrl+c copies it. Esc closes this page."),
                classes="help-foot",
            )
