"""Data to stdout, everything else to stderr. A terminal gets safe text; a pipe gets the true one."""

import os
import sys
from typing import Any, TextIO

from pluma_tui.core.errors import PlumaError
from pluma_tui.core.text import clean, clean_line

_LINE_ENDS = {ord(char): f"\\u{ord(char):04x}" for char in "\x85\u2028\u2029"}


def write(text: str, *, stream: TextIO | None = None) -> None:
    """Write and flush. What UTF-8 cannot carry (a lone surrogate) becomes "?", never an exception.

    Raises BrokenPipeError when nobody reads any more, PlumaError when the disk is full.
    """
    stream = stream or sys.stdout
    if stream.isatty():
        text = clean(text)
    try:
        stream.buffer.write(text.encode("utf-8", "replace"))
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        let_go()
        raise PlumaError(f"the output cannot be written: {error.strerror}") from None


def let_go() -> None:
    """Nothing that is still held back is written to standard output any more, not at exit either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def line(text: str = "") -> None:
    """One line of data."""
    write(f"{text}\n")


def say(text: str) -> None:
    """One line for the person: to stderr, always made safe, whoever reads it."""
    sys.stderr.write(f"{clean_line(text, 2000)}\n")
    sys.stderr.flush()


def document(value: Any) -> None:
    """One JSON document."""
    line(dumps(value, indent=2))


def record(value: Any) -> None:
    """One JSON object on one line."""
    line(dumps(value))


def dumps(value: Any, indent: int | None = None) -> str:
    """JSON as UTF-8 can carry it, without what some readers take for a line's end; on a terminal nothing
    but visible ASCII.
    """
    import json  # here, since every command pays for what this module loads

    separators = (",", ": ") if indent else (",", ":")
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    if sys.stdout.isatty() or not _encodable(text):
        text = json.dumps(value, ensure_ascii=True, indent=indent, separators=separators)
        return text.replace("\x7f", "\\u007f")
    return text.translate(_LINE_ENDS)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def failure(error: PlumaError, *, as_json: bool = False) -> None:
    """Say what went wrong: a line (and what to try) on stderr, or the error object on stdout."""
    if as_json:
        record(
            {
                "type": "error",
                "kind": error.kind,
                "message": error.message,
                "hint": error.hint,
                "exit_code": error.exit_code,
            }
        )
        return
    say(f"pluma: {error.sentence}")


def table(rows: list[tuple[str, ...]]) -> None:
    """Rows of text in columns, each as wide as its widest cell, empty ones left out; safe for a terminal."""
    from rich.cells import cell_len

    cells = [tuple(clean_line(cell) for cell in row) for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    columns = [(index, width) for index, width in enumerate(widths) if width]
    for row in cells:
        padded = (row[index] + " " * (width - cell_len(row[index])) for index, width in columns)
        line("  ".join(padded).rstrip())
