"""The request of an OpenAI-shaped server: messages, sampling, tools."""

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pluma_tui.core.chat import ChatRequest, File, Image, Message, ToolCall, ToolResult
from pluma_tui.providers.base import Json
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


def body(request: ChatRequest, options: Mapping[str, Any]) -> Json:
    """The JSON of a streamed request. `options` go in as they are and win over everything else."""
    result: Json = {"model": request.model} if request.model else {}
    result["messages"] = list(messages(request))
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
    result |= options
    if not result["stream"]:
        result.pop("stream_options", None)
    return result


def messages(request: ChatRequest) -> Iterator[Json]:
    """The conversation, the system prompt first."""
    if request.system:
        yield {"role": "system", "content": request.system}
    for message in request.messages:
        yield from _message(message)


def _message(message: Message) -> Iterator[Json]:
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    for result in results:
        yield {"role": "tool", "tool_call_id": result.id, "content": result.text}
    if message.role == "tool" and results:
        return
    said: Json = {"role": message.role, "content": _content(message)}
    calls = [_call(part) for part in message.parts if isinstance(part, ToolCall)]
    if calls:
        said |= {"content": said["content"] or None, "tool_calls": calls}
    yield said


def _content(message: Message) -> str | list[Json]:
    """Plain text where it is only text: not every server and template takes a list."""
    files = [_file(part) for part in message.parts if isinstance(part, File)]
    text = "\n\n".join(piece for piece in (message.text, *files) if piece)
    images = [_image(part) for part in message.parts if isinstance(part, Image)]
    if not images:
        return text
    return [*([{"type": "text", "text": text}] if text else []), *images]


def _image(image: Image) -> Json:
    data = base64.b64encode(image.data).decode("ascii")
    return {"type": "image_url", "image_url": {"url": f"data:{image.media_type};base64,{data}"}}


def _file(file: File) -> str:
    """The file's name, and its text in a fence that nothing inside it can close."""
    longest = max((len(run) for run in re.findall("`{3,}", file.text)), default=2)
    fence = "`" * (longest + 1)
    newline = "" if file.text.endswith("\n") else "\n"
    return f"File {file.name}:\n{fence}\n{file.text}{newline}{fence}"


def _call(call: ToolCall) -> Json:
    # Servers read the arguments of an earlier call again: nothing at all is no JSON.
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": call.id, "type": "function", "function": function}
