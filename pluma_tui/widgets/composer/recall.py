"""Walking through what was sent before."""

from collections.abc import Sequence

from pluma_tui.core.written import Written


class Recall:
    """A stack of pages: the unfinished text first, then what was sent, the newest first.

    A page that is changed stays changed for as long as the walk lasts.
    """

    def __init__(self, draft: Written, sent: Sequence[str]) -> None:
        self._pages = [draft, *(Written(text) for text in dict.fromkeys(sent))]
        self._at = 0

    def turn(self, by: int, now: Written) -> Written | None:
        """Leave a page, which reads `now`, for an older (1) or newer (-1) one; None at either end."""
        if not 0 <= self._at + by < len(self._pages):
            return None
        self._pages[self._at] = now
        self._at += by
        return self._pages[self._at]
