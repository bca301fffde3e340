"""What waits until an answer has come."""

from collections.abc import Callable

from pluma_tui.core.written import Written


class Queue:
    """Questions in their order. `held`: the next one is not sent until the person says so.

    An answer that is stopped or fails holds the queue: who presses esc means the program to be still, and
    what was meant to follow an answer may make no sense without it. What is written then goes first.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        """`changed` is told of every change."""
        self._changed = changed
        self._waiting: list[Written] = []
        self._leaving: Written | None = None
        self.held = False

    @property
    def waiting(self) -> tuple[Written, ...]:
        """Those that wait."""
        return tuple(self._waiting)

    @property
    def unsent(self) -> tuple[Written, ...]:
        """Those that wait, and before them one that is being sent and not stored yet."""
        return (*([self._leaving] if self._leaving else []), *self._waiting)

    def restore(self, waiting: tuple[Written, ...]) -> None:
        """Those that waited when a program ended; they are held."""
        self._waiting = list(waiting)
        self.hold()

    def put(self, written: Written) -> None:
        """One more, at the end."""
        self._waiting.append(written)
        self._changed()

    def take_back(self) -> Written | None:
        """The last one, which waits no more."""
        written = self._waiting.pop() if self._waiting else None
        self.held = self.held and bool(self._waiting)
        self._changed()
        return written

    def leave(self) -> Written | None:
        """The first one, if it may go."""
        return self._waiting.pop(0) if self._waiting and not self.held else None

    def sending(self, written: Written) -> None:
        """This is on its way."""
        self._leaving = written
        self._changed()

    def sent(self) -> None:
        """It is stored, or has gone back to where it was written."""
        self._leaving = None
        self._changed()

    def hold(self) -> None:
        """Let none go by itself."""
        self.held = bool(self._waiting)
        self._changed()

    def release(self) -> None:
        """Let them go."""
        self.held = False
        self._changed()
