"""Markdown by markdown-it-py: which syntax is known, and its tokens put into groups."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin

from pluma_tui.widgets.transcript.maths import maths_plugin

DEEPEST = 19  # of nested blocks; the parser drops what is deeper (`maxNesting` of CommonMark's preset)

Env = dict[str, Any]
"""What the parser remembers of a message: the targets of reference links, by name."""


class Markdown:
    """CommonMark with tables, strikethrough, footnotes and maths. HTML is text like any other."""

    def __init__(self) -> None:
        self._parser = MarkdownIt("commonmark", {"html": False})
        self._parser.enable(["table", "strikethrough"])
        footnote_plugin(self._parser, inline=False, move_to_end=False, always_match_refs=True)
        maths_plugin(self._parser)

    def blocks(self, source: str, env: Env) -> list[Token]:
        """The block tokens of some text. Inline text is left for `inline`."""
        tokens: list[Token] = []
        self._parser.block.parse(source, self._parser, env, tokens)
        return tokens

    def inline(self, content: str, env: Env) -> list[Token]:
        """The tokens of a paragraph's or a cell's content."""
        tokens: list[Token] = []
        self._parser.inline.parse(content, self._parser, env, tokens)
        return tokens


@dataclass(frozen=True)
class Group:
    """A block token with all tokens that belong to it, and its source lines [first, last)."""

    tokens: list[Token]

    @property
    def head(self) -> Token:
        """The token that opens it."""
        return self.tokens[0]

    @property
    def inner(self) -> list[Token]:
        """The tokens between opening and closing one."""
        return self.tokens[1:-1]

    @property
    def first(self) -> int:
        """The source line it begins at."""
        return self.head.map[0] if self.head.map else 0

    @property
    def end(self) -> int:
        """The source line after all of it, blank ones included."""
        return self.head.map[1] if self.head.map else self.first

    @property
    def last(self) -> int:
        """The source line after its last one that is not blank."""
        return max(
            (token.map[1] for token in self.tokens if token.map and not token.nesting), default=self.first + 1
        )


def groups(tokens: list[Token]) -> Iterator[Group]:
    """The tokens of one level, each with what is inside it."""
    start = depth = 0
    for index, token in enumerate(tokens):
        depth += token.nesting
        if depth == 0:
            yield Group(tokens[start : index + 1])
            start = index + 1


def table_rows(group: Group) -> list[Group]:
    """The rows of a table, its head first."""
    return [row for part in groups(group.inner) for row in groups(part.inner)]


def table_cells(row: Group) -> list[Token]:
    """The inline tokens of a row's cells; each is told the alignment of its column."""
    cells = []
    for cell in groups(row.inner):
        cell.inner[0].meta["align"] = str(cell.head.attrGet("style") or "").removeprefix("text-align:")
        cells.append(cell.inner[0])
    return cells


def first_number(group: Group) -> int:
    """The number that an ordered list begins with."""
    start = group.head.attrGet("start")
    return 1 if start is None else int(start)
