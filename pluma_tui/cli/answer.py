"""The two forms in which an answer is printed: plain text, and one JSON object a line."""

import os
import signal
import sys
from typing import Any

import msgspec

from pluma_tui.cli import output, session
from pluma_tui.core.chat import ToolCall
from pluma_tui.core.events import (
    ChatEvent,
    Finished,
    Notice,
    OpaqueDelta,
    TextDelta,
    ToolCallDelta,
    UsageUpdate,
)
from pluma_tui.core.text import Cleaner
from pluma_tui.runtime.turn import Turn

_ENDINGS = {
    "length": "the answer was cut off at the limit of tokens.",
    "refused": "the model refused to answer.",
    "tool_calls": "the model asks for a tool; --json shows the call.",
}


class Plain:
    """The answer and nothing else on stdout; what there is to tell on stderr."""

    def __init__(self, streaming: bool) -> None:
        self._streaming = streaming
        self._cleaner = Cleaner() if sys.stdout.isatty() else None
        self._held: list[str] = []
        self._last = ""

    def show(self, event: ChatEvent, turn: Turn) -> None:
        """Print one event."""
        match event:
            case TextDelta(text) if self._streaming:
                self._write(text)
            case TextDelta(text):
                self._held.append(text)
            case Notice(message):
                output.say(f"pluma: {message}")
            case Finished(ending):
                self._finish()
                if words := _ENDINGS.get(ending):
                    output.say(f"pluma: {words}")
                elif ending == "complete" and not self._last:
                    output.say("pluma: the answer is empty.")

    def _finish(self) -> None:
        """Print what was held back, and end the line: what is told stands on one of its own."""
        self._write("".join(self._held))
        if self._cleaner is not None:
            rest, self._cleaner = self._cleaner.flush(), None
            self._write(rest)
        if self._last not in ("", "\n"):
            output.write("\n")

    def _write(self, text: str) -> None:
        if self._cleaner is not None:
            text = self._cleaner.feed(text)
        if text:
            self._last = text[-1]
            output.write(text)


class Json:
    """One event an object a line, the last one `finished` (or the error object)."""

    def __init__(self, unsaved: bool) -> None:
        self._unsaved = unsaved
        self._usage: UsageUpdate | None = None

    def show(self, event: ChatEvent, turn: Turn) -> None:
        """Print one event."""
        match event:
            case UsageUpdate():
                self._usage = event
            case ToolCallDelta() | OpaqueDelta():
                pass
            case Finished(ending):
                self._before_the_end(turn)
                if turn.error is None:
                    conversation = "" if self._unsaved else turn.conversation.id
                    message = "" if self._unsaved else turn.id
                    output.record(
                        {
                            "type": "finished",
                            "ending": ending,
                            "conversation": conversation,
                            "message": message,
                        }
                    )
            case _:
                output.record(msgspec.to_builtins(event))

    def _before_the_end(self, turn: Turn) -> None:
        for part in turn.draft.parts():
            if isinstance(part, ToolCall):
                output.record(_tool_call(part))
        if self._usage is not None:
            usage = self._usage.usage
            output.record(
                {
                    "type": "usage",
                    "input": usage.input,
                    "output": usage.output,
                    "reasoning": usage.reasoning,
                    "cached": usage.cached,
                    **{name: value for name, value in _seen(turn).items() if value},
                }
            )


def _seen(turn: Turn) -> dict[str, float]:
    """The figures that not every server knows; `first` is in seconds, `rate` in tokens a second."""
    usage = turn.usage
    if usage is None:
        return {}
    return {"rate": usage.rate, "first": usage.first, "context": usage.context, "cost": usage.cost}


def _tool_call(call: ToolCall) -> dict[str, Any]:
    """The arguments as an object, or as text if they are no whole JSON object."""
    row: dict[str, Any] = {"type": "tool_call", "id": call.id, "name": call.name}
    try:
        row["arguments"] = msgspec.json.decode(call.arguments or "{}", type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError):
        row["arguments_text"] = call.arguments
    return row


async def follow(turn: Turn, face: Plain | Json) -> int:
    """Print what comes; returns the exit code. A signal stops the answer, and what came is kept."""
    caught: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        if caught:
            os._exit(128 + number)  # asked twice: what came is stored at most half a second ago
        caught.append(number)
        turn.stop()

    with session.on_signals(stop):
        async for batch in turn.listen():
            for event in batch:
                face.show(event, turn)
        await turn.wait()
    if turn.error is not None:
        output.failure(turn.error, as_json=isinstance(face, Json))
        return turn.error.exit_code
    return 128 + caught[0] if caught else 0
