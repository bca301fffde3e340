"""Finding what is at a row among many things of different heights."""

from bisect import bisect_right
from collections.abc import Iterable


class Heights:
    """Heights in rows, in order. Sums are kept up to the first change, so that appending is cheap."""

    def __init__(self, heights: Iterable[int] = ()) -> None:
        self._heights = list(heights)
        self._ends: list[int] = []  # the row after each, for as many as are known

    def __len__(self) -> int:
        return len(self._heights)

    def __getitem__(self, index: int) -> int:
        return self._heights[index]

    @property
    def total(self) -> int:
        """Rows of all together."""
        return self.start(len(self._heights))

    def append(self, height: int) -> None:
        """One more at the end."""
        self._heights.append(height)

    def set(self, index: int, height: int) -> None:
        """Correct one."""
        if self._heights[index] != height:
            self._heights[index] = height
            del self._ends[index:]

    def cut(self, length: int) -> None:
        """Forget all from `length` on."""
        del self._heights[length:]
        del self._ends[length:]

    def start(self, index: int) -> int:
        """The first row of that one."""
        ends = self._ends
        end = ends[-1] if ends else 0
        for height in self._heights[len(ends) : index]:
            end += height
            ends.append(end)
        return ends[index - 1] if index else 0

    def at(self, row: int) -> int:
        """Which one is at `row`; the last one for rows below all, the first for rows above."""
        total = self.total
        if row >= total:
            return len(self._heights) - 1
        return bisect_right(self._ends, max(0, row))
