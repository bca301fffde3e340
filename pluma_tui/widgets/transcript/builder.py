"""Text as it streams in, made into blocks; a block that can no longer change is done with.

Where a block ends is for the Markdown parser to say. Only the unfinished end of the text is parsed
again when more comes, and that end is kept short: items of an open list, rows of an open table and
lines of an open code block are finished one by one, and a paragraph beyond all measure is cut.
"""

import re
from collections import ChainMap
from collections.abc import Sequence
from dataclasses import replace

from pluma_tui.core.text import clean_line
from pluma_tui.widgets.transcript.blocks import Content, Item, Prose, Table
from pluma_tui.widgets.transcript.fence import Fence
from pluma_tui.widgets.transcript.markdown import (
    DEEPEST,
    Env,
    Group,
    Markdown,
    groups,
    table_cells,
    table_rows,
)
from pluma_tui.widgets.transcript.plain import LINE_MAX, cut_lines, plain_blocks

OPEN_MAX = 16_384  # characters of one block that is parsed again and again while it grows
WHOLE_MAX = 131_072  # the same, for a text that is parsed as a whole
SLICE = 16_384  # characters parsed at once
ROWS = 20  # of a table; they give the widths, and further ones come in stretches of as many

_FINAL = {"heading_open", "hr", "fence"}
_ORDINARY = re.compile(r"(?:[^\W\d_][^\n]*\n)+")  # lines that begin with a letter cannot begin a block
_FENCE_BEGUN = re.compile(r" {0,3}(?:`{1,2}|~{1,2})\Z")


