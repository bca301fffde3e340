"""Pages in which words are looked for: hits are highlighted, and the reader goes from one to the next."""

from bisect import bisect_left
from typing import NamedTuple

from pluma_tui.widgets.transcript.finding import Finder, Query
from pluma_tui.widgets.transcript.layout import key_of, message_of
from pluma_tui.widgets.transcript.marked import Marked
from pluma_tui.widgets.transcript.rows import Hit, Row
from pluma_tui.widgets.transcript.spots import Spot


class Found(NamedTuple):
    """The number of the hit that the reader is at, from 1, and how many there are; 0 for none."""

    at: int = 0
    of: int = 0


class Searched(Marked):
    """Marked pages that can be searched."""

    _query: Query | None = None
    _finder: Finder | None = None
    _origin = 0  # the key of the line from which on is searched
    _hit = (0, 0)  # the message that the reader's hit is in, and its number there
    _here: tuple[int, int] | None = None  # the key of its line, and its first character

    def find(self, words: str) -> Found:
        """Look for words, from where the reader was when the search began; for none: forget the search.

        If nothing comes after that, the nearest before it is gone to.
        """
        if self._finder is None:
            self._finder = Finder()
            self._origin = self._shown[0].key if self._shown else 0
        self._query, self._here = (Query(words) if words else None), None
        counts = self._counts()
        total = sum(counts)
        if total:
            begin = message_of(self._origin)
            number = next((n for n in range(begin, len(counts)) if counts[n] > self._passed(n, counts)), None)
            if number is not None:
                self._to_hit(number, self._passed(number, counts))
            else:
                number = max(n for n in range(min(begin + 1, len(counts))) if counts[n])
                self._to_hit(number, counts[number] - 1)
            return self._found(counts)
        self._paint()
        return Found()

    def find_next(self, step: int) -> Found:
        """Go to the next hit (step 1) or the one before (-1); after the last comes the first."""
        counts = self._counts()
        if not any(counts):
            return Found()
        number, hit = min(self._hit[0], len(counts) - 1), self._hit[1] + step
        while not 0 <= hit < counts[number]:
            number = (number + step) % len(counts)
            hit = 0 if step > 0 else counts[number] - 1
        self._to_hit(number, hit)
        return self._found(counts)

    def find_end(self) -> None:
        """No more highlights; the reader stays there."""
        self._query = self._finder = self._here = None
        self._paint()

    def _counts(self) -> list[int]:
        """How many hits each message has."""
        query, finder = self._query, self._finder
        if query is None or finder is None:
            return []
        return [finder.count(message, query) for message in self._entries.messages]

    def _found(self, counts: list[int]) -> Found:
        number, hit = self._hit
        return Found(sum(counts[:number]) + hit + 1, sum(counts))

    def _passed(self, number: int, counts: list[int]) -> int:
        """How many hits of a message come before the line that the search began at."""
        if number != message_of(self._origin):
            return 0
        return bisect_left(
            range(counts[number]), self._origin, key=lambda hit: self._place_of(number, hit)[0]
        )

    def _place_of(self, number: int, hit: int) -> tuple[int, int]:
        """The key of the line that a hit begins in, and its first character there."""
        assert self._query is not None and self._finder is not None
        message = self._entries.messages[number]
        message.open()
        section, before = self._finder.section(message, self._query, hit)
        shown = self._query.hits(message.section_lines(section))
        if not shown:  # not displayed, as a link's target is
            return key_of(number, section, 0), -1
        line, span = shown[min(before, len(shown) - 1)][0]
        return key_of(number, section, line), span[0]

    def _to_hit(self, number: int, hit: int) -> None:
        """Go to a hit, unless it is on the page."""
        self._hit = number, hit
        self._here = key, _ = self._place_of(number, hit)
        self.spot = Spot(self._entries.messages[number].entry.id)
        top, height = self.scroll_offset.y, self.size.height
        if top <= self._entries.row_of(key) < top + height:
            self._paint()
        else:
            end = self._entries.rows - height
            self._settle(lambda: min(self._entries.row_of(key) - height // 3, max(end, 0)))

    def _noted(self, rows: list[Row]) -> list[Row]:
        rows = super()._noted(rows)
        if self._query is None:
            return rows
        for hit in self._query.hits(row.line for row in rows if row.line):
            number, span = hit[0]
            here = self._here == (rows[number].key, span[0])
            for number, span in hit:
                row = rows[number]
                rows[number] = row._replace(hits=(*row.hits, Hit(span, here)))
        return rows
