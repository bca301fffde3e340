"""A list of rows in columns that fit its width: a label, what there is to say of it, and its state."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from textual import events
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from pluma_tui.core.text import clean_line

_GAP = 2  # cells between two columns
_MARK = 2  # cells before the label
_LONGER = 8  # cells by which a few labels may widen the column of all
_LEAST = 12  # cells that a detail wants, if it is to stand beside a state
_MANY = 4  # where more than one in so many rows needs two lines, all have two


@dataclass(frozen=True)
class Row:
    """One row; its texts may come from anywhere. `tone` is the colour of `state`, as CSS names it.

    A heading is passed over by the highlight. `mark` is one cell before the label.
    """

    label: str
    detail: str = ""
    state: str = ""
    tone: str = "$text-muted"
    mark: str = ""
    heading: bool = False


class RowList(OptionList):
    """An option list whose rows take one line each or, where they `fold`, two on a narrow screen."""

    DEFAULT_CSS = """
    RowList {
        height: auto; border: none; background: transparent; padding: 0;
        text-wrap: nowrap; text-overflow: ellipsis; scrollbar-size: 0 1; scrollbar-gutter: stable;
    }
    RowList:focus { border: none; background-tint: transparent; }
    RowList > .option-list--option { padding: 0; }
    RowList > .option-list--option-disabled { color: $text-muted; text-style: bold; }
    """

    def __init__(self, *, folds: bool = False, id: str | None = None) -> None:
        super().__init__(id=id, compact=True)
        self._rows: list[Row] = []
        self._folds = folds
        self._width = 0  # cells that the rows were laid out for

    def show(self, rows: Sequence[Row], highlighted: int = 0) -> None:
        """Other rows in place of these; the one at `highlighted`, or the next that is no heading, is lit."""
        self._rows = list(rows)
        self._fill()
        choosable = [index for index, row in enumerate(rows) if not row.heading]
        after = (index for index in choosable if index >= highlighted)
        self._light(next(after, choosable[-1] if choosable else None))

    def change(self, index: int, row: Row) -> None:
        """Another text for one row; the highlight stays where it is."""
        self._rows[index] = row
        self.replace_option_prompt_at_index(index, self._columns().lay(row))

    def on_resize(self, event: events.Resize) -> None:
        if self.scrollable_content_region.width != self._width:
            highlighted = self.highlighted
            self._fill()
            self._light(highlighted)

    def _light(self, index: int | None) -> None:
        """Highlight a row; the headings above the first one are seen, too."""
        self.highlighted = index
        if all(row.heading for row in self._rows[:index]):
            self.call_after_refresh(self.scroll_home, animate=False)

    def _fill(self) -> None:
        self._width = self.scrollable_content_region.width
        columns = self._columns()
        self.set_options([Option(columns.lay(row), disabled=row.heading) for row in self._rows])
        self.refresh(layout=True)

    def _columns(self) -> "_Columns":
        return _Columns.of([row for row in self._rows if not row.heading], self._width, folds=self._folds)


@dataclass(frozen=True)
class _Columns:
    """How rows are laid out in `width` cells. Labels share a column of `label` cells, but for a few.

    `folds`: a row that is too long takes two lines; `all_fold`: every row does.
    """

    width: int
    label: int
    folds: bool
    all_fold: bool = False

    @classmethod
    def of(cls, rows: Sequence[Row], width: int, *, folds: bool) -> "_Columns":
        lengths = sorted(cell_len(clean_line(row.label)) for row in rows)
        usual = lengths[len(lengths) * 9 // 10] if lengths else 0
        longest = max((one for one in lengths if one <= usual + _LONGER), default=0)
        columns = cls(width, min(longest, max(width // 2 - _MARK, 8)), folds)
        too_long = sum(columns._too_long(row) for row in rows)
        return cls(width, columns.label, folds, folds and too_long * _MANY > len(rows))

    def _room(self, row: Row) -> int:
        """The cells that are left for label and detail."""
        state = cut(clean_line(row.state), self.width // 2)
        return self.width - _MARK - (cell_len(state) + _GAP if state else 0)

    def _too_long(self, row: Row) -> bool:
        label, detail = cell_len(clean_line(row.label)), cell_len(clean_line(row.detail, 400))
        return detail > 0 and max(label, self.label) + _GAP + detail > self._room(row)

    def lay(self, row: Row) -> Content:
        label, detail = clean_line(row.label), clean_line(row.detail, 400)
        if row.heading:
            return Content(cut(label, self.width))
        if detail and (self.all_fold or (self.folds and self._too_long(row))):
            below = f"\n{' ' * (_MARK * 2)}{cut(detail, self.width - _MARK * 2)}"
            return self._line(row, label, "") + Content(below).stylize("$text-muted")
        return self._line(row, label, detail)

    def _line(self, row: Row, label: str, detail: str) -> Content:
        state = cut(clean_line(row.state), self.width // 2)
        room = self._room(row)
        if detail and room - self.label - _GAP < min(cell_len(detail), _LEAST):
            state, room = "", self.width - _MARK
        if detail:
            label = shortened(label, max(self.label, room - _GAP - cell_len(detail)))
            label += " " * (self.label - cell_len(label))
            detail = " " * _GAP + cut(detail, room - cell_len(label) - _GAP)
        label = shortened(label, room)
        gap = " " * (room - cell_len(label) - cell_len(detail) + _GAP) if state else ""
        return Content.assemble(f"{row.mark or ' '} ", label, (detail, "$text-muted"), gap, (state, row.tone))


def cut(text: str, width: int) -> str:
    """`text` in at most `width` cells; what is left out is an ellipsis."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…" if width > 0 else ""


def shortened(name: str, width: int) -> str:
    """A name in at most `width` cells; what is left out is an ellipsis before its end, which tells most."""
    if cell_len(name) <= width:
        return name
    end = name[-max(width // 3, 0) :] if width >= 12 else ""
    return cut(name, width - cell_len(end)) + end
