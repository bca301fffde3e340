"""Choosing one of many by typing: profiles, models, commands."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.fuzzy import Matcher
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static

from pluma_tui.core.errors import PlumaError
from pluma_tui.core.text import clean_line
from pluma_tui.widgets.lineinput import LineInput
from pluma_tui.widgets.rowlist import Row, RowList

MOST = 500  # options shown at once; typing narrows further


@dataclass(frozen=True)
class Item:
    """Something to choose: `value` is what is returned, `label` and `detail` are shown.

    `state` is how it is at present, `tone` its colour as CSS names it.
    """

    value: str
    label: str
    detail: str = ""
    state: str = ""
    tone: str = "$text-muted"


Load = Callable[[], Awaitable[Sequence[Item]]]
Tell = Callable[[str, str, str], None]
Watch = Callable[[Tell], Awaitable[None]]


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
        self,
        title: str,
        items: Sequence[Item] = (),
        *,
        load: Load | None = None,
        watch: Watch | None = None,
        at: str = "",
        free: bool = False,
        note: str = "",
    ) -> None:
        """`load` fetches the items while the list is open already; `at` is the value chosen at present.

        `watch` runs as long as the list is open, and tells by value, state and tone how the items are.
        `free`: what is typed may be taken as it is, too. `note` stands below.
        """
        super().__init__()
        self._heading = title
        self._items = list(items)
        self._load = load
        self._watch = watch
        self._at = at
        self._free = free
        self._said = note

    def compose(self) -> ComposeResult:
        with Vertical(id="picker"):
            yield Static(Content(clean_line(self._heading)), id="picker-title")
            words = "type to narrow, or another name" if self._free else "type to narrow"
            yield LineInput(words, id="picker-input")
            yield RowList(folds=True, id="picker-list")
            yield Static("", id="picker-note")

    def on_mount(self) -> None:
        self._narrow("")
        self._note(self._said)
        if self._load is not None:
            self._fetch(self._load)
        if self._watch is not None:
            self._look(self._watch)

    def on_resize(self, event: events.Resize) -> None:
        """The list gives way, so that the note is seen on a low screen too."""
        self.query_one(RowList).styles.max_height = max(min(event.size.height - 8, 20), 3)

    @work(group="fetch")
    async def _fetch(self, load: Load) -> None:
        self._note("asking the server…")
        try:
            self._items = list(await load())
        except PlumaError as error:
            by_hand = " A name may be typed all the same." if self._free else ""
            self._note(error.sentence + by_hand)
            return
        self._note(self._said if self._items else "the server offers none")
        self._narrow(self.query_one(Input).value)

    @work(group="watch")
    async def _look(self, watch: Watch) -> None:
        await watch(self._told)

    def _told(self, value: str, state: str, tone: str) -> None:
        """An item is in another state now."""
        for items in (self._items, self._shown):
            for index, item in enumerate(items):
                if item.value == value:
                    items[index] = replace(item, state=state, tone=tone)
                    if items is self._shown:
                        self.query_one(RowList).change(index, self._row(items[index]))

    def _note(self, text: str) -> None:
        note = self.query_one("#picker-note", Static)
        note.display = bool(text)
        note.update(Content(clean_line(text, 400)))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._narrow(event.value)

    def _narrow(self, query: str) -> None:
        self._shown = self._matching(query)[:MOST]
        written = query.strip()
        if self._free and written and all(item.value != written for item in self._shown):
            self._shown.append(Item(written, written, "as it is written"))
        at = next((i for i, item in enumerate(self._shown) if item.value == self._at and not query), 0)
        self.query_one(RowList).show([self._row(item) for item in self._shown], at)

    def _matching(self, query: str) -> list[Item]:
        if not query:
            return list(self._items)
        matcher = Matcher(query)
        scored = [(matcher.match(f"{item.label} {item.value} {item.detail}"), item) for item in self._items]
        return [item for score, item in sorted(scored, key=lambda row: -row[0]) if score > 0]

    def _row(self, item: Item) -> Row:
        mark = "●" if item.value == self._at else ""
        return Row(item.label, item.detail, item.state, item.tone, mark)

    def action_move(self, where: str) -> None:
        """Move the highlight while the typing stays in the input."""
        getattr(self.query_one(RowList), f"action_{'cursor_' if where in ('up', 'down') else ''}{where}")()

    @on(Input.Submitted)
    def _entered(self) -> None:
        highlighted = self.query_one(RowList).highlighted
        if highlighted is not None:
            self.dismiss(self._shown[highlighted].value)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._shown[event.option_index].value)
