"""Whole lines selected by keys, in the same way as a part of the text is by the mouse."""

from textual.geometry import Offset
from textual.selection import Selection

from pluma_tui.widgets.transcript.searched import Searched

_WHOLE = 1 << 20  # characters: the end of any line


class Linewise(Searched):
    """Moves by lines, and selects them."""

    selecting = False
    _anchor = 0  # the key of the line that was selected first
    _head = 0  # and of the last one

    def select_lines(self) -> None:
        """Begin to select, at the first line on the page that is marked; or give it up."""
        self.selecting = not self.selecting
        if not self.selecting:
            self.screen.clear_selection()
            return
        lines = [row for row in self._shown if row.line]
        marked = [row for row in lines if row.mark is not None]
        if not lines:
            self.selecting = False
            return
        self._anchor = self._head = (marked or lines)[0].key
        self._select()

    def move(self, step: int) -> None:
        """Some lines down (or up, if negative): the page, or the end of what is being selected."""
        if not self.selecting:
            self.scroll_relative(y=step)
            return
        row = self._row_from_head(step)
        self._head = self._entries.rows_at(row, 1)[0][0]
        self._into_view(self._head)
        self._select()

    def _into_view(self, key: int) -> None:
        """Scroll no further than to have that line on the page."""
        place, height = self._top, self.size.height

        def where() -> int:
            top, row = self._entries.row(place) if place else 0, self._entries.row_of(key)
            return row if row < top else max(top, row - height + 1)

        self._settle(where)

    def _row_from_head(self, step: int) -> int:
        """The row so many lines from the head, or the first or the last one; all between is exact by then."""
        entries = self._entries
        while True:
            head = entries.row_of(self._head)
            row = max(0, min(entries.rows - 1, head + step))
            if not entries.measure(min(row, head), max(row, head) + 1):
                return row

    def _select(self) -> None:
        first, last = sorted((self._anchor, self._head))
        self.screen.selections = {self: Selection(Offset(0, first), Offset(_WHOLE, last))}
