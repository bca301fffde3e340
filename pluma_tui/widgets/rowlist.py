"""A list of rows in columns that fit its width: a label, what there is to say of it, and its state."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from textual import events
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from pluma_tui.core.text import clean_line

_GAP = 2  # cells between two columns
_MARK = 2  # cells before the label


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
        text-wrap: nowrap; text-overflow: ellipsis; scrollbar-size-vertical: 1; scrollbar-gutter: stable;
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

    def show(self, rows: Sequence[Row], highlighted: int | None = 0) -> None:
        """Other rows in place of these; the one at `highlighted`, or the next that is no heading, is lit."""
        self._rows = list(rows)
        self._fill()
        choosable = [index for index, row in enumerate(rows) if not row.heading]
        self.highlighted = next((one for one in choosable if one >= (highlighted or 0)), None)

    def change(self, index: int, row: Row) -> None:
        """Another text for one row; the highlight stays where it is."""
        self._rows[index] = row
        self.replace_option_prompt_at_index(index, self._layout()(row))

    def on_resize(self, event: events.Resize) -> None:
        if self.scrollable_content_region.width != self._width:
            highlighted = self.highlighted
            self._fill()
            self.highlighted = highlighted

    def _fill(self) -> None:
        self._width = self.scrollable_content_region.width
        lay = self._layout()
        self.set_options([Option(lay(row), disabled=row.heading) for row in self._rows])

    def _layout(self) -> Callable[[Row], Content]:
        """A function that lays a row out. The labels of all share a column, but for a few long ones."""
        lengths = sorted(cell_len(clean_line(row.label)) for row in self._rows if not row.heading)
        usual = lengths[len(lengths) * 9 // 10] if lengths else 0
        column = min(usual, max(self._width // 2 - _MARK, 8))
        return lambda row: laid_out(row, self._width, column, folds=self._folds)


def laid_out(row: Row, width: int, column: int, *, folds: bool) -> Content:
    """The row in `width` cells, its label in a column of so many where it fits there."""
    label, detail, state = clean_line(row.label), clean_line(row.detail, 400), clean_line(row.state)
    if row.heading:
        return Content(cut(label, width))
    state = cut(state, width // 2)
    room = width - _MARK - (cell_len(state) + _GAP if state else 0)
    one_line = max(cell_len(label), column if detail else 0) + (cell_len(detail) + _GAP if detail else 0)
    second = folds and bool(detail) and one_line > room
    left = cut(label, room)
    middle = ""
    if detail and not second:
        left = cut(label, max(column, room - _GAP - cell_len(detail)))
        left += " " * max(column - cell_len(left), 0)
        middle = " " * _GAP + cut(detail, room - cell_len(left) - _GAP)
    gap = " " * (room - cell_len(left) - cell_len(middle) + _GAP if state else 0)
    line = Content.assemble(
        f"{row.mark or ' '} ", left, (middle, "$text-muted"), gap, (state, row.tone)
    )  # fmt: skip
    below = Content(f"\n{' ' * (_MARK + 2)}{cut(detail, width - _MARK - 2)}").stylize("$text-muted")
    return line + below if second else line


def cut(text: str, width: int) -> str:
    """`text` in at most `width` cells; what is left out is an ellipsis."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(width - 1, 0)).rstrip() + "…" if width > 0 else ""
