"""Reading Ollama's answer: documents with pieces of a message, the last with how it ended and the counts."""

import json
from collections.abc import Iterator

from pluma_tui.core.chat import Usage
from pluma_tui.core.events import ChatEvent, ReasoningDelta, TextDelta, ToolCallDelta, UsageUpdate
from pluma_tui.core.ids import new_id
from pluma_tui.core.thinking import ThinkSplitter
from pluma_tui.providers.base import Json
from pluma_tui.providers.reading import Reader, count, entries, number, table, text


class ChatReader(Reader):
    """Makes events out of the documents of one answer; `context`: the size asked for, in tokens."""

    def __init__(self, context: int = 0) -> None:
        self._context = context
        self._calls = 0
        self._splitter = ThinkSplitter()
        self._split = True

    def read(self, document: Json) -> Iterator[ChatEvent]:
        """The events of one document."""
        message = table(document, "message")
        if thinking := text(message, "thinking"):
            yield from self._splitter.end()
            self._split = False  # the server tells this model's thinking apart itself
            yield ReasoningDelta(thinking)
        if content := text(message, "content"):
            yield from self._splitter.feed(content) if self._split else [TextDelta(content)]
        for call in entries(message, "tool_calls"):
            yield from self._call(call)
        if document.get("done") is True:
            yield from self._done(document)

    def knows(self, document: Json) -> bool:
        """Whether it is an answer of a chat."""
        return "message" in document

    def close(self) -> Iterator[ChatEvent]:
        """What was held back; nothing more comes, for good or ill."""
        return self._splitter.end()

    def _call(self, call: Json) -> Iterator[ToolCallDelta]:
        """Each call comes whole, its arguments as an object; older servers give it no id."""
        function = table(call, "function")
        if name := text(function, "name"):
            arguments = json.dumps(function.get("arguments") or {}, ensure_ascii=False)
            yield ToolCallDelta(self._calls, text(call, "id") or f"call_{new_id()}", name, arguments)
            self._calls += 1

    def _done(self, document: Json) -> Iterator[UsageUpdate]:
        self.ended = self.over = True
        # The server's word is "stop" after a call, too.
        length = document.get("done_reason") == "length"
        self.ending = "length" if length else "tool_calls" if self._calls else "complete"
        read, written = count(document, "prompt_eval_count"), count(document, "eval_count")
        if read or written:
            prompt, answer = number(document, "prompt_eval_duration"), number(document, "eval_duration")
            rate = written / answer * 1e9 if answer else 0.0  # it counts nanoseconds
            first = (number(document, "load_duration") + prompt) / 1e9 if prompt else 0.0
            yield UsageUpdate(Usage(read, written, rate=rate, first=first, context=self._context))
