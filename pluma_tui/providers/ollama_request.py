"""The request of Ollama's own API: messages, and which setting goes where.

Types as in the server's api/types.go: a tool call's arguments are an object, pictures bare base64.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pluma_tui.core.chat import ChatRequest, Image, Message, Sampling, ToolCall, ToolResult
from pluma_tui.providers.base import Json
from pluma_tui.providers.parts import encoded, parts, words
from pluma_tui.providers.sampling import Names, mapped

_OTHERWISE = {"repetition_penalty": "repeat_penalty", "max_tokens": "num_predict", "context_size": "num_ctx"}
SAMPLING: Names = {name: _OTHERWISE.get(name, name) for name in Sampling.__struct_fields__}

OPTIONS = {
    "think": "whether to think before the answer: true, false, or how much: low, medium, high",
    "keep_alive": 'how long the model stays in memory afterwards, such as "1h"; -1: for ever, 0: not at all',
    "format": 'the form of the answer: "json", or a JSON Schema',
    "truncate": "false: too long a conversation is an error, instead of losing its oldest messages",
    "num_gpu": "how many layers go to the graphics card",
    "num_thread": "how many threads compute",
    "num_batch": "how many tokens of the prompt are read at once",
    "repeat_last_n": "how many tokens back repetitions are looked for",
    "mirostat": "Mirostat sampling: 0 is off, else 1 or 2",
    "mirostat_tau": "Mirostat: how surprising the answer may be",
    "mirostat_eta": "Mirostat: how fast it adapts",
}
# These stand in the request itself; all others go into its table `options`, where unknown ones do no harm.
_BESIDE = ("think", "keep_alive", "format", "truncate")


def body(request: ChatRequest, options: Mapping[str, Any]) -> Json:
    """The JSON of a streamed chat request. `options` win over everything else."""
    result: Json = {"model": request.model, "messages": list(_messages(request)), "stream": True}
    if request.tools:
        result["tools"] = [{"type": "function", "function": msgspec.structs.asdict(t)} for t in request.tools]
    return result | settings(request.sampling, options)


def settings(sampling: Sampling, options: Mapping[str, Any]) -> Json:
    """Settings and options where each belongs."""
    beside = {name: value for name, value in options.items() if name in _BESIDE}
    inside = {name: value for name, value in options.items() if name not in _BESIDE}
    return {**beside, "options": mapped(sampling, SAMPLING) | inside}


def _messages(request: ChatRequest) -> Iterator[Json]:
    if request.system:
        yield {"role": "system", "content": request.system}
    tools: dict[str, str] = {}  # the id of a call -> the tool's name, by which templates tell results
    for message in request.messages:
        tools |= {call.id: call.name for call in parts(message, ToolCall)}
        results = list(parts(message, ToolResult))
        for result in results:
            named = {"tool_name": tools[result.id]} if result.id in tools else {}
            yield {"role": "tool", "content": result.text, "tool_call_id": result.id, **named}
        if message.role != "tool" or not results:
            yield _message(message)


def _message(message: Message) -> Json:
    said: Json = {"role": message.role, "content": words(message)}
    if images := [encoded(image) for image in parts(message, Image)]:
        said["images"] = images
    if calls := list(parts(message, ToolCall)):
        said["tool_calls"] = [
            {"id": call.id, "function": {"name": call.name, "arguments": _object(call.arguments)}}
            for call in calls
        ]
        said["thinking"] = message.reasoning  # the model goes on with what led it to a call
    return said


def _object(text: str) -> Json:
    """Arguments as the object that they must be; of what was cut short nothing can be said."""
    try:
        return msgspec.json.decode(text, type=Json)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
