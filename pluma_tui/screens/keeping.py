"""Keeps what is written and not sent, through a crash too."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.screen import Screen
from textual.timer import Timer

from pluma_tui.core.text import clean_line
from pluma_tui.core.written import Unsent
from pluma_tui.runtime.unsent import Slot, claim

EVERY = 1.0  # seconds between two writes, at least


class Keeping:
    """One window's words on disk. Without a place to write to it says so once, and keeps nothing."""

    def __init__(self, screen: Screen[Any], gather: Callable[[], Unsent]) -> None:
        """`gather` tells what is to be kept."""
        self._screen = screen
        self._gather = gather
        self._slot: Slot | None = None
        self._kept = Unsent()
        self._timer: Timer | None = None
        self._conversation: str | None = None

    def open(self, data: Path, conversation: str | None) -> Unsent:
        """What was left by the window before."""
        self._conversation = conversation
        try:
            self._slot, self._kept = claim(data, conversation)
        except OSError as error:
            self._lost(error)
        return self._kept

    def changed(self) -> None:
        """Something else is written, or waits: keep it soon."""
        if self._slot is not None and self._timer is None:
            self._timer = self._screen.set_timer(EVERY, self._write)

    def begun(self, conversation: str) -> None:
        """The new conversation has an id now: what is kept belongs to it."""
        if self._slot is not None and self._conversation is None:
            self._conversation = conversation
            try:
                self._slot.belongs_to(conversation)
            except OSError as error:
                self._lost(error)

    def close(self) -> None:
        """Keep what there is, for the next window."""
        if self._slot is not None:
            try:
                self._slot.write(self._gather())
            except OSError as error:
                self._lost(error)
            else:
                self._slot.close()
                self._slot = None

    async def _write(self) -> None:
        self._timer = None
        unsent, slot = self._gather(), self._slot
        if slot is None or unsent == self._kept:
            return
        try:
            await asyncio.to_thread(slot.write, unsent)
            self._kept = unsent
        except OSError as error:
            self._lost(error)

    def _lost(self, error: OSError) -> None:
        slot, self._slot = self._slot, None
        if slot is not None:
            slot.close()
        words = f"What is written and not sent cannot be kept: {error.strerror or error}"
        self._screen.notify(clean_line(words), severity="warning", markup=False)
