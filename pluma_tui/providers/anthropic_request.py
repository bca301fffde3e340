"""The request of Anthropic's Messages API: https://platform.claude.com/docs/en/api/messages/create"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pluma_tui.core.chat import ChatRequest, Image, Message, Opaque, Tool, ToolCall, ToolResult
from pluma_tui.core.errors import ConfigError
from pluma_tui.providers.base import Json
from pluma_tui.providers.options import option
from pluma_tui.providers.parts import encoded, parts, words
from pluma_tui.providers.reading import count, table, text
from pluma_tui.providers.sampling import Names, mapped

DIALECT = "anthropic"
_SAME = {name: name for name in ("temperature", "top_p", "top_k", "max_tokens")}
SAMPLING: Names = {**_SAME, "stop": "stop_sequences"}
_MAX_TOKENS = 16384  # the API wants a limit; a model that gives less says so, and is asked again
_REFUSED = "(?i)not permitted|not supported|unsupported|deprecated|may only|cannot both|unset|extra"


def body(request: ChatRequest, options: Mapping[str, Any]) -> Json:
    """The JSON of a request; options without a meaning here go in as they are and win. Raises ConfigError."""
    rest = {**options, "thinking": _thinking(options.get("thinking"))}
    rest["tools"] = [*map(_tool, request.tools), *option(options, "tools", list)]
    cache, replay = rest.pop("cache", True), rest.pop("replay", True)
    system = (request.system, *(message.text for message in request.messages if message.role == "system"))
    result: Json = {
        "model": request.model,
        "max_tokens": _MAX_TOKENS + count(rest["thinking"], "budget_tokens"),
        "system": _text("\n\n".join(piece for piece in system if piece.strip())),
        "messages": turns(request.messages, replay is not False),
        "stream": True,
    }
    if cache is not False:
        # The server keeps what it has read up to a mark: the system prompt, and the last two questions.
        mark = {"type": "ephemeral"} | ({"ttl": cache} if isinstance(cache, str) else {})
        questions = [turn["content"] for turn in result["messages"] if turn["role"] == "user"]
        for blocks in (result["system"], *questions[-2:]):
            blocks[-1:] = [{**block, "cache_control": mark} for block in blocks[-1:]]
    result |= mapped(request.sampling, SAMPLING) | rest
    return {name: value for name, value in result.items() if value not in ("", [], {})}


def adapt(wanted: Json, said: str) -> list[str] | None:
    """Change `wanted` so that a server that refused it with `said` may take it; see `asking.Adapt`."""
    limit = re.search(r"max_tokens: \d+ > (\d+)", said)
    if limit and int(limit[1]) < count(wanted, "max_tokens"):
        wanted["max_tokens"] = int(limit[1])
        return [f"max_tokens over {limit[1]}"]
    for name in ("top_k", "top_p", "temperature", "thinking") if re.search(_REFUSED, said) else ():
        if name in said and name in wanted:
            del wanted[name]
            return [name]
    if "cache_control" in said:
        lists = [wanted.get("system", []), *(turn["content"] for turn in wanted["messages"])]
        marked = [block for blocks in lists for block in blocks if "cache_control" in block]
        for block in marked:
            del block["cache_control"]
        return ["cache_control"] if marked else None
    return None


def turns(messages: Iterable[Message], replay: bool) -> list[Json]:
    """User and assistant by turns, a user first, and each call followed by its result."""
    result: list[Json] = []
    for message in messages:
        role = "assistant" if message.role == "assistant" else "user"
        blocks = list(_answer(message, replay) if role == "assistant" else _question(message))
        if result and result[-1]["role"] == role:
            result[-1]["content"] += blocks
        elif blocks:
            result.append({"role": role, "content": blocks})
    made = list(_paired(result))
    begun = made and made[0]["role"] == "assistant"
    return [{"role": "user", "content": _text("(The conversation begins.)")}, *made] if begun else made


def _paired(conversation: list[Json]) -> Iterator[Json]:
    """Results first in the turn after their calls; one is made up for a call that was never carried out."""
    asked: list[str] = []
    for turn in [*conversation, {"role": "user", "content": []}]:
        blocks: list[Json] = turn["content"]
        if turn["role"] == "user":
            given = {block["tool_use_id"]: block for block in blocks if block["type"] == "tool_result"}
            missing = {"type": "tool_result", "content": "This was not carried out.", "is_error": True}
            results = [given.get(id_) or {**missing, "tool_use_id": id_} for id_ in asked]
            blocks = [*results, *(block for block in blocks if block["type"] != "tool_result")]
        asked = [block["id"] for block in blocks if block["type"] == "tool_use"]
        if blocks:
            yield {"role": turn["role"], "content": blocks}


def _question(message: Message) -> Iterator[Json]:
    for result in parts(message, ToolResult):
        about = {"tool_use_id": _id(result.id), "is_error": result.error}
        yield {"type": "tool_result", **about, "content": result.text}
    for image in parts(message, Image):
        source = {"type": "base64", "media_type": image.media_type, "data": encoded(image)}
        yield {"type": "image", "source": source}
    if message.role == "user":
        yield from _text(words(message))


def _answer(message: Message, replay: bool) -> Iterator[Json]:
    """The blocks in their old order: what was kept says after how much text and how many calls it stood."""
    said = words(message)
    calls = [
        {"type": "tool_use", "id": _id(call.id), "name": call.name, "input": arguments(call.arguments)}
        for call in parts(message, ToolCall)
    ]
    kept = [part.data for part in parts(message, Opaque) if part.dialect == DIALECT and replay]
    answered = {text(table(data, "block"), "tool_use_id") for data in kept}
    at = done = 0
    for data in sorted(kept, key=lambda data: (count(data, "at"), count(data, "calls"))):
        block = table(data, "block")
        if text(block, "type").endswith("tool_use") and text(block, "id") not in answered:
            continue  # the server's own call, cut off before its result: refused
        place, before = max(count(data, "at"), at), max(count(data, "calls"), done)
        yield from (*_text(said[at:place]), *calls[done:before], block)
        at, done = place, before
    yield from (*_text(said[at:]), *calls[done:])


def _text(words: str) -> list[Json]:
    return [{"type": "text", "text": words}] if words.strip() else []  # blanks are refused


def _id(id_: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_-]", "_", id_) or "call"  # other servers' ids may hold what is refused here


def arguments(written: str) -> Json:
    """The arguments of a call; none where they were cut short."""
    try:
        value = json.loads(written)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _tool(tool: Tool) -> Json:
    about = {"description": tool.description} if tool.description else {}
    return {"name": tool.name, **about, "input_schema": {"type": "object", **tool.parameters}}


def _thinking(value: Any) -> Json:
    if value is None or isinstance(value, dict):
        return value or {}
    if value is True or value == "adaptive":
        return {"type": "adaptive", "display": "summarized"}  # newer models hide it unless asked
    if isinstance(value, int) and value >= 0:
        return {"type": "enabled", "budget_tokens": value} if value else {"type": "disabled"}
    raise ConfigError('thinking is a number, "adaptive", true, false or a table', key="options.thinking")
