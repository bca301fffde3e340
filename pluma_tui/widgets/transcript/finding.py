"""Finding words: counted in the text as it was written, which is quick, and shown where they are displayed.

What is said is looked through both as it was written and without the marks of emphasis; of the two, the
one with more hits counts. So "bold words" is found in ``**bold** words``, and ``**kwargs`` in code.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from pluma_tui.widgets.transcript.lines import Line
from pluma_tui.widgets.transcript.message import Message
from pluma_tui.widgets.transcript.selecting import Span

_EMPHASIS = re.compile(r"(?<!\w)[*_~`]+|[*_~`]+(?!\w)")
_ENOUGH = 64  # characters by which a section is known in the text if it is not there as a whole

Piece = tuple[int, Span]
"""The number of a line, and the characters in it that belong to a hit."""


class Query:
    """What is looked for; upper and lower case are the same, unless a capital is looked for."""

    def __init__(self, words: str) -> None:
        self.words = words
        self._exact = words != words.lower()
        self._pattern = re.compile(re.escape(words), re.NOFLAG if self._exact else re.IGNORECASE)

    def folded(self, text: str) -> str:
        """The text with its letters all lower case, if case is not looked at."""
        return text if self._exact else text.lower()

    def hits(self, lines: Iterable[Line]) -> list[list[Piece]]:
        """Where the words are displayed; a hit may go on in the next line where one was broken to fit."""
        return [
            list(_pieces(paragraph, match.start(), match.end()))
            for paragraph in _paragraphs(lines)
            for match in self._pattern.finditer("".join(text for _, _, text in paragraph))
        ]


@dataclass
class _Texts:
    """What a message says, as it was written, and how long it was then."""

    size: int
    written: str

    @cached_property
    def plain(self) -> str:
        """The same without marks of emphasis."""
        return without_emphasis(self.written)


class Finder:
    """Looks through messages. It keeps their texts, for a query mostly comes letter by letter."""

    def __init__(self) -> None:
        self._texts: dict[str, _Texts] = {}

    def count(self, message: Message, query: Query) -> int:
        """How many hits a message has."""
        return self._text(message, query).count(query.folded(query.words))

    def section(self, message: Message, query: Query, number: int) -> tuple[int, int]:
        """The section that a hit is in (of that number, from 0), and how many hits of it come before."""
        text, words = self._text(message, query), query.folded(query.words)
        offset = -len(words)
        for _ in range(number + 1):
            offset = text.find(words, offset + len(words))
        plain = text != query.folded(self._of(message).written)
        section = begin = end = 0
        for index, source in enumerate(message.sources()):
            piece = query.folded(without_emphasis(source) if plain else source)
            start = text.find(piece, end) if piece else -1
            if start < 0 and piece:
                start = text.find(piece[:_ENOUGH], end)
            if start > offset:
                break
            if start >= 0:
                section, begin, end = index, start, start + len(piece)
        return section, text.count(words, begin, offset)

    def _text(self, message: Message, query: Query) -> str:
        """The text in which most is found."""
        texts, words = self._of(message), query.folded(query.words)
        written = query.folded(texts.written)
        if query.words.isalnum():
            return written
        plain = query.folded(texts.plain)
        return plain if plain.count(words) > written.count(words) else written

    def _of(self, message: Message) -> _Texts:
        texts = self._texts.get(message.entry.id)
        if texts is None or texts.size != message.size:
            written = "\n".join(part for part in (message.thoughts, message.text) if part).expandtabs(4)
            texts = _Texts(message.size, written)
            self._texts[message.entry.id] = texts
        return texts


def without_emphasis(text: str) -> str:
    """Some Markdown without the marks of emphasis, its lines joined."""
    return _EMPHASIS.sub("", text).replace("\n", " ")


def _paragraphs(lines: Iterable[Line]) -> Iterator[list[tuple[int, int, str]]]:
    """Lines that were broken to fit, together: the number of each, its margin, and its text."""
    paragraph: list[tuple[int, int, str]] = []
    for number, line in enumerate(lines):
        if line.soft is None and paragraph:
            yield paragraph
            paragraph = []
        elif paragraph:
            before, margin, text = paragraph[-1]
            paragraph[-1] = before, margin, text.rstrip() + (line.soft or "")
        paragraph.append((number, line.margin, line.text[line.margin :]))
    if paragraph:
        yield paragraph


def _pieces(paragraph: Sequence[tuple[int, int, str]], start: int, stop: int) -> Iterator[Piece]:
    at = 0
    for number, margin, text in paragraph:
        begin, end = max(start, at), min(stop, at + len(text))
        if begin < end:
            yield number, (begin - at + margin, end - at + margin)
        at += len(text)
