"""Reading what Gemini answers: https://ai.google.dev/api/generate-content#generatecontentresponse"""

import json
from collections.abc import Iterator

from pluma_tui.core.chat import Citation, Ending, Usage
from pluma_tui.core.events import (
    ChatEvent,
    Finished,
    Notice,
    OpaqueDelta,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    UsageUpdate,
)
from pluma_tui.providers.base import Json
from pluma_tui.providers.gemini_request import DIALECT
from pluma_tui.providers.reading import Reader, count, entries, table, text

_ENDINGS: dict[str, Ending] = {"STOP": "complete", "MAX_TOKENS": "length", "CONTINUATION": "length"}
_WHY = {
    "SPII": "it may hold personal data",
    "MALFORMED_FUNCTION_CALL": "the model called a tool in a way that cannot be read",
    "UNEXPECTED_TOOL_CALL": "the model called a tool that it has not been given",
}


class GeminiReader(Reader):
    """Makes events out of the chunks of one answer. There is no last event: the stream just closes."""

    def __init__(self) -> None:
        self._said = self._calls = 0  # characters of text, and calls, so far
        self._usage = Usage()

    def read(self, document: Json) -> Iterator[ChatEvent]:
        """The events of one chunk."""
        candidates = entries(document, "candidates")
        for candidate in candidates:
            if not candidate.get("index"):  # only one answer is asked for
                for part in entries(table(candidate, "content"), "parts"):
                    yield from self._part(part, text(document, "responseId"))
                yield from _sources(candidate)
                yield from self._end(candidate, text(candidate, "finishReason"), "The answer was ended")
        feedback = {} if candidates else table(document, "promptFeedback")
        yield from self._end(feedback, text(feedback, "blockReason"), "The question was refused")
        usage = _usage(table(document, "usageMetadata"), self._usage)
        if usage != self._usage:
            self._usage = usage
            yield UsageUpdate(usage)

    def knows(self, document: Json) -> bool:
        """Whether it is a response at all."""
        return "candidates" in document or "promptFeedback" in document

    def finished(self) -> Finished:
        """The last event."""
        return Finished("tool_calls" if self._calls and self.ending == "complete" else self.ending)

    def _part(self, part: Json, response: str) -> Iterator[ChatEvent]:
        place, said = {"start": self._said}, text(part, "text")
        if call := table(part, "functionCall"):
            id_ = text(call, "id") or f"{response or 'call'}-{self._calls}"
            arguments = json.dumps(table(call, "args"), ensure_ascii=False)
            yield ToolCallDelta(self._calls, id_, text(call, "name"), arguments)
            place = {"call": self._calls}
            self._calls += 1
        elif data := table(part, "inlineData"):
            yield Notice(f"The model sent {text(data, 'mimeType')}, which a conversation cannot hold yet")
            return  # its signature is worth nothing without it
        elif said and part.get("thought"):
            yield ReasoningDelta(said)
        elif said:
            self._said += len(said)
            place["end"] = self._said
            yield TextDelta(said)
        if signature := text(part, "thoughtSignature"):
            yield OpaqueDelta(DIALECT, {"thoughtSignature": signature, **place})

    def _end(self, told: Json, reason: str, what: str) -> Iterator[Notice]:
        """`told` says in `reason`, and maybe in words, how `what` came to be."""
        if not reason or reason.endswith("_UNSPECIFIED"):
            return
        self.ended, told_before = True, self.ending == "refused"
        self.ending = _ENDINGS.get(reason, "refused")
        if self.ending == "refused" and not told_before:
            harms = [text(harm, "category") for harm in entries(told, "safetyRatings") if harm.get("blocked")]
            words = text(told, "finishMessage") or text(told, "blockReasonMessage") or ", ".join(harms)
            why = _WHY.get(reason, reason.replace("_", " ").lower())
            yield Notice(f"{what}: {why}{f' ({words})' if words else ''}")


def _sources(candidate: Json) -> Iterator[Citation]:
    """What a search has found for the answer, and what the answer repeats."""
    for chunk in entries(table(candidate, "groundingMetadata"), "groundingChunks"):
        if source := table(chunk, "web") or table(chunk, "retrievedContext") or table(chunk, "maps"):
            yield Citation(text(source, "uri"), text(source, "title"), text(source, "text"))
    for source in entries(table(candidate, "citationMetadata"), "citationSources"):
        yield Citation(text(source, "uri"), text(source, "title"), extra=source)


def _usage(usage: Json, before: Usage) -> Usage:
    """Counts so far; where a chunk tells none, as they were."""
    thought = count(usage, "thoughtsTokenCount", before.reasoning)
    said = count(usage, "candidatesTokenCount", before.output - before.reasoning)
    asked = count(usage, "promptTokenCount", before.input) + count(usage, "toolUsePromptTokenCount")
    cached = count(usage, "cachedContentTokenCount", before.cached)
    return Usage(asked, said + thought, thought, cached)
