"""Keeps what is written and not sent, through a crash too."""

import asyncio
from pathlib import Path
from typing import Any

from textual.screen import Screen
from textual.timer import Timer

from pluma_tui.core.text import clean_line
from pluma_tui.core.written import Unsent, Written
from pluma_tui.runtime.chat import OpenChat
from pluma_tui.runtime.unsent import Slot, claim
from pluma_tui.screens.queue import Queue
from pluma_tui.widgets.composer import Composer

EVERY = 1.0  # seconds between two writes, at least


class Keeping:
    """One window's words on disk. Without a place to write to it says so once, and keeps nothing."""

    def __init__(self, screen: Screen[Any], chat: OpenChat, composer: Composer, queue: Queue) -> None:
        self._screen = screen
        self._chat = chat
        self._composer = composer
        self._queue = queue
        self._slot: Slot | None = None
        self._kept = Unsent()
        self._timer: Timer | None = None
        self._begun = chat.conversation is not None

    def open(self, data: Path, brought: Written) -> None:
        """Put what an earlier window left where it was; after it in the composer what was brought along."""
        conversation = self._chat.conversation
        try:
            self._slot, self._kept = claim(data, conversation.id if conversation else None)
        except OSError as error:
            self._lost(error)
        for written in (brought, self._kept.draft):
            if written.text:
                self._composer.restore(written)
        self._chat.prompt = self._kept.system
        self._queue.restore(self._kept.waiting)

    def changed(self) -> None:
        """Something else is written, or waits: keep it soon."""
        if self._slot is None:
            return
        if self._chat.conversation is not None and not self._begun:
            self._begun = True
            try:
                self._slot.belongs_to(self._chat.conversation.id)
            except OSError as error:
                self._lost(error)
                return
        if self._timer is None:
            self._timer = self._screen.set_timer(EVERY, self._write)

    def close(self) -> None:
        """Keep what there is, for the next window."""
        if self._slot is not None:
            try:
                self._slot.write(self._unsent())
            except OSError as error:
                self._lost(error)
            else:
                self._slot.close()
                self._slot = None

    def _unsent(self) -> Unsent:
        return Unsent(self._composer.written, self._queue.unsent, self._chat.prompt)

    async def _write(self) -> None:
        self._timer = None
        unsent, slot = self._unsent(), self._slot
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
