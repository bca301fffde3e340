"""Text as it streams in, made into blocks; a block that can no longer change is done with.

Where a block ends is for the Markdown parser to say. Only the unfinished end of the text is parsed
again when more comes, and that end is kept short: items of an open list, rows of an open table and
lines of an open code block are finished one by one, and a paragraph beyond all measure is cut.
"""

import re
from collections import ChainMap
from collections.abc import Sequence

from pluma_tui.widgets.transcript.blocks import Content, Item, Table
from pluma_tui.widgets.transcript.convert import Before, next_number, open_fence, to_blocks
from pluma_tui.widgets.transcript.fence import Fence
from pluma_tui.widgets.transcript.markdown import Env, Group, Markdown, groups, table_rows
from pluma_tui.widgets.transcript.plain import LINE_MAX, cut_lines, plain_blocks

OPEN_MAX = 16_384  # characters of one block that is parsed again and again while it grows
WHOLE_MAX = 131_072  # the same, for a text that is parsed as a whole
SLICE = 16_384  # characters parsed at once

_APART = Before()
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
        self._before = Before(gap=False)  # what is known of the text before those lines

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

    def _blocks(self, source: str, env: Env) -> list[Content]:
        """All of `source` as blocks."""
        lines = source.splitlines(keepends=True)
        before = self._before
        result: list[Content] = []
        for group in groups(self._parser.blocks(source, env)):
            result += to_blocks(group, lines, before)
            before = Before()
        return result

    def _settle(self) -> str:
        """Finish every block that can no longer change; returns lines that belong into a new fence."""
        found = list(groups(self._parser.blocks(self._lines, self.env)))
        if not found:
            return ""
        lines = self._lines.splitlines(keepends=True)
        for group in found[:-1]:
            self._finish(to_blocks(group, lines, self._before))
        last = found[-1]
        self._fence = open_fence(last, lines, self._before)
        if self._fence:
            self._finish(())
            self._lines = ""
            return "".join(lines[last.first + 1 :])
        keep = self._settle_last(last, lines)
        self._lines = "".join(lines[keep:])
        if len(self._lines) > self._open_max or len(lines) - keep > self._open_max // 32:
            self._give_up()
        return ""

    def _settle_last(self, group: Group, lines: list[str]) -> int:
        """Finish what can no longer change of the last block; returns the first line that must be kept."""
        blocks = to_blocks(group, lines, self._before)
        last = blocks[-1]
        if group.head.type in _FINAL:
            self._finish(blocks)
            return group.end
        if isinstance(last, Item) and len(blocks) > 1:
            number = next_number(group, len(blocks), self._before)
            self._finish(blocks[:-1], Before(last.gap, number=number))
            return list(groups(group.inner))[-1].first
        if isinstance(last, Table) and len(blocks) > 1:
            self._finish(blocks[:-1], Before(table=last.first))
            # The head must stay, for the parser to see a table in the rows that are left.
            at = table_rows(group)[-len(last.rows)].first
            lines[at - 2 : at] = lines[group.first : group.first + 2]
            return at - 2
        return group.first

    def _give_up(self) -> None:
        """The open block is too long to be parsed again: it is done as it is, and goes on as another."""
        self._finish(self._blocks(self._lines, self.env), Before(gap=False))
        self._lines = ""
        self._running_on = True

    def _run_on(self, lines: str) -> str:
        """Take the lines that only go on with the paragraph that was cut; returns the others."""
        match = _ORDINARY.match(lines)
        end = match.end() if match else 0
        self._finish(plain_blocks(lines[:end]) if end else (), Before(gap=lines.startswith("\n", end)))
        self._running_on = end == len(lines)
        return lines[end:]

    def _finish(self, blocks: Sequence[Content], before: Before = _APART) -> None:
        self.done += blocks
        self._before = before
