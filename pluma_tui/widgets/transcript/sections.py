"""Blocks with their rendered lines. Rendered when seen, and forgotten when too many have been."""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from pluma_tui.widgets.transcript.blocks import Block, Code, Footer, Label, Plain, Thought
from pluma_tui.widgets.transcript.entry import Role
from pluma_tui.widgets.transcript.lines import Line, prefixed
from pluma_tui.widgets.transcript.markdown import Env, Markdown
from pluma_tui.widgets.transcript.render import Renderer

Reasoning = Literal["folded", "shown", "hidden"]
KEEP = 20_000  # lines that stay rendered


@dataclass
class Section:
    """A block and its height, which is a guess until `exact`."""

    block: Block
    height: int
    exact: bool = False
    lines: list[Line] | None = None


@dataclass
class Page:
    """What all messages are rendered by: the renderer with its styles, the width in cells, the choices."""

    renderer: Renderer
    markdown: Markdown
    width: int = 80
    reasoning: Reasoning = "folded"
    rendered: int = 0  # sections so far, for those who want to know what work was done
    _warm: deque[Section] = field(default_factory=deque)
    _lines: int = 0

    def lines(self, section: Section, role: Role, env: Env) -> list[Line]:
        """The lines of a section, rendered now if they are not there."""
        if section.lines is None:
            section.lines = self._render(section.block, role, env)
            section.height, section.exact = len(section.lines), True
            self._remember(section)
        return section.lines

    def guess(self, block: Block) -> int:
        """About how many lines a block will have."""
        return int(block.gap) + _guess(block, self.width)

    def _render(self, block: Block, role: Role, env: Env) -> list[Line]:
        self.rendered += 1
        look = self.renderer.look
        bar = look.bar(role)
        margin = ("▌ ", bar) if bar else ("  ", look.base)
        lines = self.renderer.lines(block, role, self.width - len(margin[0]), env)
        if isinstance(block, Label) and block.gap:
            return [lines[0], *prefixed(lines[1:], margin, margin)]
        return prefixed(lines, margin, margin)

    def _remember(self, section: Section) -> None:
        self._warm.append(section)
        self._lines += section.height
        while self._lines > KEEP and len(self._warm) > 1:
            cold = self._warm.popleft()
            self._lines -= cold.height
            cold.lines = None


def _guess(block: Block, width: int) -> int:
    match block:
        case Code():
            return len(block.lines) + (block.number == 0 and bool(block.language))
        case Plain(source):
            return guess_rows(source, width)
        case Label() | Thought() | Footer():
            return 1
    return guess_rows(block.source, width)


def guess_rows(text: str, width: int) -> int:
    """About how many lines of that width some text takes."""
    return text.count("\n") + 1 + len(text) // max(1, width)
