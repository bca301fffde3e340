"""What is in one row of the screen, and how much of the row must be drawn when that changes."""

from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from pluma_tui.widgets.transcript.lines import Line, changed_cells
from pluma_tui.widgets.transcript.look import Look
from pluma_tui.widgets.transcript.selecting import Span, highlighted

BAR = "┃"
_BEYOND = 1 << 62  # the key of rows below all lines


class Hit(NamedTuple):
    """What was looked for, in a line: the characters, and whether it is the hit that the reader is at."""

    span: Span
    here: bool = False


class Row(NamedTuple):
    """A line with its key, the selected span of it, and whether the mark of the place is in this row.

    `mark`: None, or the row is of what the reader has marked; if not empty, it is shown at the right.
    """

    line: Line | None = None
    key: int = _BEYOND
    span: Span | None = None
    thumb: bool = False
    mark: str | None = None
    hits: tuple[Hit, ...] = ()

    def changed_from(self, before: "Row", width: int) -> int:
        """How many cells from the left have to be drawn where `before` was; 0 for none."""
        if self.thumb != before.thumb or self.span != before.span or self.hits != before.hits:
            return width
        cells = 0 if self.line is before.line else changed_cells(before.line, self.line)
        if self.mark != before.mark:
            return width if self.mark or before.mark else max(1, cells)
        return cells

    def strip(self, width: int, look: Look, selected: Style) -> Strip:
        """The row as it is drawn."""
        line = self.line
        strip = Strip(line.segments, line.width) if line else Strip([], 0)
        strip = strip.adjust_cell_length(width, look.base)
        if line:
            for span, here in self.hits:
                strip = highlighted(strip, span, look["hit-here" if here else "hit"])
            if self.span:
                strip = highlighted(strip, (max(self.span[0], line.margin), self.span[1]), selected)
            if self.mark is not None:
                strip = _marked(strip, line, self.mark, look)
        if self.thumb:
            strip = Strip([*strip.crop(0, width - 1), Segment("▐", look["rule"])], width)
        return strip


EMPTY = Row()


def thumb_at(top: int, rows: int, height: int) -> range:
    """The rows of the screen in which a mark shows where among all rows the page is."""
    start = min(height - 1, top * height // rows)
    return range(start, start + max(1, height * height // rows))


def _marked(strip: Strip, line: Line, hint: str, look: Look) -> Strip:
    """The strip with a bar in its first cell, and the hint at the line's end if there is room for it."""
    width = strip.cell_length
    segments = [Segment(BAR, look["focus"]), *strip.crop(1, width)]
    end = min(line.width, width)
    if hint and end - cell_len(line.text.rstrip()) > len(hint):
        middle = Strip(segments, width)
        begin = end - len(hint)
        segments = [*middle.crop(0, begin), Segment(hint, look["focus-hint"]), *middle.crop(end, width)]
    return Strip(segments, width)
