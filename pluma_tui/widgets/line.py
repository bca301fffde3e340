"""The line to the terminal: how much of what was painted has not gone over it yet."""

from typing import Any

from textual.app import App


def unsent(app: App[Any]) -> int:
    """Writes that wait for a slow line, 0 where none do or nobody knows.

    Textual hands its output to a thread by a queue of thirty; once that is full, painting blocks the
    program, keys and all. Its drivers tell of it by no public name.
    """
    writer = getattr(app._driver, "_writer_thread", None)
    queue = getattr(writer, "_queue", None)
    return queue.qsize() if queue is not None else 0
