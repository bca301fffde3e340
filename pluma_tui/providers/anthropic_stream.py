"""Reading what an Anthropic-shaped server answers: https://platform.claude.com/docs/en/build-with-claude/streaming"""

import json
from collections.abc import Iterator
from typing import NamedTuple

from pluma_tui.core import events
from pluma_tui.core.chat import Citation, Ending, Usage
from pluma_tui.core.events import ChatEvent
from pluma_tui.providers.anthropic_request import DIALECT, arguments
from pluma_tui.providers.base import Json
from pluma_tui.providers.reading import Reader, count, entries, table, text

_ENDINGS: dict[str, Ending] = {
    "max_tokens": "length", "model_context_window_exceeded": "length", "pause_turn": "length",
    "tool_use": "tool_calls", "refusal": "refused",
}  # fmt: skip
_COUNTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")


class _Block(NamedTuple):
    """A block on its way: what may be sent back of it, and the pieces of its thinking or its input."""

    kind: str
    kept: Json
    pieces: list[str]


class EventReader(Reader):
    """Makes events out of those of one answer, fed in order. Blocks may overlap (llama.cpp's do)."""

    def __init__(self) -> None:
        self._blocks: dict[int, _Block] = {}
        self._length = 0  # characters of text so far
        self._calls = 0
        self._thought = False
        self._finish = ""
        self._counts: dict[str, int] = {}
        self._usage = Usage()

    def read(self, document: Json) -> Iterator[ChatEvent]:
        """The events of one event, or of one whole message."""
        kind, index = document.get("type"), count(document, "index")
        if kind == "content_block_delta":
            if block := self._blocks.get(index):
                yield from self._delta(block, table(document, "delta"))
        elif kind == "content_block_start":
            yield from self._begin(index, table(document, "content_block"))
        elif kind == "content_block_stop":
            yield from self._end(self._blocks.pop(index, None))
        elif kind in ("message_start", "message"):
            yield from self._message(document if kind == "message" else table(document, "message"))
        elif kind == "message_delta":
            yield from self._told(document, table(document, "delta"))
        elif kind == "message_stop":
            self.ended = self.over = True

    def knows(self, document: Json) -> bool:
        """Whether it is a message."""
        return document.get("type") == "message"

    def finished(self) -> events.Finished:
        """The last event; some servers have no ending of its own for a call."""
        ending = _ENDINGS.get(self._finish, "complete")
        return events.Finished("tool_calls" if self._calls and ending == "complete" else ending)

    def _message(self, message: Json) -> Iterator[ChatEvent]:
        for index, block in enumerate(entries(message, "content")):
            yield from self._begin(index, block)
            yield from self._end(self._blocks.pop(index, None))
        yield from self._told(message, message)

    def _begin(self, index: int, began: Json) -> Iterator[ChatEvent]:
        kept = {"block": began, "at": self._length, "calls": self._calls}
        block = self._blocks[index] = _Block(text(began, "type"), kept, [])
        if block.kind == "tool_use":
            given = began.get("input")  # in a stream it is empty, or not there (llama.cpp)
            written = json.dumps(given, ensure_ascii=False) if given else ""
            yield events.ToolCallDelta(self._calls, text(began, "id"), text(began, "name"), written)
            self._calls += 1
        elif block.kind in ("text", "thinking"):
            yield from self._grow(block, text(began, block.kind))
            yield from map(_citation, entries(began, "citations"))

    def _delta(self, block: _Block, delta: Json) -> Iterator[ChatEvent]:
        kind = delta.get("type")
        if kind in ("text_delta", "thinking_delta"):
            yield from self._grow(block, text(delta, block.kind))
        elif kind == "citations_delta":
            yield _citation(table(delta, "citation"))
        elif kind == "signature_delta":
            block.kept["block"]["signature"] = text(delta, "signature")
        elif kind == "input_json_delta" and (piece := text(delta, "partial_json")):
            if block.kind == "tool_use":
                yield events.ToolCallDelta(block.kept["calls"], arguments=piece)
            else:
                block.pieces.append(piece)

    def _grow(self, block: _Block, piece: str) -> Iterator[ChatEvent]:
        if piece and block.kind == "text":
            self._length += len(piece)
            yield events.TextDelta(piece)
        elif piece and block.kind == "thinking":
            apart = "\n\n" if self._thought and not block.pieces else ""
            self._thought = True
            block.pieces.append(piece)
            yield events.ReasoningDelta(apart + piece)

    def _end(self, block: _Block | None) -> Iterator[ChatEvent]:
        """Thinking that is signed, and what the server's own tools did, is to be sent back unchanged."""
        if block is None or block.kind in ("", "text", "tool_use"):
            return
        data, pieces = block.kept["block"], "".join(block.pieces)
        if block.kind == "thinking":
            data["thinking"] = pieces
        elif pieces:
            data["input"] = arguments(pieces)
        if block.kind != "thinking" or text(data, "signature"):
            yield events.OpaqueDelta(DIALECT, block.kept)

    def _told(self, message: Json, end: Json) -> Iterator[ChatEvent]:
        """How it ended, and the counts, each of all so far: litellm says 0 at first, others not all again."""
        self._finish = text(end, "stop_reason") or self._finish
        self.ended = bool(self._finish)
        if why := text(table(end, "stop_details"), "explanation"):
            yield events.Notice(why)
        usage = table(message, "usage")
        self._counts |= {name: found for name in _COUNTS if (found := count(usage, name))}
        fresh, written, cached, output = (self._counts.get(name, 0) for name in _COUNTS)
        thought = count(table(usage, "output_tokens_details"), "thinking_tokens", self._usage.reasoning)
        counted = Usage(input=fresh + written + cached, output=output, reasoning=thought, cached=cached)
        if counted != self._usage:
            self._usage = counted
            yield events.UsageUpdate(counted)


def _citation(said: Json) -> Citation:
    """A source: a page of the web, a search result, or a place in a document that was sent."""
    known = ("url", "source", "title", "document_title", "cited_text", "encrypted_index")
    return Citation(
        url=text(said, "url") or text(said, "source"),
        title=text(said, "title") or text(said, "document_title"),
        text=text(said, "cited_text"),
        extra={name: value for name, value in said.items() if name not in known and value is not None},
    )
