"""What is in one row of the screen, and how much of the row must be drawn when that changes."""

from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from pluma_tui.widgets.transcript.lines import Line, changed_cells
from pluma_tui.widgets.transcript.look import Look
from pluma_tui.widgets.transcript.selecting import Span, highlighted

_BEYOND = 1 << 62  # the key of rows below all lines


class Row(NamedTuple):
    """A line with its key, the selected span of it, and whether the mark of the place is in this row."""

    line: Line | None = None
    key: int = _BEYOND
    span: Span | None = None
    thumb: bool = False

    def changed_from(self, before: "Row", width: int) -> int:
        """How many cells from the left have to be drawn where `before` was; 0 for none."""
        if self.thumb != before.thumb or self.span != before.span:
            return width
        return 0 if self.line is before.line else changed_cells(before.line, self.line)

    def strip(self, width: int, look: Look, selected: Style) -> Strip:
        """The row as it is drawn."""
        line = self.line
        strip = Strip(line.segments, line.width) if line else Strip([], 0)
        strip = strip.adjust_cell_length(width, look.base)
        if self.span and line:
            strip = highlighted(strip, (max(self.span[0], line.margin), self.span[1]), selected)
        if self.thumb:
            strip = Strip([*strip.crop(0, width - 1), Segment("▐", look["rule"])], width)
        return strip


EMPTY = Row()


def thumb_at(top: int, rows: int, height: int) -> range:
    """The rows of the screen in which a mark shows where among all rows the page is."""
    start = min(height - 1, top * height // rows)
    return range(start, start + max(1, height * height // rows))