class Builder:
    """Feed it safe text; `done` grows, `open` is what the unfinished end looks like by now.

    A block of more than `open_max` characters, or of a line for every 32 of them, is cut.
    """

    def __init__(self, parser: Markdown, open_max: int = OPEN_MAX) -> None:
        self.done: list[Content] = []
        self.open: list[Content] = []
        self.env: Env = {}
        self._parser = parser
        self._open_max = open_max
        self._running_on = False  # the next line belongs to a paragraph that was cut
        self._lines = ""  # complete lines that are not done with
        self._partial = ""  # the line that has not ended yet
        self._fence: Fence | None = None
        self._list: tuple[int, bool] | None = None  # an open list goes on: next number, gap
        self._table: Table | None = None  # an open table goes on: its first stretch
        self._gap = False  # whether the next block stands apart from what is before it

    def feed(self, text: str) -> None:
        """More text."""
        self._take(text)
        self.open = self._fence_open() if self._fence else self._open_blocks()

    def finish(self) -> None:
        """No more text comes: all that is open is done."""
        if self._fence:
            self._take("\n" if self._partial else "")
            if self._fence and (rest := self._fence.rest()):
                self.done.append(rest)
        else:
            self.done += self._blocks(self._lines + self._partial, self.env)
        self._lines = self._partial = ""
        self.open = []

    def _take(self, text: str) -> None:
        for at in range(0, len(text), SLICE):
            piece = text[at : at + SLICE]
            cut = piece.rfind("\n") + 1
            if cut:
                self._complete(self._partial + piece[:cut])
                self._partial = piece[cut:]
            else:
                self._partial += piece
            while len(self._partial) > LINE_MAX:
                line, self._partial = self._partial[:LINE_MAX], self._partial[LINE_MAX:]
                self._complete(line + "\n")

    def _complete(self, lines: str) -> None:
        lines = cut_lines(lines)
        while lines:
            if self._fence:
                lines = self._into_fence(lines)
                continue
            if self._running_on:
                lines = self._run_on(lines)
            self._lines += lines
            lines = self._settle()

    def _into_fence(self, lines: str) -> str:
        """Lines of an open code block; returns those after its end."""
        fence = self._fence
        assert fence is not None
        at = 0
        while at < len(lines):
            end = lines.index("\n", at)
            line, at = lines[at:end], end + 1
            if fence.closed_by(line):
                self._fence = None
                if rest := fence.rest():
                    self.done.append(rest)
                return lines[at:]
            if code := fence.take(line):
                self.done.append(code)
        return ""

    def _fence_open(self) -> list[Content]:
        assert self._fence is not None
        code = self._fence.preview(self._partial)
        return [code] if code else []

    def _open_blocks(self) -> list[Content]:
        partial = "" if _FENCE_BEGUN.match(self._partial) else self._partial
        # What an unfinished line seems to define is not to be remembered.
        env = {"references": ChainMap({}, self.env.setdefault("references", {}))}
        return self._blocks(self._lines + partial, env)

    def _settle(self) -> str:
        """Finish every block that can no longer change; returns lines that belong into a new fence."""
        source = self._lines
        found = list(groups(self._parser.blocks(source, self.env)))
        if not found:
            return ""
        lines = source.splitlines(keepends=True)
        for group in found[:-1]:
            self._finish(self._of_group(group, lines))
        return self._settle_last(found[-1], lines)

    def _settle_last(self, group: Group, lines: list[str]) -> str:
        kind = group.head.type
        keep = group.first
        if kind == "fence" and not _closed(group):
            token = group.head
            indent = len(lines[keep]) - len(lines[keep].lstrip(" "))
            self._fence = Fence(token.markup, indent, _language(token.info), gap=self._gap)
            self._lines = ""
            self._finish(())
            return "".join(lines[keep + 1 :])
        blocks = self._of_group(group, lines)
        if kind in _FINAL:
            self._finish(blocks)
            keep = group.end
        elif isinstance(blocks[-1], Item) and len(blocks) > 1:
            number = self._number(group) + len(blocks) - 1
            self._finish(blocks[:-1])
            self._list = number, blocks[-1].gap
            keep = list(groups(group.inner))[-1].first
        elif isinstance(blocks[-1], Table) and len(blocks) > 1:
            keep = self._settle_rows(group, blocks, lines)
        self._lines = "".join(lines[keep:])
        if len(self._lines) > self._open_max or len(lines) - keep > self._open_max // 32:
            self._give_up()
        return ""

    def _settle_rows(self, group: Group, tables: list[Content], lines: list[str]) -> int:
        """All stretches of an open table but the last are done; its head must stay to parse the rest."""
        self._finish(tables[:-1])
        last = tables[-1]
        assert isinstance(last, Table)
        self._table = last.first
        at = table_rows(group)[-len(last.rows)].first
        lines[at - 2 : at] = lines[group.first : group.first + 2]
        return at - 2

    def _give_up(self) -> None:
        """The open block is too long to be parsed again: it is done as it is, and goes on as another."""
        self._finish(self._blocks(self._lines, self.env))
        self._lines = ""
        self._gap = False
        self._running_on = True

    def _run_on(self, lines: str) -> str:
        """Take the lines that only go on with the paragraph that was cut; returns the others."""
        self._running_on = False
        match = _ORDINARY.match(lines)
        if not match:
            self._gap = lines.startswith("\n")
            return lines
        self._finish(plain_blocks(match[0]))
        self._gap = lines.startswith("\n", match.end())
        self._running_on = match.end() == len(lines)
        return lines[match.end() :]

    def _finish(self, blocks: Sequence[Content]) -> None:
        self.done += blocks
        self._list = self._table = None
        self._gap = True

    def _blocks(self, source: str, env: Env) -> list[Content]:
        """All of `source` as blocks, with what is known of an open list or table at its beginning."""
        if not source.strip():
            return []
        lines = source.splitlines(keepends=True)
        state = self._list, self._table, self._gap
        result: list[Content] = []
        for group in groups(self._parser.blocks(source, env)):
            result += self._of_group(group, lines)
            self._list, self._table, self._gap = None, None, True
        self._list, self._table, self._gap = state
        return result

    def _of_group(self, group: Group, lines: list[str]) -> list[Content]:
        kind = group.head.type
        if max(token.level for token in group.tokens) >= DEEPEST:
            plain = plain_blocks("".join(lines[group.first : group.end]))
            return [replace(block, gap=self._gap and block is plain[0]) for block in plain]
        if kind in ("bullet_list_open", "ordered_list_open"):
            return self._items(group, lines)
        if kind == "table_open":
            return self._tables(group, lines)
        if kind == "fence":
            return _code(group, gap=self._gap)
        return [Prose(_source(group, lines), group.tokens, self._gap)]

    def _items(self, group: Group, lines: list[str]) -> list[Content]:
        number = self._number(group)
        gap = self._list[1] if self._list else self._gap
        items: list[Content] = []
        for index, item in enumerate(groups(group.inner)):
            if index:
                gap = not lines[item.first - 1].strip()
            ordered = group.head.type == "ordered_list_open"
            marker = f"{number + index}{item.head.markup}" if ordered else "•"
            items.append(Item(_source(item, lines), item.inner, marker, gap))
        return items

    def _number(self, group: Group) -> int:
        return self._list[0] if self._list else int(group.head.attrGet("start") or 1)

    def _tables(self, group: Group, lines: list[str]) -> list[Content]:
        head, *body = table_rows(group)
        first = self._table
        tables: list[Content] = []
        for at in range(0, max(1, len(body)), ROWS):
            rows = body[at : at + ROWS]
            begin = rows[0].first if rows else group.last
            source = "".join(lines[begin : begin + len(rows)])
            if first is None:
                source = "".join(lines[group.first : group.first + 2]) + source
            table = Table(
                source,
                table_cells(head),
                [table_cells(row) for row in rows],
                first,
                first is None and self._gap,
            )
            first = first or table
            tables.append(table)
        return tables


def _code(group: Group, *, gap: bool) -> list[Content]:
    """A complete code block in the same stretches as if it had come line by line."""
    token = group.head
    fence = Fence(token.markup, 0, _language(token.info), gap=gap)
    found = [fence.take(line) for line in token.content.splitlines()]
    return [code for code in (*found, fence.rest()) if code]


def _closed(group: Group) -> bool:
    """Whether a fence's last line is its end."""
    token = group.head
    content = token.content.count("\n")
    return group.end - group.first > content + 1


def _language(info: str) -> str:
    return clean_line(info.split(maxsplit=1)[0], 32) if info.strip() else ""


def _source(group: Group, lines: list[str]) -> str:
    return "".join(lines[group.first : group.last]).rstrip("\n")
