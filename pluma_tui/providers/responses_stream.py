"""Reading a response: https://platform.openai.com/docs/api-reference/responses-streaming"""

from collections.abc import Iterator
from typing import Any

from pluma_tui.core.chat import Citation, Ending, Usage
from pluma_tui.core.events import (
    ChatEvent,
    Notice,
    OpaqueDelta,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    UsageUpdate,
)
from pluma_tui.core.thinking import ThinkSplitter
from pluma_tui.providers.base import Json
from pluma_tui.providers.reading import Reader, count, entries, number, table, text
from pluma_tui.providers.responses_request import DIALECT

_ENDINGS: dict[str, Ending] = {"max_output_tokens": "length", "content_filter": "refused"}


class ResponseReader(Reader):
    """Makes events out of the documents of one answer. `server` is who gets back what is opaque."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._splitter = ThinkSplitter()
        self._begun: dict[int | str, tuple[int, int]] = {}  # item -> characters and calls before it
        self._heard: set[int | str] = set()  # items that come in fragments
        self._text = self._calls = 0
        self._thought: Any = None
        self._handlers = {
            "response.output_text.delta": self._say,
            "response.refusal.delta": self._say,
            "response.reasoning_text.delta": self._think,
            "response.reasoning_summary_text.delta": self._think,
            "response.function_call_arguments.delta": self._argue,
            "response.output_text.annotation.added": self._annotate,
            "response.output_item.added": self._begin,
            "response.output_item.done": self._done,
            "response.completed": self._end,
            "response.incomplete": self._end,
        }

    def read(self, document: Json) -> Iterator[ChatEvent]:
        """The events of one document; none for those of other kinds."""
        handler = self._handlers.get(text(document, "type"), self._end if self.knows(document) else None)
        return handler(document) if handler else iter(())

    def close(self) -> Iterator[ChatEvent]:
        """What looked like the beginning of a tag."""
        return self._splitter.end()

    def knows(self, document: Json) -> bool:
        """Whether it is a whole response."""
        return document.get("object") == "response"

    def error(self, document: Json) -> Any:
        """An `error` event, flat or not; a response that has failed; an error as it comes elsewhere."""
        if document.get("type") == "response.failed":
            return {"error": table(document, "response").get("error") or "the answer failed"}
        return document if document.get("type") == "error" else super().error(document)

    def _item(self, document: Json) -> int | str:
        """What an event is about: its place in the output, or, as llama.cpp tells none, its id."""
        item = document.get("output_index")
        if not isinstance(item, int):
            item = text(document, "item_id") or text(table(document, "item"), "id")
        self._begun.setdefault(item, (self._text, self._calls))
        return item

    def _say(self, document: Json) -> Iterator[ChatEvent]:
        self._heard.add(self._item(document))
        if document["type"] == "response.refusal.delta":
            self.ending = "refused"
        for event in self._splitter.feed(text(document, "delta")):
            self._text += len(event.text) if isinstance(event, TextDelta) else 0
            yield event

    def _think(self, document: Json) -> Iterator[ChatEvent]:
        self._heard.add(self._item(document))
        place = (document.get("output_index"), document.get("summary_index"))
        pause = "\n\n" if self._thought not in (None, place) else ""  # each part is a paragraph of its own
        if delta := text(document, "delta"):
            self._thought = place
            yield ReasoningDelta(pause + delta)

    def _argue(self, document: Json) -> Iterator[ChatEvent]:
        _, call = self._begun[item := self._item(document)]
        if call < self._calls:  # else it was never announced, and is read when it is done
            self._heard.add(item)
            yield ToolCallDelta(call, arguments=text(document, "delta"))

    def _annotate(self, document: Json) -> Iterator[ChatEvent]:
        if note := table(document, "annotation"):
            yield Citation(text(note, "url"), text(note, "title") or text(note, "filename"), extra=note)

    def _begin(self, document: Json) -> Iterator[ChatEvent]:
        (_, call), item = self._begun[self._item(document)], table(document, "item")
        if item.get("type") == "function_call":
            self._calls += 1
            yield ToolCallDelta(call, text(item, "call_id") or text(item, "id"), text(item, "name"))

    def _done(self, document: Json) -> Iterator[ChatEvent]:
        """The rest of an item: all of it, as the fragments it could have been, where none came."""
        before, call = self._begun[place := self._item(document)]
        item, heard = table(document, "item"), place in self._heard
        for index, part in enumerate(entries(item, "summary") or entries(item, "content")):
            kind = text(part, "type").replace("summary_text", "reasoning_summary_text")
            said = {"delta": part.get("text") or part.get("refusal"), "summary_index": index}
            if not heard:
                yield from self.read({**document, **said, "type": f"response.{kind}.delta"})
            for note in entries(part, "annotations"):
                yield from self._annotate({"annotation": note})
        kind = text(item, "type")
        if kind == "function_call":
            if call == self._calls:
                yield from self._begin(document)
            if not heard:
                yield ToolCallDelta(call, arguments=text(item, "arguments"))
        elif kind == "image_generation_call":
            yield Notice("the model made a picture, which a conversation cannot hold yet")
        elif kind not in ("message", ""):
            yield OpaqueDelta(DIALECT, {"server": self._server, "text": before, "calls": call, "item": item})

    def _end(self, document: Json) -> Iterator[ChatEvent]:
        response = table(document, "response") or document
        for place, item in enumerate([] if self._begun else entries(response, "output")):
            yield from self._done({"output_index": place, "item": item})
        if usage := table(response, "usage"):
            reasoning = count(table(usage, "output_tokens_details"), "reasoning_tokens")
            cached = count(table(usage, "input_tokens_details"), "cached_tokens")
            rate = number(table(document, "timings"), "predicted_per_second")
            spent = count(usage, "input_tokens"), count(usage, "output_tokens")
            yield UsageUpdate(Usage(*spent, reasoning, cached, rate))
        self.ended = self.over = True
        why = text(table(response, "incomplete_details"), "reason")
        if why or "incomplete" in (response.get("status"), text(document, "type")[9:]):
            self.ending = _ENDINGS.get(why, "length")
        elif self._calls and self.ending == "complete":
            self.ending = "tool_calls"
