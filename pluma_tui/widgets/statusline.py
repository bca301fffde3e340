"""One line: who is talked to on the left, what is going on on the right."""

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from pluma_tui.core.text import clean_line


class StatusLine(Widget):
    """Profile and model, and the state of the answer. Who sets `state` decides how often (once a second)."""

    DEFAULT_CSS = """
    StatusLine { height: 1; padding: 0 1; background: $panel; color: $text-muted; }
    """

    profile: reactive[str] = reactive("")
    model: reactive[str] = reactive("")
    state: reactive[str] = reactive("")

    def render(self) -> Content:
        """The line, its right side kept whole as long as there is room for it."""
        width = self.content_size.width
        right = clean_line(self.state, 60)
        room = max(0, width - cell_len(right) - 2)
        name = clean_line(self.profile, 40) or "no profile"
        left = f"{name} · {clean_line(self.model, 100)}" if self.model else name
        if cell_len(left) > room:
            left = set_cell_size(left, max(0, room - 1)) + "…"
        gap = " " * max(0, width - cell_len(left) - cell_len(right))
        bold = min(len(name), len(left))
        return Content(left[:bold]).stylize("$text bold") + Content(left[bold:] + gap + right)
