"""The transcript: one scrolling widget that draws lines, with no widget for a message or a block."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual import events
from textual.geometry import Region, Size
from textual.message import Message as Event
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from pluma_tui.widgets.transcript.entry import Entry
from pluma_tui.widgets.transcript.layout import Layout, Place
from pluma_tui.widgets.transcript.lines import Line, changed_cells
from pluma_tui.widgets.transcript.look import CLASSES, look_of, plain_look
from pluma_tui.widgets.transcript.markdown import Markdown
from pluma_tui.widgets.transcript.message import Message
from pluma_tui.widgets.transcript.render import Renderer
from pluma_tui.widgets.transcript.sections import Page, Reasoning

WIDTH_MAX = 112  # cells; longer lines are hard to read

_TRIES = 64  # at most so often are guessed heights corrected for one picture


class Transcript(ScrollView, can_focus=True):
    """A conversation. Texts are raw: all of them are made safe here.

    It follows what is written at the end for as long as the reader is there. When the page is full it
    moves on by half a page, for a line at a time costs twice the bytes.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = set(CLASSES)
    DEFAULT_CSS = """
    Transcript {
        height: 1fr;
        overflow: hidden hidden;
        scrollbar-size: 0 0;
        & .transcript--label { color: $primary; text-style: bold; }
        & .transcript--user-bar { color: $secondary; text-style: bold; }
        & .transcript--faint { color: $text-muted; }
        & .transcript--system { color: $text-muted; text-style: italic; }
        & .transcript--notice { color: $text-warning; }
        & .transcript--error { color: $text-error; }
        & .transcript--heading { color: $text-primary; text-style: bold; }
        & .transcript--strong { text-style: bold; }
        & .transcript--link { color: $text-accent; text-style: underline; }
        & .transcript--literal { color: $text-warning; }
        & .transcript--marker { color: $primary; }
        & .transcript--rule { color: $foreground 30%; }
        & .transcript--quote { color: $foreground 80%; text-style: italic; }
        & .transcript--code { background: $surface; }
        & .transcript--code-label { background: $surface; color: $text-muted; }
        & .transcript--keyword { background: $surface; color: $text-accent; }
        & .transcript--string { background: $surface; color: $text-success; }
        & .transcript--comment { background: $surface; color: $text-muted; text-style: italic; }
        & .transcript--number { background: $surface; color: $text-warning; }
        & .transcript--name { background: $surface; color: $text-primary; }
    }
    """

    reasoning: reactive[Reasoning] = reactive[Reasoning]("folded", repaint=False, init=False)

    class Followed(Event):
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
        self._shown: list[Line | None] = []

    # What is shown

    def show(self, entries: Sequence[Entry]) -> None:
        """Show these entries instead of all others, and land at the end."""
        self._entries = Layout(Message(entry, self._page) for entry in entries)
        self.to_end()

    def add(self, entry: Entry) -> None:
        """One more entry at the end."""
        self._entries.append(Message(entry, self._page))
        self._update()

    def feed(self, entry_id: str, *, text: str = "", reasoning: str = "") -> None:
        """More of a running entry, as it came. Raises KeyError for an entry that is not there."""
        self._entries[entry_id].feed(text, reasoning)
        self._entries.changed(entry_id)
        self._update()

    def finish(self, entry_id: str, *, footer: str = "", label: str | None = None) -> None:
        """A running entry is complete. Raises KeyError for an entry that is not there."""
        self._entries[entry_id].finish(footer=footer, label=label)
        self._entries.changed(entry_id)
        self._update()

    def discard(self, entry_id: str) -> None:
        """Take an entry away. Raises KeyError for an entry that is not there."""
        self._entries = self._entries.without(entry_id)
        self._update()

    def toggle_reasoning(self) -> None:
        """Fold the reasoning of all entries, or show it."""
        self.reasoning = "shown" if self.reasoning == "folded" else "folded"

    def watch_reasoning(self, reasoning: Reasoning) -> None:
        """Another choice how reasoning is shown: the reader's place is kept."""
        self._page.reasoning = reasoning
        self._entries.reset()
        self._update()

    # Where the reader is

    def to_end(self) -> None:
        """Go to the end, and follow what is written there."""
        self._follow(exactly=True)

    def scroll_end(self, *args: Any, **kwargs: Any) -> None:
        """As `to_end`: heights that are guesses so far are made exact on the way."""
        self.to_end()

    def scroll_to(self, *args: Any, **kwargs: Any) -> None:
        """Scroll at once: an animation would draw the page many times over."""
        kwargs["animate"] = False
        super().scroll_to(*args, **kwargs)

    @property
    def allow_vertical_scroll(self) -> bool:
        """It scrolls by keys and wheel without a scrollbar."""
        return not self._check_disabled()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The reader scrolls. Short ways are counted in exact lines, from the line that was at the top."""
        old, new = round(old_value), round(new_value)
        if old == new:
            return
        top = self._top
        if top is not None and abs(new - old) <= 3 * self.size.height:
            self._settle(lambda: self._entries.row(top) + new - old)
        else:
            self._settle(lambda: new)

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
            return
        for _ in range(_TRIES):
            top = max(0, top_now())
            if not self._entries.measure(top, top + height):
                break
        rows = self._entries.rows
        if following is None:
            top = max(0, min(top, rows - height)) if top != self.scroll_offset.y else top
            following = top + height >= rows
        self._go(top, max(rows, top + height))
        if following != self.following:
            self.following = following
            self.post_message(self.Followed(following))

    def _go(self, top: int, rows: int) -> None:
        self.set_reactive(Widget.virtual_size, Size(self.size.width, rows))
        self.set_reactive(Widget.scroll_y, float(top))
        self.set_reactive(Widget.scroll_target_y, float(top))
        self._top = self._entries.place(top)
        self._paint()

    # Drawing

    def _paint(self) -> None:
        """Have those lines drawn that differ from what is on the screen, up to where they differ."""
        size = self.size
        shown = self._entries.lines(self.scroll_offset.y, size.height)
        before = self._shown + [None] * (size.height - len(self._shown))
        self._shown = shown
        regions = [
            Region(0, y, min(cells, size.width), 1)
            for y, (old, new) in enumerate(zip(before, shown, strict=False))
            if old is not new and (cells := changed_cells(old, new))
        ]
        if regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        """A line of the page."""
        line = self._shown[y] if y < len(self._shown) else None
        return Strip(line.segments, line.width) if line else Strip.blank(self.size.width, self._look.base)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of the page, fitted to the size first: it may have changed just now."""
        self._fit()
        return super().render_lines(crop)

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
        look = look_of(self, self.rich_style)
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
