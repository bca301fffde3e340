"""A scroll view without scrollbars that moves at once."""

from typing import Any

from textual.scroll_view import ScrollView


class LineScroll(ScrollView):
    """Scrolls by keys and wheel, by whole steps: an animation would draw the page many times over."""

    def to_end(self) -> None:
        """Go to the end."""
        raise NotImplementedError

    def scroll_end(self, *args: Any, **kwargs: Any) -> None:
        """As `to_end`, whatever the way there."""
        self.to_end()

    def scroll_to(self, *args: Any, **kwargs: Any) -> None:
        """Scroll at once."""
        kwargs["animate"] = False
        super().scroll_to(*args, **kwargs)

    def scroll_page_up(self, *args: Any, **kwargs: Any) -> None:
        """A page up, but for two lines that show where one was."""
        self.scroll_relative(y=2 - self.size.height)

    def scroll_page_down(self, *args: Any, **kwargs: Any) -> None:
        """A page down, but for two lines that show where one was."""
        self.scroll_relative(y=self.size.height - 2)

    @property
    def allow_vertical_scroll(self) -> bool:
        """Always, though no scrollbar is shown."""
        return not self._check_disabled()

    def text_select_all(self) -> None:
        """A double click selects nothing: all of a conversation is not what is meant."""
