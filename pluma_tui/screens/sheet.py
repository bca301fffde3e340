"""A page of fields: found by typing, changed by enter, and told at the field what will not do."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static

from pluma_tui.core.errors import ConfigError, PlumaError
from pluma_tui.core.profile import SECRET_KINDS
from pluma_tui.core.text import clean, clean_line
from pluma_tui.screens.picker import Item, Picker
from pluma_tui.widgets.lineinput import LineInput
from pluma_tui.widgets.rowlist import Row, RowList

How = Literal["line", "secret", "switch", "choice", "asked"]
SWITCH = {"true": "false", "false": "true"}


@dataclass(frozen=True)
class Line:
    """A field, or a heading. `shown` is its value for people, `state` where that is from.

    `text` is what changing it begins with; `how` it is changed: written on a line, turned, chosen from
    `choices`, or as the sheet asks for it. `own`: it says something itself, which can be taken out again;
    it is marked so where it is not one of a list of things that all do.
    """

    id: str
    label: str
    shown: str = ""
    state: str = ""
    tone: str = "$text-muted"
    help: str = ""
    text: str = ""
    how: How = "line"
    choices: tuple[str, ...] = ()
    own: bool = False
    heading: bool = False
    marked: bool = True


class Sheet(ModalScreen[None]):
    """Shows `lines()`; a change goes to `put` or `reset`. Both may raise PlumaError, which is told there.

    With SEARCHES typing narrows the list, else it begins to write in the field that is lit.
    """

    CSS_PATH = "sheet.tcss"
    HINTS: ClassVar[str] = "enter changes · del takes it out · esc closes"
    SEARCHES: ClassVar[bool] = True
    VERTICAL_BREAKPOINTS = [(0, "-low"), (20, "-high")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close", show=False),
        Binding("down", "move('cursor_down')", show=False, priority=True),
        Binding("up", "move('cursor_up')", show=False, priority=True),
        Binding("pagedown", "move('page_down')", show=False, priority=True),
        Binding("pageup", "move('page_up')", show=False, priority=True),
        Binding("delete", "reset", show=False, priority=True),
    ]
    heading = ""
    _editing: Line | None = None

    # -- what a sheet says

    def lines(self) -> list[Line]:
        """All fields with their present values, under their headings."""
        raise NotImplementedError

    def notice(self) -> str:
        """What is wrong with all of it; empty for nothing."""
        return ""

    async def put(self, line: Line, text: str) -> None:
        """Another value. Raises PlumaError."""
        raise NotImplementedError

    async def reset(self, line: Line) -> None:
        """Without a value of its own. Raises PlumaError."""
        raise NotImplementedError

    async def ask(self, line: Line) -> str | None:
        """The new value from a person, None to leave it as it is."""
        items = [Item(one, one) for one in line.choices]
        return await self.app.push_screen_wait(Picker(line.label, items, at=line.text))

    # -- how it looks

    def compose(self) -> ComposeResult:
        with Vertical(id="sheet"):
            yield Static(Content(clean_line(self.heading)), id="sheet-title")
            yield Static(id="sheet-notice")
            yield LineInput("type to find", id="sheet-search")
            yield RowList(id="sheet-list")
            yield Static(id="sheet-help")
            with Horizontal(id="sheet-edit"):
                yield Static(id="sheet-label")
                yield LineInput(id="sheet-input")
            yield Static(id="sheet-problem")
            yield Static(Content(self.HINTS), id="sheet-hints")

    def on_mount(self) -> None:
        self._list = self.query_one(RowList)
        self._search, self._input = (
            self.query_one("#sheet-search", Input),
            self.query_one("#sheet-input", Input),
        )
        self._search.display = self.SEARCHES
        self.write(None)
        self.renew()

    def renew(self, at: str = "") -> None:
        """Show the fields as they are now; the one of id `at` is lit, else the one that is."""
        lit = self.lit
        at = at or (lit.id if lit else "")
        self._shown = self._found(self._search.value if self.SEARCHES else "")
        place = next((index for index, line in enumerate(self._shown) if line.id == at), 0)
        self._list.show([_row(line) for line in self._shown], place)
        notice = clean_line(self.notice(), 400)
        shown = self.query_one("#sheet-notice", Static)
        shown.display = bool(notice)
        shown.update(Content(notice))
        self._explain()

    _shown: Sequence[Line] = ()

    @property
    def writing(self) -> bool:
        """Whether the value of a field is being written."""
        return self._editing is not None

    @property
    def lit(self) -> Line | None:
        """The field under the highlight."""
        index = self._list.highlighted
        return self._shown[index] if index is not None and index < len(self._shown) else None

    def _found(self, query: str) -> list[Line]:
        """The fields that hold all words of the query, and the headings above them."""
        words = query.lower().split()
        found: list[Line] = []
        heading: Line | None = None
        for line in self.lines():
            above = heading.label if heading else ""
            if line.heading:
                heading = line
            elif all(word in f"{above} {line.label} {line.help}".lower() for word in words):
                found += [*([heading] if heading and heading not in found else []), line]
        return found

    def _explain(self) -> None:
        line = self.lit
        words = line.help if line else "Nothing here is called that." if self._search.value else ""
        self.query_one("#sheet-help", Static).update(Content(clean_line(words, 600)))

    def problem(self, error: PlumaError | None) -> None:
        """What will not do, below the field; None once it does."""
        shown = self.query_one("#sheet-problem", Static)
        shown.display = error is not None
        shown.update(Content(clean_line(_words(error), 400)) if error else "")

    # -- what keys do

    @on(Input.Changed, "#sheet-search")
    def _narrow(self) -> None:
        self.renew()

    @on(OptionList.OptionHighlighted)
    def _lit(self) -> None:
        self._explain()
        if self._editing is None:
            self._label(self.lit)
            self.problem(None)

    @on(Input.Submitted, "#sheet-search")
    @on(OptionList.OptionSelected)
    def _enter(self) -> None:
        line = self.lit
        if line is None or self._editing is not None:
            return
        if line.how == "switch":
            self.run_worker(self.change(self.put(line, SWITCH[line.text])))
        elif line.how in ("line", "secret"):
            self.write(line)
        else:
            self.run_worker(self._asked(line))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a line is written, its keys are the line's own."""
        if self._editing is None:
            return action != "reset" or not self._search.value
        return action not in ("move", "reset")

    def action_move(self, where: str) -> None:
        """Move the highlight while the typing stays in the search."""
        getattr(self._list, f"action_{where}")()

    def action_reset(self) -> None:
        """Take the value of the field that is lit out."""
        line = self.lit
        if line is not None and line.own:
            self.run_worker(self.change(self.reset(line)))

    def action_leave(self) -> None:
        """Leave the line as it was, else the sheet."""
        if self._editing is not None:
            self.write(None)
        else:
            self.dismiss(None)

    # -- writing on a line

    def write(self, line: Line | None) -> None:
        """Begin to write the value of a field; None: done with it."""
        self._editing = line
        self.problem(None)
        with self.prevent(Input.Changed):
            self._input.value = clean(line.text) if line else ""
        self._input.password = False
        self._input.cursor_position = len(self._input.value)
        self._label(line or self.lit)
        self.query_one("#sheet-edit").display = line is not None or not self.SEARCHES
        self.set_focus(self._search if self.SEARCHES and line is None else self._input)

    def _label(self, line: Line | None) -> None:
        self.query_one("#sheet-label", Static).update(Content(f"{clean_line(line.label)} " if line else ""))

    @on(Input.Changed, "#sheet-input")
    def _writing(self, event: Input.Changed) -> None:
        """The line takes letters from the first on, so that none of a burst is lost."""
        self._editing = self._editing or self.lit
        if self._editing is not None and self._editing.how == "secret":
            self._input.password = not may_be_reference(event.value)

    @on(Input.Submitted, "#sheet-input")
    def _written(self, event: Input.Submitted) -> None:
        if self._editing is None:
            self.write(self.lit)
        else:
            self.run_worker(self.change(self.put(self._editing, event.value)))

    async def _asked(self, line: Line) -> None:
        text = await self.ask(line)
        if text is not None:
            await self.change(self.put(line, text))

    async def change(self, doing: Awaitable[None]) -> None:
        """Do it, and show how the fields are then, or what was wrong."""
        try:
            await doing
        except PlumaError as error:
            self.problem(error)
            return
        if self.is_mounted:
            self.write(None)
            self.renew()


def may_be_reference(text: str) -> bool:
    """Whether what is being written may become a reference, and not a key itself, which nobody may see."""
    kind, colon, _ = text.partition(":")
    if colon:
        return kind in SECRET_KINDS
    return text.startswith("{") or any(one.startswith(kind) for one in SECRET_KINDS)


def _words(error: PlumaError) -> str:
    """What is wrong with the value, without where it stands: that is seen."""
    if isinstance(error, ConfigError) and error.key:
        return ConfigError(error.message.rpartition(f"{error.key}: ")[2], hint=error.hint).sentence
    return error.sentence


def _row(line: Line) -> Row:
    mark = "•" if line.own and line.marked else ""
    return Row(line.label, line.shown, line.state, line.tone, mark, line.heading)
