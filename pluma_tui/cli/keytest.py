"""`pluma keys --test`: shows for each key press what arrives, what the app calls it, and what it does."""

import codecs
import os
import sys
from collections.abc import Iterator, Mapping

from textual._xterm_parser import XTermParser
from textual.events import Key

from pluma_tui.cli import output
from pluma_tui.cli.rawmode import read, unbuffered
from pluma_tui.core.errors import UsageError
from pluma_tui.core.text import clean_line

# The same flags of the kitty keyboard protocol as the app asks for: disambiguate, all keys, their text.
_ASK_KITTY, _NO_KITTY = b"\x1b[>25u", b"\x1b[<u"
_PAUSE = 0.1  # seconds: an escape that nothing follows is the escape key


def listen(keys: Mapping[str, tuple[str, ...]]) -> int:
    """Show presses until q comes twice, or ctrl+c; returns 0. Raises UsageError without a terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("--test needs a terminal: it shows what its keys send")
    actions = {key: action for action, names in keys.items() for key in names}
    output.line("Press keys; q twice or ctrl+c leaves.")
    handle, last = sys.stdin.fileno(), ""
    with unbuffered(handle, keep_signals=False):
        try:
            os.write(sys.stdout.fileno(), _ASK_KITTY)
            for sent, name, character in _presses(handle):
                _show(sent, name, character, actions.get(name, ""))
                if name == "ctrl+c" or name == last == "q":
                    break
                last = name
        finally:
            os.write(sys.stdout.fileno(), _NO_KITTY)
    return 0


def _presses(handle: int) -> Iterator[tuple[bytes, str, str]]:
    """The bytes of each press, its name in the app and its character; ends with the terminal.

    Textual's own parser names the keys, so that this shows just what the app gets.
    """
    parser = XTermParser()
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    waiting = ""
    while True:
        data = read(handle, _PAUSE if waiting else None)
        if not (data or waiting):
            return
        # One at a time, so that of several presses in a burst each is shown with its own bytes.
        for piece in decode(data) or [""]:
            waiting += piece
            for event in [*(parser.feed(piece) if piece else ()), *parser.tick()]:
                if isinstance(event, Key):
                    yield waiting.encode(), event.key, event.character or ""
                    waiting = ""
        if waiting and not data:
            yield waiting.encode(), "", ""
            waiting = ""


def _show(sent: bytes, name: str, character: str, action: str) -> None:
    """One line; raw mode wants its carriage return said."""
    shown = character if character.isprintable() and len(character) == 1 else ""
    row = f"{clean_line(name) or '(no key)':<24}{clean_line(shown):<4}{_readable(sent):<28}{action}"
    sys.stdout.buffer.write(f"{row.rstrip()}\r\n".encode())
    sys.stdout.flush()


def _readable(sent: bytes) -> str:
    r"""Bytes as one would write them: \x1b[A."""
    return repr(sent)[2:-1]
