"""Choosing one of many by typing: profiles, models, commands."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.fuzzy import Matcher
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from pluma_tui.core.errors import PlumaError
from pluma_tui.core.text import clean_line

MOST = 500  # options shown at once; typing narrows further


@dataclass(frozen=True)
class Item:
    """Something to choose: `value` is what is returned, `label` and `detail` are shown."""

    value: str
    label: str
    detail: str = ""


Load = Callable[[], Awaitable[Sequence[Item]]]


class Picker(ModalScreen[str | None]):
    """A list narrowed by fuzzy typing; returns the chosen value, or None."""

    CSS_PATH = "picker.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Close", show=False),
        Binding("down", "move('down')", show=False, priority=True),
        Binding("up", "move('up')", show=False, priority=True),
        Binding("pagedown", "move('page_down')", show=False, priority=True),
        Binding("pageup", "move('page_up')", show=False, priority=True),
    ]

    def __init__(
        self, title: str, items: Sequence[Item] = (), *, load: Load | None = None, at: str = ""
    ) -> None:
        """`load` fetches the items while the list is open already; `at` is the value chosen at present."""
        super().__init__()
        self._heading = title
        self._items = list(items)
        self._load = load
        self._at = at

    def compose(self) -> ComposeResult:
        with Vertical(id="picker"):
            yield Static(Content(self._heading), id="picker-title")
            field = Input(placeholder="type to narrow", id="picker-input")
            field.cursor_blink = False
            yield field
            yield OptionList(id="picker-list")
            yield Static("", id="picker-note")

    def on_mount(self) -> None:
        self._narrow("")
        if self._load is not None:
            self._fetch(self._load)

    @work(exclusive=True)
    async def _fetch(self, load: Load) -> None:
        self._note("asking the server…")
        try:
            self._items = list(await load())
        except PlumaError as error:
            self._note(error.sentence)
            return
        self._note("" if self._items else "the server offers none")
        self._narrow(self.query_one(Input).value)

    def _note(self, text: str) -> None:
        self.query_one("#picker-note", Static).update(Content(clean_line(text, 400)))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._narrow(event.value)

    def _narrow(self, query: str) -> None:
        found = self._matching(query)
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(self._line(item), id=None) for item in found[:MOST]])
        self._shown = found[:MOST]
        at = next((i for i, item in enumerate(found) if item.value == self._at and not query), 0)
        options.highlighted = at if found else None

    def _matching(self, query: str) -> list[Item]:
        if not query:
            return self._items
        matcher = Matcher(query)
        scored = [(matcher.match(f"{item.label} {item.detail}"), item) for item in self._items]
        return [item for score, item in sorted(scored, key=lambda row: -row[0]) if score > 0]

    def _line(self, item: Item) -> Content:
        mark = "● " if item.value == self._at else "  "
        label = Content(mark + clean_line(item.label))
        return (
            label + Content(f"  {clean_line(item.detail)}").stylize("$text-muted") if item.detail else label
        )

    def action_move(self, where: str) -> None:
        """Move the highlight while the typing stays in the input."""
        getattr(self.query_one(OptionList), f"action_{'cursor_' if where in ('up', 'down') else ''}{where}")()

    @on(Input.Submitted)
    def _entered(self) -> None:
        highlighted = self.query_one(OptionList).highlighted
        if highlighted is not None:
            self.dismiss(self._shown[highlighted].value)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._shown[event.option_index].value)
