"""All messages below each other: what is at which row, and places that outlive a change of heights."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pluma_tui.widgets.transcript.heights import Heights
from pluma_tui.widgets.transcript.lines import Line
from pluma_tui.widgets.transcript.message import Message, line_key

_MESSAGE = 48  # the bits of a key that say where in the message a line is


def message_of(key: int) -> int:
    """The number of the message that the line of a key is in."""
    return key >> _MESSAGE


def within_message(key: int) -> int:
    """The key of the line in its message."""
    return key & ((1 << _MESSAGE) - 1)


def key_of(number: int, section: int, line: int) -> int:
    """The key of a line of the message of that number."""
    return (number << _MESSAGE) + line_key(section, line)


@dataclass(frozen=True)
class Place:
    """A spot in the conversation: message, section of it, and the part of the section's height."""

    message: str
    section: int
    part: float


class Layout:
    """The messages in order, and the rows they take."""

    def __init__(self, messages: Iterable[Message] = ()) -> None:
        self._messages = list(messages)
        self._numbers = {message.entry.id: number for number, message in enumerate(self._messages)}
        self._heights = Heights(message.rows for message in self._messages)

    def __len__(self) -> int:
        return len(self._messages)

    def __contains__(self, entry_id: object) -> bool:
        return entry_id in self._numbers

    def __getitem__(self, entry_id: str) -> Message:
        return self._messages[self._numbers[entry_id]]

    @property
    def rows(self) -> int:
        """Rows of all messages together."""
        return self._heights.total

    @property
    def messages(self) -> Sequence[Message]:
        """All of them, in order."""
        return self._messages

    def number(self, entry_id: str) -> int:
        """Which one that is, counted from 0. Raises KeyError."""
        return self._numbers[entry_id]

    def start(self, number: int) -> int:
        """The row that the message of that number begins at."""
        return self._heights.start(number)

    def at(self, row: int) -> int:
        """The number of the message at a row; -1 if there is none at all."""
        return self._heights.at(row)

    def row_of(self, key: int) -> int:
        """The row of a line, by its key."""
        number = message_of(key)
        message = self._messages[number]
        row = message.row_of(within_message(key))
        self._heights.set(number, message.rows)
        return self._heights.start(number) + row

    def append(self, message: Message) -> None:
        """One more at the end."""
        self._numbers[message.entry.id] = len(self._messages)
        self._messages.append(message)
        self._heights.append(message.rows)

    def without(self, entry_id: str) -> "Layout":
        """All but that one."""
        return Layout(message for message in self._messages if message.entry.id != entry_id)

    def changed(self, entry_id: str) -> None:
        """That message may have another height by now."""
        number = self._numbers[entry_id]
        self._heights.set(number, self._messages[number].rows)

    def reset(self) -> None:
        """The width, the styles or a choice has changed: nothing that was rendered holds any more."""
        for message in self._messages:
            message.reset()
        self._heights = Heights(message.rows for message in self._messages)

    def measure(self, top: int, bottom: int) -> bool:
        """Make heights exact between two rows; says whether any was not what was guessed."""
        changed = False
        number = self._heights.at(top)
        while 0 <= number < len(self._messages):
            start = self._heights.start(number)
            if start >= bottom:
                break
            message = self._messages[number]
            changed |= message.measure(top - start, bottom - start)
            changed |= self._heights[number] != message.rows
            self._heights.set(number, message.rows)
            number += 1
        return changed

    def rows_at(self, top: int, height: int) -> list[tuple[int, Line]]:
        """The lines from row `top` on, each with its key. `measure` them before.

        Keys are in the order of the lines and stay with them, whatever happens to the rows above.
        """
        found: list[tuple[int, Line]] = []
        number = self._heights.at(top)
        while 0 <= number < len(self._messages) and len(found) < height:
            start = self._heights.start(number)
            lines = self._messages[number].lines(max(0, top - start), top + height - start)
            found += (((number << _MESSAGE) + key, line) for key, line in lines)
            number += 1
        return found[:height]

    def lines_between(self, first: int | None, last: int | None) -> Iterator[tuple[int, Line]]:
        """All lines from one key to another; None stands for the very first and the very last."""
        number = 0 if first is None else first >> _MESSAGE
        while number < len(self._messages):
            message = self._messages[number]
            message.open()
            for within, line in message.lines(0, sys.maxsize):
                key = (number << _MESSAGE) + within
                if last is not None and key > last:
                    return
                if first is None or key >= first:
                    yield key, line
            number += 1

    def place(self, row: int) -> Place | None:
        """What is at a row; None if there is nothing at all."""
        number = self._heights.at(row)
        if number < 0:
            return None
        message = self._messages[number]
        section, part = message.place(row - self._heights.start(number))
        self._heights.set(number, message.rows)
        return Place(message.entry.id, section, part)

    def row(self, place: Place) -> int:
        """The row of a place; the first one if its message is gone."""
        number = self._numbers.get(place.message)
        if number is None:
            return 0
        message = self._messages[number]
        within = message.row(place.section, place.part)
        self._heights.set(number, message.rows)
        return self._heights.start(number) + within
