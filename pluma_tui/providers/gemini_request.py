"""The request of Gemini's API: https://ai.google.dev/api/generate-content"""

from collections.abc import Iterator, Mapping
from typing import Any

from pluma_tui.core.chat import ChatRequest, Image, Message, Opaque, Tool, ToolCall, ToolResult
from pluma_tui.core.errors import ConfigError
from pluma_tui.providers.base import Json
from pluma_tui.providers.options import option
from pluma_tui.providers.parts import encoded, parts, words
from pluma_tui.providers.reading import count
from pluma_tui.providers.sampling import Names, mapped
from pluma_tui.transport.json import read_json

DIALECT = "gemini"
SAMPLING: Names = {
    "temperature": "temperature", "top_p": "topP", "top_k": "topK", "seed": "seed", "stop": "stopSequences",
    "frequency_penalty": "frequencyPenalty", "presence_penalty": "presencePenalty",
    "max_tokens": "maxOutputTokens",
}  # fmt: skip


def body(request: ChatRequest, options: Mapping[str, Any]) -> Json:
    """The JSON of a request; `options` win, or are joined with ours. Raises ConfigError."""
    result: Json = {"contents": contents(request)}
    systems = [request.system, *(message.text for message in request.messages if message.role == "system")]
    if system := "\n\n".join(filter(None, systems)):
        result["systemInstruction"] = {"parts": [{"text": system}]}
    result |= {name: value for name, value in options.items() if name != "thinking"}
    settings = {"thinkingConfig": _thinking(options.get("thinking", True))}
    settings |= mapped(request.sampling, SAMPLING)
    result["generationConfig"] = settings | option(options, "generationConfig", dict)
    ours = [{"functionDeclarations": [_function(tool) for tool in request.tools]}] if request.tools else []
    if tools := ours + option(options, "tools", list):
        result["tools"] = tools
    return result


def _function(tool: Tool) -> Json:
    return {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters}


def contents(request: ChatRequest) -> list[Json]:
    """The conversation; what one side says in a row is one turn, for turns must alternate."""
    names: dict[str, str] = {}
    turns: list[Json] = []
    for message in request.messages:
        names |= {call.id: call.name for call in parts(message, ToolCall)}
        role = "model" if message.role == "assistant" else "user"
        said = list(_answer(message) if role == "model" else _question(message, names))
        if turns and turns[-1]["role"] == role:
            turns[-1]["parts"] += said
        elif said:
            turns.append({"role": role, "parts": said})
    return turns


def _thinking(wanted: Any) -> Json:
    """Thoughts, unless there are to be none: true or false, a budget in tokens, a level, or a table."""
    if not wanted:
        return {"thinkingBudget": 0}
    kinds = {bool: {}, int: {"thinkingBudget": wanted}, str: {"thinkingLevel": wanted}, dict: wanted}
    if type(wanted) not in kinds:
        what = "true, false, a number of tokens, a level or a table"
        raise ConfigError(f"options.thinking must be {what}", key="options.thinking")
    return {"includeThoughts": True, **kinds[type(wanted)]}


def _question(message: Message, names: Mapping[str, str]) -> Iterator[Json]:
    for result in parts(message, ToolResult):
        response = {"error" if result.error else "result": result.text}
        yield {"functionResponse": {"id": result.id, "name": names.get(result.id, ""), "response": response}}
    text = words(message)
    if text and message.role != "system":  # which stands in systemInstruction
        yield {"text": text}
    for image in parts(message, Image):
        yield {"inlineData": {"mimeType": image.media_type, "data": encoded(image)}}


def _answer(message: Message) -> Iterator[Json]:
    """Text and calls, signed as they were: a signature belongs to its own part."""
    text, said = message.text, 0
    kept = [part.data for part in parts(message, Opaque) if part.dialect == DIALECT]
    for data in (*kept, {"start": len(text)}):
        if "start" in data:
            start, end = max(said, count(data, "start")), count(data, "end")
            if text[said:start]:
                yield {"text": text[said:start]}
            if "thoughtSignature" in data:
                yield {"text": text[start:end], "thoughtSignature": data["thoughtSignature"]}
            said = max(start, end)
    signed = {data["call"]: data["thoughtSignature"] for data in kept if "call" in data}
    for index, call in enumerate(parts(message, ToolCall)):
        function = {"id": call.id, "name": call.name, "args": _arguments(call.arguments)}
        signature = {"thoughtSignature": signed[index]} if index in signed else {}
        yield {"functionCall": function, **signature}


def _arguments(text: str) -> Json:
    """The object that they are; an empty one for a call that was cut short."""
    try:
        value = read_json(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
