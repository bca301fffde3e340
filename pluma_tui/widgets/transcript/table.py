"""Tables that fit the width: columns share it by need, and cells are wrapped."""

from collections.abc import Sequence

from rich.cells import cell_len

from pluma_tui.widgets.transcript.lines import Line, Run, line_of, wrap
from pluma_tui.widgets.transcript.look import Look

Cell = Sequence[Run]
_BETWEEN = 3  # cells between columns: a blank, a bar, a blank


def column_widths(rows: Sequence[Sequence[Cell]], width: int) -> list[int]:
    """How wide every column is, so that all of them fit into `width` cells as well as they can.

    Columns that need less than an equal share get what they need; the others share what is left.
    """
    columns = max(len(row) for row in rows)
    needs = [max((_need(row[n]) for row in rows if n < len(row)), default=1) for n in range(columns)]
    left = width - _BETWEEN * (columns - 1)
    widths = [0] * columns
    for rank, column in enumerate(sorted(range(columns), key=needs.__getitem__)):
        widths[column] = max(1, min(needs[column], left // (columns - rank)))
        left -= widths[column]
    return widths


def row_lines(cells: Sequence[Cell], widths: Sequence[int], aligns: Sequence[str], look: Look) -> list[Line]:
    """One row, as many lines as its tallest cell."""
    columns = [wrap(cell, width) for cell, width in zip(cells, widths, strict=False)]
    lines = []
    for number in range(max(len(column) for column in columns)):
        runs: list[Run] = []
        for index, column in enumerate(columns):
            if index:
                runs.append((" │ ", look["rule"]))
            line = column[number] if number < len(column) else Line((), 0)
            runs += _aligned(line, widths[index], aligns[index], look)
        lines.append(line_of(runs))
    return lines


def head_rule(widths: Sequence[int], look: Look) -> Line:
    """The line below the head."""
    return line_of([("─┼─".join("─" * width for width in widths), look["rule"])])


def _aligned(line: Line, width: int, align: str, look: Look) -> list[Run]:
    space = max(0, width - line.width)
    left = space if align == "right" else space // 2 if align == "center" else 0
    runs = [(segment.text, segment.style or look.base) for segment in line.segments]
    return [(" " * left, look.base), *runs, (" " * (space - left), look.base)]


def _need(cell: Cell) -> int:
    return max(1, sum(cell_len(text) for text, _ in cell))
