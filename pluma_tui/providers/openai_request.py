"""The request of an OpenAI-shaped server: messages, sampling, tools."""

from collections.abc import Iterator, Mapping
from typing import Any

from pluma_tui.core.chat import ChatRequest, Image, Message, ToolCall, ToolResult
from pluma_tui.providers.base import Json
from pluma_tui.providers.parts import encoded, parts, words
from pluma_tui.providers.sampling import Names, mapped

# Our name -> theirs. The repetition penalty goes by one name in llama.cpp and LM Studio, by the other in
# vLLM, mlx_lm and text-generation-webui, and each passes over the one it does not know.
# `context_size` has no name here: in this shape the server alone decides it.
SAMPLING: Names = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "typical_p": "typical_p",
    "repetition_penalty": ("repeat_penalty", "repetition_penalty"),
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "max_tokens": "max_tokens",
    "seed": "seed",
    "stop": "stop",
}


NAMES = {name for names in SAMPLING.values() for name in ((names,) if isinstance(names, str) else names)}
"""All settings under the names of this shape."""


def body(request: ChatRequest, options: Mapping[str, Any], *, system: str = "system") -> Json:
    """The JSON of a streamed request. `options` go in as they are and win over everything else.

    `system` is the role that the system prompt has.
    """
    result: Json = {"model": request.model} if request.model else {}
    result["messages"] = list(messages(request, system))
    result |= {"stream": True, "stream_options": {"include_usage": True}}
    result |= mapped(request.sampling, SAMPLING)
    if request.tools:
        result["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters,
                },
            }
            for tool in request.tools
        ]
    result |= {name: value for name, value in options.items() if name != "flavour"}
    if not result["stream"]:
        result.pop("stream_options", None)
    return result


def messages(request: ChatRequest, system: str = "system") -> Iterator[Json]:
    """The conversation, the system prompt first."""
    if request.system:
        yield {"role": system, "content": request.system}
    for message in request.messages:
        yield from _message(message)


def _message(message: Message) -> Iterator[Json]:
    results = list(parts(message, ToolResult))
    for result in results:
        yield {"role": "tool", "tool_call_id": result.id, "content": result.text}
    if message.role == "tool" and results:
        return
    said: Json = {"role": message.role, "content": _content(message)}
    calls = [_call(part) for part in parts(message, ToolCall)]
    if calls:
        said |= {"content": said["content"] or None, "tool_calls": calls}
    yield said


def _content(message: Message) -> str | list[Json]:
    """Plain text where it is only text: not every server and template takes a list."""
    text = words(message)
    images = [_image(part) for part in parts(message, Image)]
    if not images:
        return text
    return [*([{"type": "text", "text": text}] if text else []), *images]


def _image(image: Image) -> Json:
    return {"type": "image_url", "image_url": {"url": f"data:{image.media_type};base64,{encoded(image)}"}}


def _call(call: ToolCall) -> Json:
    # Servers read the arguments of an earlier call again: nothing at all is no JSON.
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": call.id, "type": "function", "function": function}
