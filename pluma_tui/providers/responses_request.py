"""The request of the Responses API: https://platform.openai.com/docs/api-reference/responses/create"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pluma_tui.core.chat import ChatRequest, Image, Message, Opaque, ToolCall, ToolResult
from pluma_tui.providers.base import Json
from pluma_tui.providers.options import option
from pluma_tui.providers.parts import encoded, parts, words
from pluma_tui.providers.reading import count, table
from pluma_tui.providers.sampling import Names, mapped

DIALECT = "openai-responses"
SAMPLING: Names = {"temperature": "temperature", "top_p": "top_p", "max_tokens": "max_output_tokens"}


def body(request: ChatRequest, options: Mapping[str, Any], server: str) -> Json:
    """The JSON of a streamed request to `server`; `options` win, or are joined with ours. Raises ConfigError.

    Unless told to `store`, the server keeps nothing, and gives us its thinking encrypted, to be sent back.
    """
    result: Json = {"model": request.model} if request.model else {}
    if request.system:
        result["instructions"] = request.system
    result |= {"stream": True, "store": False, **mapped(request.sampling, SAMPLING), **options}
    result["input"] = list(items(request, server, stored=bool(result["store"])))
    # `strict` is true where it is not said, and refuses many a JSON Schema.
    ours = [{"type": "function", "strict": False, **msgspec.structs.asdict(tool)} for tool in request.tools]
    if tools := ours + option(options, "tools", list):
        result["tools"] = tools
    if not result["store"]:
        result.setdefault("include", ["reasoning.encrypted_content"])
    thinking = [name for name in result if name in ("reasoning_effort", "reasoning_summary")]
    if told := {name.removeprefix("reasoning_"): result.pop(name) for name in thinking}:
        result["reasoning"] = option(options, "reasoning", dict) | told
    return result


def items(request: ChatRequest, server: str, *, stored: bool) -> Iterator[Json]:
    """The conversation. `stored`: the server keeps what it said, and knows it by its ids."""
    for message in request.messages:
        for result in parts(message, ToolResult):
            yield {"type": "function_call_output", "call_id": result.id, "output": result.text}
        if message.role == "assistant":
            yield from _answer(message, server, stored)
        else:
            yield from _question(message)


def _question(message: Message) -> Iterator[Json]:
    text = words(message)
    urls = (f"data:{image.media_type};base64,{encoded(image)}" for image in parts(message, Image))
    content = [{"type": "input_text", "text": text}] if text else []
    if content := content + [{"type": "input_image", "image_url": url, "detail": "auto"} for url in urls]:
        role = "system" if message.role == "system" else "user"
        yield {"type": "message", "role": role, "content": content}


def _answer(message: Message, server: str, stored: bool) -> Iterator[Json]:
    """Text and calls, and between them, where it was, what the same server wants back unchanged."""
    text, calls = message.text, list(parts(message, ToolCall))
    kept = [p.data for p in parts(message, Opaque) if p.dialect == DIALECT and p.data.get("server") == server]
    said = called = 0
    for data in (*kept, {"text": len(text), "calls": len(calls)}):
        at, before = max(said, count(data, "text")), max(called, count(data, "calls"))
        if text[said:at]:
            content = [{"type": "output_text", "text": text[said:at]}]
            yield {"type": "message", "role": "assistant", "content": content}
        for call in calls[called:before]:
            asked = {"call_id": call.id, "name": call.name, "arguments": call.arguments or "{}"}
            yield {"type": "function_call", **asked}
        said, called, item = at, before, table(data, "item")
        # Thinking is refused if nothing follows it, and where only an id of it is left that nobody knows.
        usable = stored or item.get("encrypted_content") or item.get("content")
        followed = said < len(text) or called < len(calls)
        if item and (item.get("type") != "reasoning" or (usable and followed)):
            yield item
