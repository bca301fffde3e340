"""Finding a model's thinking where a server leaves it in the text, between `<think>` and `</think>`."""

import re
from collections.abc import Iterator

from pluma_tui.core.events import ReasoningDelta, TextDelta

_OPEN, _CLOSE = "<think>", "</think>"
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)", re.DOTALL)
_TICKS = re.compile(r"(`+)|[^`]+")
_INDENT = 4  # characters of white space after which a fence is none
_LINE_KEPT = 200  # characters of a line that are looked at for a fence or a tag


class ThinkSplitter:
    """Splits a stream of text pieces into text and reasoning.

    `<think>` counts only as the first thing of a line (so also of the answer) outside code: an answer that
    talks about the tag stays as it is. White space right after either tag goes. A tag may be cut
    anywhere between pieces; what may still become one is held back until `end`.
    """

    def __init__(self) -> None:
        self._thinking = False
        self._strip = False  # white space is to be dropped: a tag has just ended
        self._held = ""  # may be the beginning of a tag
        self._line = ""  # the start of the line we are in, when not thinking
        self._fence = ""  # what opened the fence we are in
        self._run = 0  # backticks just seen
        self._span = 0  # backticks that opened the inline code we are in

    def feed(self, text: str) -> Iterator[TextDelta | ReasoningDelta]:
        """What `text` brings, in order."""
        if not text:
            return
        # The usual piece is a few plain letters within a line.
        if not self._thinking and self._line.strip() and not self._run and not _special(text):
            self._keep(text)
            yield TextDelta(text)
            return
        text, self._held = self._held + text, ""
        while text:
            before, text = self._think(text) if self._thinking else self._talk(text)
            if before is not None:
                yield before

    def end(self) -> Iterator[TextDelta | ReasoningDelta]:
        """What was held back: the stream is over. Thinking that nobody closed is reasoning."""
        if self._held:
            yield ReasoningDelta(self._held) if self._thinking else TextDelta(self._held)
        self._held = ""

    def _think(self, text: str) -> tuple[ReasoningDelta | None, str]:
        """The next piece of reasoning out of `text`, and what is left to look at."""
        text = self._stripped(text)
        reasoning, closed, rest = text.partition(_CLOSE)
        if closed:
            self._thinking, self._strip = False, True
            self._line = ""
        else:
            reasoning, self._held = _hold_back(reasoning, _CLOSE)
        return (ReasoningDelta(reasoning) if reasoning else None), rest

    def _talk(self, text: str) -> tuple[TextDelta | None, str]:
        """The next piece of text, at most a line of it, and what is left to look at."""
        text = self._stripped(text)
        if not self._line.strip() and not self._fence and not self._span:
            bare = text.lstrip(" \t")
            if bare.startswith(_OPEN):
                self._thinking, self._strip = True, True
                before = text[: len(text) - len(bare)]
                return (TextDelta(before) if before else None), bare[len(_OPEN) :]
            if bare and _OPEN.startswith(bare):
                self._held = text
                return None, ""
        line, newline, rest = text.partition("\n")
        self._keep(line)
        if newline:
            self._end_line()
        return (TextDelta(line + newline) if text else None), rest

    def _stripped(self, text: str) -> str:
        if self._strip:
            text = text.lstrip()
            self._strip = not text
        return text

    def _keep(self, text: str) -> None:
        """Remember what matters of the current line."""
        if len(self._line) < _LINE_KEPT:
            line = self._line + text
            indent = len(line) - len(line.lstrip())
            self._line = line[max(indent - _INDENT, 0) :][:_LINE_KEPT]
        if not self._fence and ("`" in text or self._run):
            for match in _TICKS.finditer(text):
                if match[1]:
                    self._run += len(match[1])
                else:
                    self._end_run()

    def _end_run(self) -> None:
        if self._run and self._span in (0, self._run):
            self._span = 0 if self._span else self._run
        self._run = 0

    def _end_line(self) -> None:
        line, self._line = self._line, ""
        self._end_run()
        fence = _FENCE.match(line)
        if self._fence:
            if fence and fence[1].startswith(self._fence) and not fence[2].strip():
                self._fence = ""
        elif fence and not (fence[1][0] == "`" and "`" in fence[2]):
            self._fence, self._span = fence[1], 0
        elif not line.strip():
            self._span = 0  # inline code ends with its paragraph


def _special(text: str) -> bool:
    return "\n" in text or "`" in text


def _hold_back(text: str, tag: str) -> tuple[str, str]:
    """`text` without, and then, an end of it that may be the beginning of `tag`."""
    at = text.rfind("<")
    if at >= 0 and tag.startswith(text[at:]):
        return text[:at], text[at:]
    return text, ""
