"""Where the reader's mark is: a message, or a code block in one. And what is copied from there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pluma_tui.widgets.transcript.blocks import Block, Code, Item, Prose
from pluma_tui.widgets.transcript.markdown import Markdown

_CODE = ("fence", "code_block")
_SIGNS = ("```", "~~~", "    ", "\t")


@dataclass(frozen=True)
class Spot:
    """A message, or the code block of that number in it, counted from 0."""

    message: str
    code: int | None = None


class CodeAt(NamedTuple):
    """Where a code block is in its message: its first and last section, and its number in the first."""

    first: int
    last: int
    number: int


def code_blocks(blocks: Iterable[Block]) -> list[CodeAt]:
    """All code blocks among these blocks, those in lists and quotes too."""
    found: list[CodeAt] = []
    for index, block in enumerate(blocks):
        match block:
            case Code(number=0):
                found.append(CodeAt(index, index, 0))
            case Code():
                found[-1] = found[-1]._replace(last=index)
            case Prose() | Item():
                inside = sum(token.type in _CODE for token in block.tokens)
                found += [CodeAt(index, index, number) for number in range(inside)]
    return found


def code_as_shown(blocks: Sequence[Block], code: CodeAt) -> str:
    """A code block as it is shown: with tabs expanded, and with lines cut that are beyond all measure."""
    match blocks[code.first]:
        case Prose() | Item() as block:
            inside = [token for token in block.tokens if token.type in _CODE]
            return inside[code.number].content.removesuffix("\n")
    stretches = blocks[code.first : code.last + 1]
    return "\n".join(line for block in stretches if isinstance(block, Code) for line in block.lines)


def may_have_code(text: str) -> bool:
    """False for a text that certainly has no code block."""
    return any(sign in text for sign in _SIGNS)


def code_sources(text: str, markdown: Markdown) -> list[str]:
    """What is in the code blocks of a text, every blank as it was written, without the last newline."""
    return [token.content.removesuffix("\n") for token in markdown.blocks(text, {}) if token.type in _CODE]
