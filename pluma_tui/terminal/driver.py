"""Textual's driver, with a terminal that is asked, and that wakes nobody while nothing happens.

Textual's own loop of input looks ten times a second whether it is to end, and takes answers it does not
know for typing. Here a pipe says when to end, and answers go another way than keys.
"""

import os
import select
import signal
import time
from codecs import getincrementaldecoder
from threading import Event
from typing import Any

from textual import constants
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from pluma_tui.terminal import replies
from pluma_tui.terminal.replies import Reply, Splitter

_FOLLOW, _FOLLOW_NO_MORE = "\x1b[?2031h", "\x1b[?2031l"
_PATIENCE = 0.3  # seconds at the end: an answer that comes later lands in the shell
_SLOWEST = 3.0  # seconds after which no answer is waited for any more
# These print what they do not understand.
_SIMPLE = ("linux", "vt100", "vt220", "cons25")


class Replied(Message):
    """The terminal answered something, or told of itself."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


class TerminalDriver(LinuxDriver):
    """Asks for the background and the terminal's name at each start, and follows changes of the former."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self._splitter = Splitter()
        self._answered = Event()
        self._answered.set()
        self._asked = 0.0
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)

    def ask(self, *questions: str) -> None:
        """Ask the terminal; its answers come as `Replied`, and last one of kind "c", which all give."""
        if os.environ.get("TERM", "") in _SIMPLE:
            return
        self._splitter.expecting = True
        self._answered.clear()
        self._asked = time.monotonic()
        self.write("".join(questions) + replies.ASK_LAST)
        self.flush()

    def start_application_mode(self) -> None:
        """Take the terminal, and ask it."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._key_thread is not None and self._key_thread.is_alive():  # not stopped again at once
            self.ask(_FOLLOW, replies.ASK_BACKGROUND, replies.ASK_NAME)

    def stop_application_mode(self) -> None:
        """Give the terminal back as it was."""
        if os.environ.get("TERM", "") not in _SIMPLE:
            self.write(_FOLLOW_NO_MORE)
        super().stop_application_mode()

    def disable_input(self) -> None:
        """Read no more keys; what was asked is waited for, shortly."""
        if time.monotonic() - self._asked < _SLOWEST:
            self._answered.wait(_PATIENCE)
        self.exit_event.set()
        os.write(self._wake_write, b"\0")
        if self._key_thread is not None:
            self._key_thread.join()
        self.exit_event.clear()
        super().disable_input()

    def run_input_thread(self) -> None:
        """Read what comes until it is to end: typing goes to the parser of keys, answers to the app."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        while not self.exit_event.is_set():
            pending = self._splitter.unclear or parser._timeout_time is not None
            ready, _, _ = select.select(
                [self.fileno, self._wake_read], [], [], constants.ESCAPE_DELAY if pending else None
            )
            if self._wake_read in ready:
                os.read(self._wake_read, 64)
                continue
            typed = self._typed(decode) if ready else self._splitter.release()
            if typed is None:
                self._answered.set()
                os.kill(os.getpid(), signal.SIGHUP)  # the line is gone, and nobody told us
                return
            for message in (*(parser.feed(typed) if typed else ()), *parser.tick()):
                self.process_message(message)

    def _typed(self, decode: Any) -> str | None:
        """What was typed of what has come; None at the end of file."""
        try:
            data = os.read(self.fileno, 4096)
        except OSError:
            data = b""
        if not data:
            return None
        typed, answers = self._splitter.feed(decode(data))
        for reply in answers:
            if reply.kind == "c":
                self._splitter.expecting = False
                self._answered.set()
            self.send_message(Replied(reply))
        return typed
