"""The list of completions above the composer."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from pluma_tui.core.text import clean_line
from pluma_tui.widgets.composer.completing import Offer

ROWS = 8  # shown at once, and no more than a third of the screen


class Offers(Widget):
    """Shows what the composer offers. A click chooses."""

    DEFAULT_CSS = """
    Offers { height: auto; padding: 0 1; background: $surface; display: none; }
    """

    @dataclass
    class Chosen(Message):
        """The person has clicked on the offer of that number."""

        at: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._offers: Sequence[Offer] = ()
        self._at = self._top = 0

    def show(self, offers: Sequence[Offer], at: int) -> None:
        """Show these, that of number `at` marked; none closes the list."""
        resized = len(offers) != len(self._offers)
        self._offers, self._at = offers, at
        rows = self._rows
        self._top = max(0, min(max(self._top, at - rows + 1), at, len(offers) - rows))
        self.display = bool(offers)
        self.refresh(layout=resized)

    @property
    def _rows(self) -> int:
        """Rows of offers; below them stands how many there are, if not all can be seen."""
        rows = max(2, min(ROWS, self.app.size.height // 3))
        return rows if len(self._offers) <= rows else rows - 1

    def render(self) -> Content:
        """The rows around the marked one, their details in a column."""
        shown = range(self._top, min(self._top + self._rows, len(self._offers)))
        labels = [clean_line(self._offers[number].label) for number in shown]
        width = max((cell_len(clean_line(offer.label)) for offer in self._offers if offer.detail), default=0)
        lines = [self._line(number, label, width) for number, label in zip(shown, labels, strict=True)]
        if len(shown) < len(self._offers):
            lines.append(Content(f"  {self._at + 1} of {len(self._offers)}").stylize("$text-muted"))
        return Content("\n").join(lines)

    def _line(self, number: int, label: str, width: int) -> Content:
        marked = number == self._at
        mark = "› " if marked else "  "
        detail = clean_line(self._offers[number].detail)
        if not detail:
            label = _end(label, max(1, self.content_size.width - len(mark)))
        gap = " " * (width - cell_len(label) + 2) if detail else ""
        name = Content(mark + label)
        line = (name.stylize("$accent bold") if marked else name) + Content(gap + detail).stylize(
            "$text-muted"
        )
        return line.truncate(max(1, self.content_size.width), ellipsis=True)

    def on_click(self, event: events.Click) -> None:
        number = self._top + event.y
        if event.y < self._rows and number < len(self._offers):
            self.post_message(self.Chosen(number))


def _end(label: str, room: int) -> str:
    """The end of a label that is too long: of a path, that is what tells it from others."""
    if cell_len(label) <= room:
        return label
    while label and cell_len(label) >= room:
        label = label[1:]
    return f"…{label}"
