"""What a message is made of: values that can be rendered one by one, at any width.

Two blocks are equal when they would be rendered alike, so that nothing is rendered again after a
message has been parsed anew. A block's `gap` says whether an empty line stands before it.
"""

from dataclasses import dataclass, field

from markdown_it.token import Token


@dataclass(frozen=True)
class Label:
    """Who speaks, and when it was said."""

    text: str
    time: str = ""
    gap: bool = True


@dataclass(frozen=True)
class Footer:
    """The figures below an answer."""

    text: str
    gap: bool = False


@dataclass(frozen=True)
class Thought:
    """Reasoning that is folded away: how many words it has."""

    words: int
    running: bool = False
    gap: bool = False


@dataclass(frozen=True)
class Plain:
    """Some lines of text that is shown as it was written; `faint` for reasoning."""

    source: str
    gap: bool = False
    faint: bool = False


@dataclass(frozen=True)
class Prose:
    """A paragraph, heading, quote or whatever else is rendered from its tokens as a whole."""

    source: str
    tokens: list[Token] = field(compare=False, repr=False)
    gap: bool = True


@dataclass(frozen=True)
class Item:
    """One item of a list at the outermost level. `marker` is a bullet, or a number and its mark."""

    source: str
    tokens: list[Token] = field(compare=False, repr=False)
    marker: str = ""
    gap: bool = True


@dataclass(frozen=True)
class Code:
    """A stretch of a code block. `number` counts the stretches of one block, `before` is the one before.

    `state` remembers how highlighting ended, for the stretch that comes after.
    """

    lines: tuple[str, ...]
    language: str
    number: int = 0
    before: "Code | None" = field(default=None, compare=False, repr=False)
    gap: bool = True
    state: list[tuple[str, ...]] = field(default_factory=list, compare=False, repr=False)


@dataclass(frozen=True)
class Table:
    """Some rows of a table, every cell a token. The first stretch (`first` is None) shows the head.

    `first` gives the widths of the columns to the stretches that come after it.
    """

    source: str
    head: list[Token] = field(compare=False, repr=False)
    rows: list[list[Token]] = field(compare=False, repr=False)
    first: "Table | None" = field(default=None, repr=False)
    gap: bool = True


Content = Plain | Prose | Item | Code | Table
Block = Label | Footer | Thought | Content


def source_of(block: Block) -> str:
    """The text that a block was made from, empty for what is not said but told of a message."""
    match block:
        case Label() | Footer() | Thought():
            return ""
        case Code(lines):
            return "\n".join(lines)
    return block.source
