"""Reading what an OpenAI-shaped server answers: chunk after chunk, or one whole completion."""

import json
from collections.abc import Iterator
from typing import Any

from pluma_tui.core.chat import Ending, Usage
from pluma_tui.core.events import (
    ChatEvent,
    Finished,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    UsageUpdate,
)
from pluma_tui.core.thinking import ThinkSplitter
from pluma_tui.providers.base import Json
from pluma_tui.providers.reading import Reader, count, entries, number, table

_ENDINGS: dict[str, Ending] = {
    "stop": "complete",
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "refused",
}


class ChunkReader(Reader):
    """Makes events out of the chunks of one answer, fed in order.

    `finish` is the server's own word for how it ended, empty until it has said one.
    """

    def __init__(self) -> None:
        self.finish = ""
        self._splitter: ThinkSplitter | None = ThinkSplitter()
        self._calls = _Calls()
        self._refused = False
        self._usage = Usage()

    def read(self, document: Json) -> Iterator[ChatEvent]:
        """The events of one chunk."""
        # Only one answer is asked for; a list without any comes with usage or a filter's verdict.
        for choice in entries(document, "choices"):
            if not choice.get("index"):
                yield from self._choice(choice)
        if document.get("usage") or document.get("timings"):
            yield from self._count(document)

    def knows(self, document: Json) -> bool:
        """Whether it is a completion."""
        return "choices" in document

    def close(self) -> Iterator[ChatEvent]:
        """What was held back; nothing more comes, for good or ill."""
        if self._splitter is not None:
            yield from self._splitter.end()

    def finished(self) -> Finished:
        """The last event. A server that ends its stream properly without a word for it means: complete."""
        ending = _ENDINGS.get(self.finish, "complete")
        if self._refused and ending == "complete":
            ending = "refused"
        if self._calls and ending == "complete":
            ending = "tool_calls"  # some servers say "stop" after a call, or nothing
        return Finished(ending)

    def _choice(self, choice: Json) -> Iterator[ChatEvent]:
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            yield from self._delta(delta)
        finish = choice.get("finish_reason")
        if isinstance(finish, str) and finish:
            self.finish = finish
            self.ended = finish != "error"

    def _delta(self, delta: Json) -> Iterator[ChatEvent]:
        # Three names for one thing; a server that says two of them says the same in both.
        reasoning = delta.get("reasoning_content") or delta.get("reasoning")
        if reasoning and isinstance(reasoning, str):
            if self._splitter is not None:
                yield from self._splitter.end()
                self._splitter = None  # this server tells thinking apart itself
            yield ReasoningDelta(reasoning)
        content = delta.get("content")
        if content:
            yield from self._content(content)
        refusal = delta.get("refusal")
        if refusal and isinstance(refusal, str):
            self._refused = True
            yield TextDelta(refusal)
        if delta.get("tool_calls"):
            yield from self._calls.fragments(delta["tool_calls"])
        elif isinstance(delta.get("function_call"), dict):
            yield from self._calls.fragments([{"index": 0, "function": delta["function_call"]}])

    def _content(self, content: Any) -> Iterator[ChatEvent]:
        if isinstance(content, str):
            if self._splitter is None:
                yield TextDelta(content)
            else:
                yield from self._splitter.feed(content)
        elif isinstance(content, list):
            # Mistral: [{"type": "thinking", "thinking": [{"type": "text", ...}]}, {"type": "text", ...}]
            for part in content:
                if not isinstance(part, dict):
                    continue
                if isinstance(part.get("text"), str):
                    yield TextDelta(part["text"])
                thinking = part.get("thinking")
                for thought in thinking if isinstance(thinking, list) else ():
                    if isinstance(thought, dict) and isinstance(thought.get("text"), str):
                        yield ReasoningDelta(thought["text"])

    def _count(self, chunk: Json) -> Iterator[UsageUpdate]:
        usage = _usage(chunk, self._usage)
        if usage != self._usage:
            self._usage = usage
            yield UsageUpdate(usage)


class _Calls:
    """Tool calls in fragments: each has an index, and its id and name only at first.

    Some servers give every call the index 0, or none: an id that is new begins a new call.
    """

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._named: set[int] = set()
        self._ours: dict[int, int] = {}  # their index -> ours, which has no holes

    def __bool__(self) -> bool:
        return bool(self._ids)

    def fragments(self, calls: Any) -> Iterator[ToolCallDelta]:
        """The events of one delta's `tool_calls`."""
        for place, call in enumerate(calls if isinstance(calls, list) else ()):
            if isinstance(call, dict):
                function = call.get("function")
                yield self._fragment(call, function if isinstance(function, dict) else {}, place)

    def _fragment(self, call: Json, function: Json, place: int) -> ToolCallDelta:
        theirs = call.get("index")
        theirs = theirs if isinstance(theirs, int) else place
        id_ = call["id"] if isinstance(call.get("id"), str) else ""
        ours = self._ours.get(theirs, -1)
        if ours < 0 or (id_ and self._ids[ours] not in ("", id_)):
            ours = self._ours[theirs] = len(self._ids)
            self._ids.append("")
        new_id = id_ if not self._ids[ours] else ""
        self._ids[ours] = self._ids[ours] or id_
        name = function.get("name")
        if not isinstance(name, str) or ours in self._named:
            name = ""
        if name:
            self._named.add(ours)
        return ToolCallDelta(ours, new_id, name, _arguments(function.get("arguments")))


def _arguments(value: Any) -> str:
    """The fragment as text: some servers send the whole arguments as an object."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _usage(chunk: Json, before: Usage) -> Usage:
    """Token counts out of `usage`, times (and counts, where it stands alone) out of `timings`."""
    usage, timings = table(chunk, "usage"), table(chunk, "timings")
    rate = number(timings, "predicted_per_second", before.rate)
    first = number(timings, "prompt_ms") / 1000 or before.first
    if usage:
        return Usage(
            input=count(usage, "prompt_tokens", before.input),
            output=count(usage, "completion_tokens", before.output),
            reasoning=count(table(usage, "completion_tokens_details"), "reasoning_tokens"),
            cached=count(table(usage, "prompt_tokens_details"), "cached_tokens"),
            rate=rate,
            first=first,
            cost=float(number(usage, "cost")),  # OpenRouter
        )
    cached = count(timings, "cache_n")
    return Usage(
        input=cached + count(timings, "prompt_n"),
        output=count(timings, "predicted_n"),
        cached=cached,
        rate=rate,
        first=first,
    )
