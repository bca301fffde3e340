"""What can be completed where the cursor is: a command at the beginning, the name of a file after an @."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_COMMAND = re.compile(r"/[a-z-]*\Z")
_FILE = re.compile(r'(?:^|[\s(\[{])(@(?:"([^"]*)|([^\s"]*)))\Z')


@dataclass(frozen=True)
class Offer:
    """Something that can take the place of what is typed: `label` and `detail` are shown."""

    insert: str
    label: str
    detail: str = ""


@dataclass(frozen=True)
class Fragment:
    """The beginning of a command or a file's name: `query` without its `mark`; it begins at (row, column)."""

    mark: str
    query: str
    row: int
    column: int


def fragment(before: str, row: int) -> Fragment | None:
    """What ends at the cursor. `before` is its line up to there, `row` the line's number from 0."""
    if row == 0 and before.startswith("/") and _COMMAND.match(before):
        return Fragment("/", before[1:], 0, 0)
    if "@" not in before or (found := _FILE.search(before)) is None:
        return None
    return Fragment("@", found[2] or found[3] or "", row, found.start(1))


def commands_for(query: str, commands: Sequence[Offer]) -> list[Offer]:
    """Those that begin with it, then those that hold it."""
    names = [(offer.insert.strip("/ "), offer) for offer in commands]
    first = [offer for name, offer in names if name.startswith(query)]
    return first + [offer for name, offer in names if query in name and not name.startswith(query)]


class Completing:
    """The list that is open: what it is for, what it offers, and which offer is marked."""

    def __init__(self) -> None:
        self.fragment: Fragment | None = None
        self.offers: tuple[Offer, ...] = ()
        self.at = 0
        self._closed: tuple[str, int, int] | None = None

    def moved_to(self, found: Fragment | None) -> bool:
        """The cursor stands behind this now. Whether that is something new to make offers for."""
        if found == self.fragment:
            return False
        self.fragment = found
        if found is None:
            self.offers, self._closed = (), None
        return found is not None and _place(found) != self._closed

    def offer(self, wanted: Fragment, offers: Sequence[Offer]) -> None:
        """Offer these, unless the cursor has moved on or the person has closed the list."""
        if wanted == self.fragment and _place(wanted) != self._closed:
            self.offers, self.at = tuple(offers), 0

    def move(self, by: int) -> None:
        """Mark another one; round and round."""
        self.at = (self.at + by) % len(self.offers)

    def close(self) -> bool:
        """No list for this fragment any more. Whether there was one."""
        if not self.offers or self.fragment is None:
            return False
        self.offers, self._closed = (), _place(self.fragment)
        return True

    def complete(self) -> bool:
        """Whether what is typed is one of the offers already."""
        typed = self.fragment.query if self.fragment else ""
        return any(offer.insert.strip('/@" ') == typed.strip('/" ') for offer in self.offers)


def _place(found: Fragment) -> tuple[str, int, int]:
    return found.mark, found.row, found.column
