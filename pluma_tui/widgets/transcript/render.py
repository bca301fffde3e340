"""A block made into lines at a width. Pure: the same block, width and look give the same lines."""

import re
from collections.abc import Sequence

from markdown_it.token import Token
from rich.cells import cell_len
from rich.style import Style

from pluma_tui.core.text import clean_line
from pluma_tui.widgets.transcript.blocks import Block, Code, Footer, Item, Label, Plain, Prose, Table, Thought
from pluma_tui.widgets.transcript.code import code_lines
from pluma_tui.widgets.transcript.entry import Role
from pluma_tui.widgets.transcript.fence import language_of
from pluma_tui.widgets.transcript.inline import inline_runs, safe
from pluma_tui.widgets.transcript.lines import Line, Run, line_of, prefixed, wrap
from pluma_tui.widgets.transcript.look import Look
from pluma_tui.widgets.transcript.markdown import (
    Env,
    Group,
    Markdown,
    first_number,
    groups,
    table_cells,
    table_rows,
)
from pluma_tui.widgets.transcript.table import column_widths, head_rule, row_lines

INLINE_MAX = 8_192  # characters of one paragraph that are searched for emphasis and links
NARROW = 8  # cells that are always left for text, however deep it is nested
BULLETS = "•◦▪"

_APART = 2  # cells between who speaks and when
_EMPTY = Line((), 0)
_TASK = re.compile(r"\[([ xX])\]\s+")


class Renderer:
    """Renders for one look."""

    def __init__(self, markdown: Markdown, look: Look) -> None:
        self.look = look
        self._markdown = markdown

    def lines(self, block: Block, role: Role, width: int, env: Env) -> list[Line]:
        """The lines of a block, with the empty line before it if it stands apart.

        `env` is what the parser knows of the message the block is from.
        """
        lines = _Drawing(self._markdown, self.look, role, env).block(block, max(NARROW, width))
        return [_EMPTY, *lines] if block.gap else lines


