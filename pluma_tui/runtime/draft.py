"""An answer while it is being written: events in, a message's fields out."""

import time
from collections.abc import Sequence
from itertools import groupby

import msgspec

from pluma_tui.core.chat import Citation, Ending, Opaque, Part, ToolCall, Usage
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
from pluma_tui.core.models import ModelInfo, Price


class Draft:
    """What has come of an answer so far. Pieces are joined only when somebody wants the whole.

    `pieces` counts the deltas, which with most servers are tokens; `began` is when the first came.
    """

    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, ToolCall] = {}
        self._opaque: list[Opaque] = []
        self._citations: list[Citation] = []
        self._asked = time.monotonic()
        self.usage: Usage | None = None
        self.ending: Ending | None = None
        self.began: float | None = None
        self.pieces = 0
        self.noticed = False

    def take(self, event: ChatEvent) -> None:
        """Add one event."""
        match event:
            case TextDelta(text):
                self._text.append(text)
            case ReasoningDelta(text):
                self._reasoning.append(text)
            case ToolCallDelta(index, call_id, name, arguments):
                old = self._calls.get(index, ToolCall("", "", ""))
                self._calls[index] = ToolCall(old.id or call_id, old.name or name, old.arguments + arguments)
            case OpaqueDelta(dialect, data):
                self._opaque.append(Opaque(dialect, data))
            case UsageUpdate(usage):
                self.usage = usage
            case Finished(ending):
                self.ending = ending
            case Notice():
                self.noticed = True
            case Citation():
                if event not in self._citations:
                    self._citations.append(event)
        if isinstance(event, TextDelta | ReasoningDelta | ToolCallDelta):
            self.pieces += 1
            self.began = self.began or time.monotonic()

    def text(self) -> str:
        """The answer so far."""
        self._text = ["".join(self._text)]
        return self._text[0]

    def reasoning(self) -> str:
        """The thinking so far."""
        self._reasoning = ["".join(self._reasoning)]
        return self._reasoning[0]

    def parts(self) -> tuple[Part, ...]:
        """Tool calls, sources, and whatever has to go back unchanged."""
        return (*self._opaque, *(call for _, call in sorted(self._calls.items())), *self._citations)

    def measured(self, model: ModelInfo | None = None) -> Usage | None:
        """The usage, with what the server did not say: times as they were seen, the rest from `model`."""
        usage = self.usage
        if usage is None:
            return None
        said: dict[str, float] = {}
        if model is not None:
            said["context"] = usage.context or model.context
            said["cost"] = usage.cost or (cost(usage, model.price) if model.price else 0.0)
        if self.began is not None:
            seconds = time.monotonic() - self.began
            said["first"] = usage.first or round(self.began - self._asked, 3)
            if usage.output > 1 and seconds:
                said["rate"] = usage.rate or round(usage.output / seconds, 2)
        return msgspec.structs.replace(usage, **said)


def cost(usage: Usage, price: Price) -> float:
    """What an exchange costs at that price, in US dollars."""
    cached = price.input if price.cached is None else price.cached
    tokens = (usage.input - usage.cached) * price.input + usage.cached * cached + usage.output * price.output
    return round(tokens / 1e6, 8)


def merged(events: Sequence[ChatEvent]) -> list[ChatEvent]:
    """Runs of text and of reasoning joined into one event each; the last usage only."""
    out: list[ChatEvent] = []
    for kind, run in groupby(events, type):
        if kind is TextDelta or kind is ReasoningDelta:
            out.append(kind("".join(event.text for event in run)))  # type: ignore[union-attr]
        elif kind is UsageUpdate:
            out.append(list(run)[-1])
        else:
            out.extend(run)
    return out
