"""Maths in Markdown: kept from being read as emphasis, lists or escapes, and shown as it was written.

Inline ``$a$``, ``$$a$$``, ``\\(a\\)`` and ``\\[a\\]``; as a block of its own from a line that begins with
``$$`` or ``\\[`` to the one that closes it. As in TeX there is no empty line in it: one ends the block,
closed or not, so that what streams in is never taken for something else later on.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

_CLOSING = {"$$": "$$", "\\[": "\\]"}
_DOLLARS = re.compile(r"\$\$[^$]+\$\$|(?<!\d)\$(?![\s$])(?:\\.|[^$\\])*(?<!\s)\$(?!\d)", re.DOTALL)
_BRACKETS = re.compile(r"\\\((.{1,1000}?)\\\)|\\\[(.{1,1000}?)\\\]", re.DOTALL)
_LIKE_MATHS = re.compile(r"[\\^_=+\-*/<>{}|]|\A\s*[^\W\d_]\s*\Z")  # else an escaped bracket is just that


def maths_plugin(parser: MarkdownIt) -> None:
    """Add tokens `math_inline` and `math_block`, whose content is the maths with its delimiters."""
    parser.inline.ruler.before("escape", "math_inline", _inline)
    interrupts = ["paragraph", "reference", "blockquote", "list"]
    parser.block.ruler.before("fence", "math_block", _block, {"alt": interrupts})


def _inline(state: StateInline, silent: bool) -> bool:
    sign = state.src[state.pos]
    if sign not in "$\\":
        return False
    match = (_DOLLARS if sign == "$" else _BRACKETS).match(state.src, state.pos, state.posMax)
    if match is None or not (sign == "$" or _LIKE_MATHS.search(match[1] or match[2] or "")):
        return False
    if not silent:
        state.push("math_inline", "", 0).content = match[0]
    state.pos = match.end()
    return True


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if state.is_code_block(start):
        return False
    line = _line(state, start)
    closing = _CLOSING.get(line[:2])
    if closing is None or (closing in line[2:] and not line.endswith(closing)):
        return False
    if silent:
        return True
    after = start + 1
    if closing not in line[2:]:
        while after < end and not state.isEmpty(after) and state.sCount[after] >= state.blkIndent:
            after += 1
            if closing in _line(state, after - 1):
                break
    token = state.push("math_block", "", 0)
    token.content = state.getLines(start, after, state.blkIndent, False)
    token.map = [start, after]
    state.line = after
    return True


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]].rstrip()