class _Drawing:
    def __init__(self, markdown: Markdown, look: Look, role: Role, env: Env) -> None:
        self._markdown = markdown
        self._look = look
        self._role = role
        self._env = env
        self._depth = 0  # of lists
        self._codes = 0  # code blocks so far

    def block(self, block: Block, width: int) -> list[Line]:
        look = self._look
        match block:
            case Label():
                return self._label(block, width)
            case Footer(text):
                return wrap([(text, look["faint"])], width)
            case Thought():
                return [line_of([(_thought(block), look["faint"])])]
            case Plain(source):
                style = look["faint"] if block.faint else look.text(self._role)
                return [line for text in source.split("\n") for line in wrap([(safe(text), style)], width)]
            case Prose():
                return self._groups(block.tokens, width, look.base)
            case Item():
                return self._item(block.tokens, block.marker, width, look.base)
            case Code():
                return code_lines(block, width, look)
            case Table():
                return self._table(block, width, look.base)

    def _label(self, label: Label, width: int) -> list[Line]:
        """Who speaks; the time at the right, if there is room for it."""
        lines = wrap([(label.text, self._look.label(self._role))], width)
        space = width - lines[0].width - cell_len(label.time)
        if label.time and space >= _APART:
            runs = [(segment.text, segment.style or self._look.base) for segment in lines[0].segments]
            lines[0] = line_of([*runs, (" " * space + label.time, self._look["faint"])])
        return lines

    def _groups(self, tokens: list[Token], width: int, style: Style) -> list[Line]:
        """Blocks below each other, with an empty line where the source has one."""
        lines: list[Line] = []
        end = None
        for group in groups(tokens):
            if end is not None and group.first > end:
                lines.append(_EMPTY)
            lines += self._group(group, max(NARROW, width), style)
            end = group.last
        return lines

    def _group(self, group: Group, width: int, style: Style) -> list[Line]:
        look = self._look
        token = group.head
        match token.type:
            case "paragraph_open":
                return wrap(self._inline(group.inner[0], style), width)
            case "heading_open":
                heading = style + look["heading"]
                if token.tag == "h1":
                    heading += Style(underline=True)
                return wrap(self._inline(group.inner[0], heading), width)
            case "bullet_list_open" | "ordered_list_open":
                return self._list(group, width, style)
            case "blockquote_open":
                bar = ("▎ ", look["rule"])
                return prefixed(self._groups(group.inner, width - 2, style + look["quote"]), bar, bar)
            case "fence" | "code_block":
                code = Code(tuple(token.content.expandtabs(4).splitlines()), language_of(token.info))
                self._codes += 1
                return code_lines(code, width, look, self._codes - 1)
            case "table_open":
                head, *rows = [table_cells(row) for row in table_rows(group)]
                return self._table(Table("", head, rows), width, style)
            case "math_block":
                return [
                    line for text in token.content.split("\n") for line in wrap([(safe(text), style)], width)
                ]
            case "hr":
                return [line_of([("─" * width, look["rule"])])]
            case "footnote_reference_open":
                label = f"[{clean_line(str(token.meta.get('label', '')), 40)}]"
                return self._hang(
                    self._groups(group.inner, width - len(label) - 1, style), label, look["link"]
                )
        return wrap([(safe(token.content), style)], width)

    def _list(self, group: Group, width: int, style: Style) -> list[Line]:
        ordered = group.head.type == "ordered_list_open"
        number = first_number(group)
        bullet = BULLETS[min(self._depth + 1, len(BULLETS)) - 1]
        lines: list[Line] = []
        end = None
        for index, item in enumerate(groups(group.inner)):
            if end is not None and item.first > end:
                lines.append(_EMPTY)
            marker = f"{number + index}{item.head.markup}" if ordered else bullet
            lines += self._item(item.inner, marker, width, style)
            end = item.last
        return lines

    def _item(self, tokens: list[Token], marker: str, width: int, style: Style) -> list[Line]:
        if (
            len(tokens) > 2
            and tokens[0].type == "paragraph_open"
            and (task := _TASK.match(tokens[1].content))
        ):
            marker = "☐" if task[1] == " " else "☑"
            rest = tokens[1].copy(content=tokens[1].content[task.end() :])
            tokens = [tokens[0], rest, *tokens[2:]]
        self._depth += 1
        lines = self._groups(tokens, width - len(marker) - 1, style)
        self._depth -= 1
        return self._hang(lines, marker, self._look["marker"])

    def _hang(self, lines: list[Line], marker: str, style: Style) -> list[Line]:
        """Lines that hang on a marker, which is text like theirs, and so is their indentation."""
        blank = " " * (len(marker) + 1)
        hanging = prefixed(lines or [_EMPTY], (f"{marker} ", style), (blank, self._look.base))
        return [
            line._replace(margin=0) if line.soft is None and line.margin == len(blank) else line
            for line in hanging
        ]

    def _table(self, table: Table, width: int, style: Style) -> list[Line]:
        bold = style + self._look["strong"]
        first = table.first or table
        head = [self._inline(cell, bold) for cell in table.head]
        rows = [[self._inline(cell, style) for cell in row] for row in table.rows]
        measured = rows if first is table else [[self._inline(c, style) for c in row] for row in first.rows]
        widths = column_widths([head, *measured], width)
        aligns = [str(cell.meta.get("align", "")) for cell in table.head]
        lines = [line for row in rows for line in row_lines(row, widths, aligns, self._look)]
        if table.first is None:
            lines = [*row_lines(head, widths, aligns, self._look), head_rule(widths, self._look), *lines]
        return lines

    def _inline(self, token: Token, style: Style) -> Sequence[Run]:
        content = token.content
        if len(content) > INLINE_MAX:
            return [(safe(content), style)]
        return inline_runs(self._markdown.inline(content, self._env), self._look, style)


def _thought(block: Thought) -> str:
    words = f"{block.words:,} word{'' if block.words == 1 else 's'}"
    return f"▸ thinking · {words}" if block.running else f"▸ thought · {words}"
