"""Code fences as they come in, line by line, without parsing anything twice."""

import re

from pluma_tui.core.text import clean_line
from pluma_tui.widgets.transcript.blocks import Code

# A code block is cut into stretches: after a blank line if there is one, for a string or a comment
# seldom goes on over it, so that highlighting one stretch needs none of the others' text.
STRETCH = 16
STRETCH_MAX = 40


def language_of(info: str) -> str:
    """The language that a code block's first line names; empty for none."""
    return clean_line(info.split(maxsplit=1)[0], 32) if info.strip() else ""


class Fence:
    """An open code block. Complete lines go in, finished stretches come out."""

    def __init__(self, markup: str, indent: int, language: str, *, gap: bool) -> None:
        self._closing = re.compile(rf" {{0,3}}{re.escape(markup[0])}{{{len(markup)},}}[ \t]*\Z")
        self._starting = re.compile(rf"[ ]{{0,3}}{re.escape(markup[0])}+[ \t]*\Z")
        self._indent = re.compile(rf" {{0,{indent}}}")
        self._language = language
        self._gap = gap
        self._lines: list[str] = []
        self._before: Code | None = None

    def closed_by(self, line: str) -> bool:
        """Whether this line ends the block."""
        return self._closing.match(line) is not None

    def take(self, line: str) -> Code | None:
        """One more line; returns the stretch that it completed, if it did."""
        indent = self._indent.match(line)
        self._lines.append(line[indent.end() if indent else 0 :].expandtabs(4))
        if len(self._lines) >= STRETCH_MAX or (len(self._lines) >= STRETCH and not line.strip()):
            return self._cut()
        return None

    def rest(self) -> Code | None:
        """The last stretch, of the lines that are left; None if all were given out."""
        return self._cut() if self._lines or self._before is None else None

    def preview(self, partial: str) -> Code | None:
        """What `rest` would be, with an unfinished line that has come so far."""
        lines = list(self._lines)
        if partial and not self._starting.match(partial):
            lines.append(partial.expandtabs(4))
        return self._code(lines) if lines or self._before is None else None

    def _cut(self) -> Code:
        self._before, self._lines = self._code(self._lines), []
        return self._before

    def _code(self, lines: list[str]) -> Code:
        before = self._before
        number = before.number + 1 if before else 0
        return Code(tuple(lines), self._language, number, before, gap=self._gap and not number)
