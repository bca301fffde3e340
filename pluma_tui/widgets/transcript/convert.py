"""Groups of block tokens made into blocks that are rendered one by one."""

from dataclasses import dataclass, replace

from pluma_tui.widgets.transcript.blocks import Content, Item, Prose, Table
from pluma_tui.widgets.transcript.fence import Fence, language_of
from pluma_tui.widgets.transcript.markdown import (
    DEEPEST,
    Group,
    first_number,
    groups,
    table_cells,
    table_rows,
)
from pluma_tui.widgets.transcript.plain import plain_blocks

ROWS = 20  # of a table; they give the widths, and further ones come in stretches of as many


@dataclass(frozen=True)
class Before:
    """What is known of the text before a group: where a list or a table goes on that was begun there.

    `gap`: the group stands apart from it. `number`: of the next item of the list. `table`: its first stretch.
    """

    gap: bool = True
    number: int | None = None
    table: Table | None = None


def to_blocks(group: Group, lines: list[str], before: Before) -> list[Content]:
    """A group as blocks; `lines` are those of the source that it was parsed from."""
    if max(token.level for token in group.tokens) >= DEEPEST:
        plain = plain_blocks("".join(lines[group.first : group.end]))
        return [replace(block, gap=before.gap and block is plain[0]) for block in plain]
    match group.head.type:
        case "bullet_list_open" | "ordered_list_open":
            return _items(group, lines, before)
        case "table_open":
            return _tables(group, lines, before)
        case "fence":
            return _stretches(group, before)
    return [Prose(_source(group, lines), group.tokens, before.gap)]


def open_fence(group: Group, lines: list[str], before: Before) -> Fence | None:
    """The code block that the group is the beginning of, if it is one and has no end yet."""
    token = group.head
    if token.type != "fence" or group.end - group.first > token.content.count("\n") + 1:
        return None
    line = lines[group.first]
    return Fence(token.markup, len(line) - len(line.lstrip(" ")), language_of(token.info), gap=before.gap)


def next_number(group: Group, items: int, before: Before) -> int:
    """The number of the last of so many items of a list."""
    return (first_number(group) if before.number is None else before.number) + items - 1


def _items(group: Group, lines: list[str], before: Before) -> list[Content]:
    number = next_number(group, 1, before)
    ordered = group.head.type == "ordered_list_open"
    items: list[Content] = []
    for index, item in enumerate(groups(group.inner)):
        gap = not lines[item.first - 1].strip() if index else before.gap
        marker = f"{number + index}{item.head.markup}" if ordered else "•"
        items.append(Item(_source(item, lines), item.inner, marker, gap))
    return items


def _tables(group: Group, lines: list[str], before: Before) -> list[Content]:
    head, *body = table_rows(group)
    cells = table_cells(head)
    first = before.table
    tables: list[Content] = []
    for at in range(0, max(1, len(body)), ROWS):
        rows = body[at : at + ROWS]
        source = "".join(lines[row.first] for row in rows)
        if first is None:
            source = "".join(lines[group.first : group.first + 2]) + source
        table = Table(source, cells, [table_cells(row) for row in rows], first, first is None and before.gap)
        first = first or table
        tables.append(table)
    return tables


def _stretches(group: Group, before: Before) -> list[Content]:
    """A complete code block in the same stretches as if it had come line by line."""
    token = group.head
    fence = Fence(token.markup, 0, language_of(token.info), gap=before.gap)
    found = [fence.take(line) for line in token.content.splitlines()]
    return [code for code in (*found, fence.rest()) if code]


def _source(group: Group, lines: list[str]) -> str:
    return "".join(lines[group.first : group.last]).rstrip("\n")
