"""What is written and not sent, on disk: one folder for each window, in `<data>/drafts`.

A folder is named after its conversation, or `new`; its lock is held by the one program that writes there.
A second window of the same conversation gets a folder with a number, so that no window takes another's
words, and words of a window that crashed are found by the next one.
"""

import contextlib
import fcntl
import os
import re
import threading
from pathlib import Path

import msgspec

from pluma_tui.core.written import Unsent
from pluma_tui.files import atomic
from pluma_tui.files.paths import private_dir

NEW = "new"  # the name of a conversation that is not begun
_FILE = "unsent.json"
_WINDOWS = 64  # of one conversation at once


class Slot:
    """One window's place. Its methods may be called from any thread."""

    def __init__(self, folder: Path, handle: int) -> None:
        """`handle` is that of the folder, which is locked by it."""
        self._folder = folder
        self._handle: int | None = handle
        self._turn = threading.Lock()

    def read(self) -> Unsent:
        """What was left here. Raises OSError, ValueError for what cannot be understood."""
        try:
            return msgspec.json.decode((self._folder / _FILE).read_bytes(), type=Unsent)
        except FileNotFoundError:
            return Unsent()

    def write(self, unsent: Unsent) -> None:
        """Keep this, and nothing else. No effect once it is closed. Raises OSError."""
        with self._turn:
            if self._handle is None:
                return
            if unsent == Unsent():
                (self._folder / _FILE).unlink(missing_ok=True)
            else:
                atomic.write(self._folder / _FILE, msgspec.json.encode(unsent))

    def belongs_to(self, conversation: str) -> None:
        """The new conversation is begun and has an id. Raises OSError."""
        with self._turn:
            name = self._folder.with_name(conversation)
            self._folder.rename(name)
            self._folder = name

    def close(self) -> None:
        """Leave it to others; it goes if there is nothing in it."""
        with self._turn:
            if self._handle is not None:
                with contextlib.suppress(OSError):
                    self._folder.rmdir()
                os.close(self._handle)
                self._handle = None


def claim(data: Path, conversation: str | None) -> tuple[Slot, Unsent]:
    """A place for a window on that conversation, and what was left in it. Raises OSError.

    A free one that has something in it goes first.
    """
    drafts = private_dir(private_dir(data) / "drafts")
    name = conversation or NEW
    of_this = re.compile(rf"{re.escape(name)}(\.\d+)?")
    for folder in sorted(one for one in drafts.iterdir() if of_this.fullmatch(one.name)):
        slot = _held(folder)
        if slot is not None:
            with contextlib.suppress(OSError, ValueError):  # what cannot be understood stays as it is
                if (left := slot.read()) != Unsent():
                    return slot, left
            slot.close()
    for number in range(1, _WINDOWS + 1):
        folder = drafts / (name if number == 1 else f"{name}.{number}")
        if not folder.exists() and (slot := _held(private_dir(folder))):
            return slot, Unsent()
    raise OSError(f"{_WINDOWS} windows are open already")


def _held(folder: Path) -> Slot | None:
    """The folder; None if another program has it."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(handle).st_ino == folder.stat().st_ino:  # and it was not taken away meanwhile
            return Slot(folder, handle)
    except OSError:
        pass
    os.close(handle)
    return None
