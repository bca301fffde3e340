"""Showing messages page by page: where the reader is, what is drawn, and fitting the size there is."""

from collections.abc import Callable

from textual import events
from textual.geometry import Region, Size
from textual.message import Message as Event
from textual.strip import Strip
from textual.widget import Widget

from pluma_tui.widgets.transcript.layout import Layout, Place
from pluma_tui.widgets.transcript.look import look_of, plain_look
from pluma_tui.widgets.transcript.markdown import Markdown
from pluma_tui.widgets.transcript.render import Renderer
from pluma_tui.widgets.transcript.rows import EMPTY, Row, thumb_at
from pluma_tui.widgets.transcript.scrolling import LineScroll
from pluma_tui.widgets.transcript.sections import Page

WIDTH_MAX = 112  # cells; longer lines are hard to read

_TRIES = 64  # at most so often are guessed heights corrected for one picture


class Pages(LineScroll):
    """The page that the reader sees of all messages.

    It follows what is written at the end for as long as the reader is there. When the page is full it
    moves on by half a page, for a line at a time costs twice the bytes.
    """

    hyperlinks: bool = True
    """Whether the terminal knows links; to be set before there is anything to show."""

    class Followed(Event, namespace="transcript"):
        """The reader has come to the end, or has left it."""

        def __init__(self, following: bool) -> None:
            super().__init__()
            self.following = following

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.auto_links = False
        self.following = True
        self._markdown = Markdown()
        self._look = plain_look()
        self._look_checked = False
        self._page = Page(Renderer(self._markdown, self._look), self._markdown)
        self._entries = Layout()
        self._fitted = Size(0, 0)
        self._top: Place | None = None
        self._shown: list[Row] = []
        self._thumb = range(0)
        self._drawing = False

    # Where the reader is

    def to_end(self) -> None:
        """Go to the end, and follow what is written there."""
        self._follow(exactly=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The reader scrolls. Short ways are counted in exact lines, from the line that was at the top."""
        old, new = round(old_value), round(new_value)
        if old == new or self.size != self._fitted:
            return
        top, height = self._top, self.size.height

        def where() -> int:
            end = self._entries.rows - height
            if top is None or abs(new - old) > 3 * height:
                return min(new, end)
            start = self._entries.row(top)
            return min(start + new - old, max(start, end))

        self._settle(where)

    def _follow(self, *, exactly: bool = False) -> None:
        """Show the end. When it has left the page, half a page is turned unless it is wanted exactly."""
        height = self.size.height
        top = self.scroll_offset.y

        def end() -> int:
            rows = self._entries.rows
            if exactly or top >= rows:
                return rows - height
            return rows - height // 2 if rows > top + height else top

        self._settle(end, following=True)

    def _update(self) -> None:
        """Something has changed: go on following, or keep the line at the top where it is."""
        top = self._top
        if self.following or top is None:
            self._follow()
        else:
            self._settle(lambda: self._entries.row(top))

    def _settle(self, top_now: Callable[[], int], *, following: bool | None = None) -> None:
        """Show the page that begins at row `top_now()`, whose heights may turn out different from guessed."""
        height = self.size.height
        if not height:
            self.following = self.following if following is None else following
            return
        for _ in range(_TRIES):
            top = max(0, top_now())
            if not self._entries.measure(top, top + height):
                break
        rows = self._entries.rows
        if following is None:
            following = top + height >= rows
        left, self.following = self.following, following
        self._go(top, max(rows, top + height))
        if left != following:
            self.post_message(self.Followed(following))

    def _go(self, top: int, rows: int) -> None:
        place = self._entries.place(top)
        if self.following:
            self._thumb = range(0)
        elif place != self._top:  # worked out when the reader moves, not whenever a line is added
            self._thumb = thumb_at(top, rows, self.size.height)
        self._top = place
        self.set_reactive(Widget.virtual_size, Size(self.size.width, rows))
        self.set_reactive(Widget.scroll_y, float(top))
        self.set_reactive(Widget.scroll_target_y, float(top))
        self._paint()

    # Drawing

    def _paint(self) -> None:
        """Have those rows drawn that differ from what is on the screen, up to where they differ."""
        size = self.size
        rows = self._rows()
        before, self._shown = self._shown, rows
        regions = [
            Region(0, y, min(cells, size.width), 1)
            for y, row in enumerate(rows)
            if (cells := row.changed_from(before[y] if y < len(before) else EMPTY, size.width))
        ]
        if regions:
            self.refresh(*regions)

    def _rows(self) -> list[Row]:
        height = self.size.height
        thumb = self._thumb
        found = self._entries.rows_at(self.scroll_offset.y, height)
        selection = self.text_selection
        rows = [
            Row(line, key, selection.get_span(key) if selection else None, y in thumb)
            for y, (key, line) in enumerate(found)
        ]
        return self._noted(rows) + [Row(thumb=y in thumb) for y in range(len(rows), height)]

    def _noted(self, rows: list[Row]) -> list[Row]:
        """The rows with what else is to be seen on them."""
        return rows

    def render_line(self, y: int) -> Strip:
        """A line of the page. Asked for outside of drawing, it tells which text is where."""
        row = self._shown[y] if y < len(self._shown) else EMPTY
        strip = row.strip(self.size.width, self._look, self.selection_style)
        return strip if self._drawing else strip.apply_offsets(0, row.key)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of the page, fitted to the size first: it may have changed just now."""
        self._fit()
        self._drawing = True
        try:
            return super().render_lines(crop)
        finally:
            self._drawing = False

    # Fitting

    def on_resize(self, _: events.Resize) -> None:
        """Another size."""
        self._fit()

    def notify_style_update(self) -> None:
        """The theme may have changed; its colours are looked up when they are needed."""
        super().notify_style_update()
        self._look_checked = False

    def _fit(self) -> None:
        """Wrap for the size there is, in the colours of the theme; the reader's place is kept."""
        size = self.size
        if (size == self._fitted and self._look_checked) or not size:
            return
        look = look_of(self, self.rich_style, links=self.hyperlinks)
        self._look_checked = True
        if look != self._look or size.width != self._fitted.width:
            self._look = look
            self._page.renderer = Renderer(self._markdown, look)
            self._page.width = min(size.width - 1, WIDTH_MAX)
            self._entries.reset()
        elif size == self._fitted:
            return
        self._fitted = size
        self._rearrange()

    def _rearrange(self) -> None:
        """Nothing on the screen holds any more, but the reader's place does."""
        self._shown = []
        top = self._top
        if self.following or top is None:
            self._follow(exactly=True)
        else:
            self._settle(lambda: self._entries.row(top))
            self._top = top  # rounding must not add up when the size changes many times
