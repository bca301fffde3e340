"""The transcript: one scrolling widget that draws lines, with no widget for a message or a block."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.reactive import reactive
from textual.selection import Selection
from textual.widget import Widget

from pluma_tui.widgets.keys import bindings
from pluma_tui.widgets.transcript.entry import Entry
from pluma_tui.widgets.transcript.layout import Layout
from pluma_tui.widgets.transcript.linewise import Linewise
from pluma_tui.widgets.transcript.look import CLASSES, CSS
from pluma_tui.widgets.transcript.message import Message
from pluma_tui.widgets.transcript.sections import Reasoning
from pluma_tui.widgets.transcript.selecting import selected_text


class Transcript(Linewise, can_focus=True):
    """A conversation. Texts are raw: all of them are made safe here."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(CLASSES)
    DEFAULT_CSS = CSS
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("transcript")]

    elsewhere: Widget | None = None
    """What gets the letters that are typed here and mean nothing here, and the focus with them."""

    reasoning: reactive[Reasoning] = reactive[Reasoning]("folded", repaint=False, init=False)

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
        """Take an entry away, if it is there."""
        self._entries = self._entries.without(entry_id)
        self._update()

    def toggle_reasoning(self) -> None:
        """Fold the reasoning of all entries, or show it."""
        self.reasoning = "shown" if self.reasoning == "folded" else "folded"

    def watch_reasoning(self, reasoning: Reasoning) -> None:
        """Another choice how reasoning is shown: the reader's place is kept."""
        self._page.reasoning = reasoning
        for message in self._entries.messages:
            message.fold_as_all()
        self._entries.reset()
        self._update()

    # Selecting text

    def selection_updated(self, selection: Selection | None) -> None:
        """Only the rows are drawn whose selected part has changed."""
        self._paint()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text as it is displayed, lines that were broken to fit joined again."""
        first, last = (end.y if end else None for end in selection)
        return selected_text(self._entries.lines_between(first, last), selection), "\n"

    # Typing

    def _forward_event(self, event: events.Event) -> None:
        """What is typed or pasted goes elsewhere, and so does the focus.

        Textual calls this for each key in turn. By an event handler the focus would change later, and
        letters of one burst would overtake each other on their two ways.
        """
        typed = isinstance(event, events.Paste) or (isinstance(event, events.Key) and event.is_printable)
        if typed and self.elsewhere is not None:
            self.screen.set_focus(self.elsewhere)
            self.elsewhere._forward_event(event)
        else:
            super()._forward_event(event)
