"""One message on the page: its blocks in sections, parsed when it is first seen or as it streams in."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pluma_tui.core.text import Cleaner, clean, clean_line
from pluma_tui.widgets.transcript.blocks import Block, Footer, Label, Plain, Thought, source_of
from pluma_tui.widgets.transcript.builder import WHOLE_MAX, Builder
from pluma_tui.widgets.transcript.entry import Entry
from pluma_tui.widgets.transcript.heights import Heights
from pluma_tui.widgets.transcript.lines import Line
from pluma_tui.widgets.transcript.markdown import Env
from pluma_tui.widgets.transcript.plain import Thoughts, plain_blocks
from pluma_tui.widgets.transcript.sections import Page, Reasoning, Section, guess_rows
from pluma_tui.widgets.transcript.spots import (
    CodeAt,
    code_as_shown,
    code_blocks,
    code_sources,
    may_have_code,
)

_SECTION = 24  # the bits of a key that say which line of a section it is
REPARSE_MAX = 524_288  # characters of a finished message that are parsed once more


def line_key(section: int, line: int) -> int:
    """The key of a line in its message."""
    return (section << _SECTION) + line


class Message:
    """The view of one entry. Nothing of it is parsed before `open`."""

    def __init__(self, entry: Entry, page: Page) -> None:
        self.entry = entry
        self._page = page
        self._text = [entry.text] if entry.text else []
        self._reasoning = [entry.reasoning] if entry.reasoning else []
        self._builder: Builder | None = None
        self._cleaner = Cleaner()
        self._thoughts = Thoughts()
        self._head = 0  # how many sections come before the text
        self._sections: list[Section] = []
        self._heights = Heights()
        self._guess = 0
        self._reasoning_here: Reasoning | None = None

    @property
    def text(self) -> str:
        """What was said, safe: as it was written, but for what could act on a terminal."""
        return clean(self._raw(self._text))

    @property
    def size(self) -> int:
        """Characters that it says, those of reasoning only where that is shown."""
        thoughts = len(self._raw(self._reasoning)) if self._reasoning_shown == "shown" else 0
        return len(self._raw(self._text)) + thoughts

    @property
    def has_reasoning(self) -> bool:
        """Whether there is any reasoning."""
        return bool(self._reasoning)

    @property
    def thoughts(self) -> str:
        """The reasoning that is shown, safe; empty where it is folded away."""
        return clean(self._raw(self._reasoning)) if self._reasoning_shown == "shown" else ""

    @property
    def rows(self) -> int:
        """Height in lines, the empty line before the message included. A guess until it was seen."""
        if self._sections:
            return self._heights.total
        if not self._guess:
            self._guess = 3 + guess_rows(self.entry.text, self._page.width)
        return self._guess

    def feed(self, text: str, reasoning: str) -> None:
        """More of a running message, raw."""
        self.open()
        done = len(self._builder.done) if self._builder else 0
        from_head = bool(reasoning) or not self._text or not self._builder
        if text:
            self._text.append(text)
            if self._builder:
                self._builder.feed(self._cleaner.feed(text))
        if reasoning:
            self._reasoning.append(reasoning)
            self._thoughts.feed(reasoning)
        self._arrange(0 if from_head else self._head + done)

    def finish(self, *, footer: str, label: str | None) -> None:
        """Nothing more comes. The whole is parsed once more, so that reference links come right."""
        text, reasoning = self._raw(self._text), self._raw(self._reasoning)
        label = self.entry.label if label is None else label
        self.entry = replace(
            self.entry, text=text, reasoning=reasoning, footer=footer, label=label, running=False
        )
        if not self._sections:
            return
        if self._builder:
            if len(text) <= REPARSE_MAX:
                self._builder = self._parsed()
            else:
                self._builder.feed(self._cleaner.flush())
                self._builder.finish()
            if self._builder.env.get("references"):
                self._sections = []
        self._arrange(0)

    def open(self) -> None:
        """Parse what there is, if that was not done."""
        if self._sections:
            return
        if self.entry.role == "assistant":
            self._builder = self._parsed()
        self._thoughts = Thoughts(self._raw(self._reasoning))
        self._arrange(0)

    def fold(self) -> None:
        """Show this message's reasoning, or fold it, whatever holds for the others."""
        self._reasoning_here = "folded" if self._reasoning_shown == "shown" else "shown"
        self._guess = 0
        if self._sections:
            self._arrange(0)

    def fold_as_all(self) -> None:
        """Forget what was chosen for this message alone; `reset` is to follow."""
        self._reasoning_here = None

    def reset(self) -> None:
        """The width, the styles or the choice how reasoning is shown has changed."""
        self._guess = 0
        if self._sections:
            self._sections = []
            self._arrange(0)

    def codes(self) -> list[CodeAt]:
        """Its code blocks in order, parsed for that if need be."""
        if self.entry.role != "assistant" or not may_have_code(self._raw(self._text)):
            return []
        self.open()
        return code_blocks(section.block for section in self._sections)

    def code_source(self, number: int) -> str:
        """What is in the code block of that number, as it was written."""
        codes = self.codes()
        sources = code_sources(self.text, self._page.markdown)
        if len(sources) == len(codes):
            return sources[number]
        return code_as_shown([section.block for section in self._sections], codes[number])

    def rows_of(self, code: CodeAt) -> tuple[int, int]:
        """The rows of a code block in the message: [first, end)."""
        lines = self._lines(self._sections[code.first])
        self._heights.set(code.first, len(lines))
        within = [number for number, line in enumerate(lines) if line.code == code.number]
        start = self._heights.start(code.first)
        end = start + within[-1] + 1 if code.first == code.last else self._heights.start(code.last + 1)
        return start + within[0], end

    def row_of(self, key: int) -> int:
        """The row of a line in the message, by its key there."""
        section, line = key >> _SECTION, key & ((1 << _SECTION) - 1)
        self._heights.set(section, len(self.section_lines(section)))
        return self._heights.start(section) + line

    def section_lines(self, section: int) -> list[Line]:
        """The lines of a section. `open` the message before."""
        return self._lines(self._sections[section])

    def sources(self) -> list[str]:
        """The text that each section was made from. `open` the message before."""
        return [source_of(section.block) for section in self._sections]

    def is_in(self, code: CodeAt, key: int, line: Line) -> bool:
        """Whether a line of the message belongs to a code block."""
        return line.code == code.number and code.first <= key >> _SECTION <= code.last

    def measure(self, top: int, bottom: int) -> bool:
        """Make heights exact between two rows of the message; says whether any was not what was guessed."""
        rows = self.rows
        self.open()
        changed = self.rows != rows
        index = self._heights.at(top)
        while index < len(self._sections) and self._heights.start(index) < bottom:
            section = self._sections[index]
            if not section.exact:
                self._lines(section)
            changed |= self._heights[index] != section.height
            self._heights.set(index, section.height)
            index += 1
        return changed

    def lines(self, top: int, bottom: int) -> Iterator[tuple[int, Line]]:
        """The lines between two rows, as far as there are any, each with its key: its section and number."""
        index = self._heights.at(top)
        at = self._heights.start(index)
        while index < len(self._sections) and at < bottom:
            lines = self._lines(self._sections[index])
            for within in range(max(0, top - at), min(len(lines), bottom - at)):
                yield line_key(index, within), lines[within]
            at += len(lines)
            index += 1

    def place(self, row: int) -> tuple[int, float]:
        """Where a row is in terms that outlive a change of heights: section, and part of its height.

        Sections of the text are counted without those before it, for reasoning may be unfolded; these
        are counted down from -1.
        """
        self.open()
        index = self._heights.at(row)
        part = (row - self._heights.start(index)) / max(1, self._heights[index])
        return index - self._head if index >= self._head else ~index, part

    def row(self, section: int, part: float) -> int:
        """The row of a place."""
        self.open()
        index = section + self._head if section >= 0 else min(~section, self._head - 1)
        section = min(index, len(self._sections) - 1)
        return self._heights.start(section) + round(part * self._heights[section])

    def _parsed(self) -> Builder:
        """The text there is, parsed as a whole; more may come if the message is running."""
        self._cleaner = Cleaner()
        text = self._raw(self._text)
        if self.entry.running:
            builder = Builder(self._page.markdown)
            builder.feed(self._cleaner.feed(text))
        else:
            builder = Builder(self._page.markdown, WHOLE_MAX)
            builder.feed(clean(text))
            builder.finish()
        return builder

    def _arrange(self, keep: int) -> None:
        """Make sections of all blocks, but for the first `keep` sections, which are as they were."""
        known = {section.block: section for section in self._sections[keep:]}
        del self._sections[keep:]
        self._heights.cut(keep)
        for block in self._blocks(keep):
            section = known.get(block) or Section(block, self._page.guess(block))
            self._sections.append(section)
            self._heights.append(section.height)

    def _blocks(self, start: int) -> Iterator[Block]:
        """The blocks from number `start` on."""
        if start < self._head or not start:
            head = self._head_blocks()
            self._head = len(head)
            yield from head[start:]
        done = max(0, start - self._head)
        if self._builder:
            yield from self._builder.done[done:]
            yield from self._builder.open
        else:
            yield from plain_blocks(self.text)[done:]
        if self.entry.footer:
            yield Footer(clean_line(self.entry.footer))

    def _head_blocks(self) -> Sequence[Block]:
        entry = self.entry
        label = [Label(clean_line(entry.label), clean_line(entry.time, 40))] if entry.label else [Plain("")]
        reasoning = self._reasoning_shown
        if not self._reasoning or reasoning == "hidden":
            return label
        if reasoning == "folded":
            running = self.entry.running and not self._text
            return [*label, Thought(self._thoughts.words, running), Plain("")]
        return [*label, *plain_blocks(self._thoughts.text, faint=True), Plain("")]

    @staticmethod
    def _raw(parts: list[str]) -> str:
        """Pieces as one text; they are kept as one from then on."""
        if len(parts) > 1:
            parts[:] = ["".join(parts)]
        return parts[0] if parts else ""

    @property
    def _reasoning_shown(self) -> Reasoning:
        return self._reasoning_here or self._page.reasoning

    def _lines(self, section: Section) -> list[Line]:
        env: Env = self._builder.env if self._builder else {}
        return self._page.lines(section, self.entry.role, env)
