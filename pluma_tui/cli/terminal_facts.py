"""Asking the terminal what it can do, and taking its answers away before anybody else reads them.

Four questions go out at once: its name (XTVERSION), the kitty keyboard protocol, kitty's graphics, and last
what every terminal answers, its device attributes (DA1). Answers come in the order of the questions, so
that with the last one nothing is outstanding. Described by xterm's ctlseqs and kitty's protocol pages.
"""

import contextlib
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pluma_tui.cli.rawmode import read, unbuffered

TIME_LIMIT = 0.3  # seconds
_MOST = 4096  # bytes of answers
_NAME, _KEYS, _GRAPHICS, _FENCE = "\x1b[>q", "\x1b[?u", "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\", "\x1b[c"
_SIXEL = "4"
_DA1 = re.compile(rb"\x1b\[\?([0-9;]*)c")
# These print what they do not understand.
_SIMPLE = ("", "dumb", "linux", "vt100", "vt220", "cons25")


@dataclass(frozen=True)
class Answers:
    """What a terminal said. `name` is as it calls itself, such as "kitty(0.41.1)"; it may hold anything."""

    name: str = ""
    kitty_keys: bool = False
    kitty_graphics: bool = False
    sixel: bool = False


@contextlib.contextmanager
def asked(environ: Mapping[str, str]) -> Iterator[Answers | None]:
    """The terminal's answers; None if there is no terminal that can be asked, or none came in time.

    What comes too late, as over a slow line, is thrown away when the block ends, so that it does not land
    in the shell.
    """
    simple = environ.get("TERM", "") in _SIMPLE
    if simple or not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield None
        return
    handle = sys.stdin.fileno()
    with unbuffered(handle, keep_signals=True):
        sys.stdout.flush()
        os.write(sys.stdout.fileno(), questions(environ))
        yield parse(_collect(handle))


def questions(environ: Mapping[str, str]) -> bytes:
    """What is sent: all questions at once; then the line is cleared, for terminals that print one."""
    # tmux and screen take the question about graphics for a window's title.
    graphics = "" if within_multiplexer(environ) else _GRAPHICS
    return f"{_NAME}{_KEYS}{graphics}{_FENCE}\r\x1b[K".encode()


def within_multiplexer(environ: Mapping[str, str]) -> bool:
    """Whether tmux or GNU screen answers in the place of the terminal."""
    named = environ.get("TERM", "").startswith(("tmux", "screen"))
    return named or bool(environ.get("TMUX") or environ.get("STY"))


def parse(data: bytes) -> Answers | None:
    """The answers in what came; None without the last one."""
    fence = _DA1.search(data)
    if fence is None:
        return None
    name = re.search(rb"\x1bP>\|([^\x1b]*)\x1b\\", data)
    return Answers(
        name=name[1].decode("utf-8", "replace") if name else "",
        kitty_keys=re.search(rb"\x1b\[\?\d+u", data) is not None,
        kitty_graphics=b"\x1b_Gi=31;OK" in data,
        sixel=_SIXEL in fence[1].decode().split(";")[1:],
    )


def _collect(handle: int) -> bytes:
    """What comes until the last answer is there, or the time is over."""
    end = time.monotonic() + TIME_LIMIT
    data = b""
    while not _DA1.search(data) and len(data) < _MOST and (left := end - time.monotonic()) > 0:
        piece = read(handle, left)
        if not piece:
            break
        data += piece
    return data
