"""Lines of styled text, and breaking text into lines that fit a width (in terminal cells)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len, split_graphemes
from rich.segment import Segment
from rich.style import Style

Run = tuple[str, Style]
Span = tuple[int, int]

# Punctuation that must not begin a line of Chinese or Japanese.
_NO_START = frozenset("、。，．：；！？）】」』〉》〕］｝…ー")


class Line(NamedTuple):
    """One line on the screen.

    `width` is in cells. `soft`: the line goes on with the text of the line before, which was broken to
    fit; it is what stood at the break, a blank or nothing. None: a line of its own. `margin`: how many
    characters at the left are not text (indentation, bars). `code`: which code block of its section
    the line belongs to, counted from 0; None for none.
    """

    segments: tuple[Segment, ...]
    width: int
    soft: str | None = None
    margin: int = 0
    code: int | None = None

    @property
    def text(self) -> str:
        """The characters of the line, margin and all."""
        return "".join(segment.text for segment in self.segments)


def line_of(runs: Iterable[Run], *, soft: str | None = None, margin: int = 0) -> Line:
    """Runs as one line; neighbours of the same style become one segment."""
    merged: list[Segment] = []
    width = 0
    for text, style in runs:
        if not text:
            continue
        width += len(text) if text.isascii() else cell_len(text)
        if merged and merged[-1].style == style:
            merged[-1] = Segment(merged[-1].text + text, style)
        else:
            merged.append(Segment(text, style))
    return Line(tuple(merged), width, soft, margin)


def prefixed(lines: Iterable[Line], first: Run, rest: Run) -> list[Line]:
    """Every line with something before it: `first` for the first line, `rest` for the others."""
    result = []
    prefix = first
    for line in lines:
        runs = [prefix, *((segment.text, segment.style or Style.null()) for segment in line.segments)]
        margin = line.margin + len(prefix[0])
        result.append(line_of(runs, soft=line.soft, margin=margin)._replace(code=line.code))
        prefix = rest
    return result


def padded(line: Line, width: int, style: Style) -> Line:
    """The line filled up with `style` to `width` cells."""
    if line.width >= width:
        return line
    filler = Segment(" " * (width - line.width), style)
    return line._replace(segments=(*line.segments, filler), width=width)


def changed_cells(old: Line | None, new: Line | None) -> int:
    """How many cells from the left have to be drawn to turn one line into another."""
    before, after = (list(line.segments) if line else [] for line in (old, new))
    if before == after:
        return 0
    widths = [old.width if old else 0, new.width if new else 0]
    while before and after and before[-1].style == after[-1].style:
        texts = before[-1].text, after[-1].text
        if texts[0] != texts[1] and (widths[0] != widths[1] or not (texts[0] + texts[1]).isspace()):
            break
        widths = [widths[0] - before.pop().cell_length, widths[1] - after.pop().cell_length]
    return max(widths)


def wrap(runs: Sequence[Run], width: int) -> list[Line]:
    """Runs broken into lines of at most `width` cells; a newline in a run always breaks."""
    text = "".join(run[0] for run in runs)
    spans: list[Span] = []
    soft: list[str | None] = []
    start = 0
    for paragraph in text.split("\n"):
        last: int | None = None
        for begin, end in breaks(paragraph, width):
            spans.append((start + begin, start + end))
            soft.append(None if last is None else paragraph[last:begin][:1])
            last = end
        start += len(paragraph) + 1
    return [line_of(cut, soft=go_on) for cut, go_on in zip(_cuts(runs, spans), soft, strict=True)]


def fold(runs: Sequence[Run], width: int) -> list[Line]:
    """Runs of one line cut wherever the width is reached: for code, where every space counts."""
    text = "".join(run[0] for run in runs)
    if text.isascii():
        spans = [(at, min(at + width, len(text))) for at in range(0, len(text), width)] or [(0, 0)]
    else:
        spans = list(_breaks_by_cells(text, width, words=False))
    return [line_of(cut, soft="" if number else None) for number, cut in enumerate(_cuts(runs, spans))]


def breaks(text: str, width: int) -> Iterator[Span]:
    """Where to break one paragraph: (start, end) of every line, the spaces at the breaks left out."""
    return _breaks_ascii(text, width) if text.isascii() else _breaks_by_cells(text, width)


def _breaks_ascii(text: str, width: int) -> Iterator[Span]:
    at, length = 0, len(text)
    while length - at > width:
        space = text.rfind(" ", at + 1, at + width + 1)
        if space < 0 or text[at:space].isspace():
            yield at, at + width
            at += width
            continue
        yield at, at + len(text[at:space].rstrip(" "))
        at = space + 1
        while at < length and text[at] == " ":
            at += 1
    yield at, length


def _breaks_by_cells(text: str, width: int, *, words: bool = True) -> Iterator[Span]:
    """Like `_breaks_ascii` for any script: also breaks beside wide characters."""
    line = cells = 0  # where the line starts, and its cells so far
    chance = chance_cells = 0  # where it may be broken, and the cells before that
    wide = False
    for start, _, size in split_graphemes(text)[0]:
        char = text[start]
        if words and start > line and (wide or size > 1 or text[start - 1] == " ") and char not in _NO_START:
            chance, chance_cells = start, cells
        if cells + size > width and start > line and (char != " " or not words):
            cut, used = (chance, chance_cells) if chance > line else (start, cells)
            yield (line, line + len(text[line:cut].rstrip(" "))) if words else (line, cut)
            line, cells = cut, cells - used
        cells += size
        wide = size > 1
    yield line, len(text)


def _cuts(runs: Sequence[Run], spans: Iterable[Span]) -> Iterator[list[Run]]:
    """The parts of the runs within each of the spans, which come in order."""
    index = at = 0  # the run looked at, and where it begins
    for begin, end in spans:
        part: list[Run] = []
        while index < len(runs):
            text, style = runs[index]
            if at + len(text) > begin:
                part.append((text[max(0, begin - at) : max(0, end - at)], style))
            if at + len(text) >= end:
                break
            at += len(text)
            index += 1
        yield part
