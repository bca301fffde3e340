"""Text selected with the mouse: what is drawn of it, and what is copied."""

from collections.abc import Iterable

from rich.segment import Segment
from rich.style import Style
from textual.selection import Selection
from textual.strip import Strip

from pluma_tui.widgets.transcript.lines import Line

Span = tuple[int, int]
"""Characters of a line from one to another; -1 stands for its end."""


def selected_text(lines: Iterable[tuple[int, Line]], selection: Selection) -> str:
    """What is selected of these lines, as it is displayed; lines that were broken to fit are joined."""
    parts: list[str] = []
    for key, line in lines:
        span = selection.get_span(key)
        if span is None:
            continue
        text = line.text if span[1] < 0 else line.text[: span[1]]
        text = text[max(span[0], line.margin) :].rstrip()
        if parts:
            parts.append("\n" if line.soft is None else line.soft)
        parts.append(text)
    return "".join(parts)


def highlighted(strip: Strip, span: Span, style: Style) -> Strip:
    """The strip with a span of its characters in another style."""
    begin, end = span
    segments: list[Segment] = []
    at = 0
    for text, own, _ in strip:
        stop = len(text) if end < 0 else end - at
        cut = [max(0, min(len(text), place)) for place in (begin - at, stop)]
        for piece, chosen in ((text[: cut[0]], own), (text[cut[0] : cut[1]], style), (text[cut[1] :], own)):
            if piece:
                segments.append(Segment(piece, chosen))
        at += len(text)
    return Strip(segments, strip.cell_length)
