"""CPU per token of each chat provider over a bare httpx-sse loop, in microseconds.

python benchmarks/provider_tokens.py [TOKENS]
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
from httpx_sse import EventSource

from pluma_tui.core.chat import ChatRequest, Message
from pluma_tui.core.events import TextDelta
from pluma_tui.core.profile import ConnectionProfile, SecretRef
from pluma_tui.providers import registry
from pluma_tui.transport.http import ClientPool

LIMIT = 120  # microseconds that a token may cost
REQUEST = ChatRequest(model="m", messages=(Message(role="user", text="hi"),))
SSE, NDJSON = "text/event-stream", "application/x-ndjson"


def sse(*documents: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(document).encode() + b"\n\n" for document in documents)


def openai(tokens: int) -> list[bytes]:
    common = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    word = {**common, "choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}]}
    end = {**common, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return [sse(word)] * tokens + [sse(end), b"data: [DONE]\n\n"]


def anthropic(tokens: int) -> list[bytes]:
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    delta = {"type": "text_delta", "text": "word "}
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 1}}}
    stop = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}
    word = sse({"type": "content_block_delta", "index": 0, "delta": delta})
    end = sse({"type": "content_block_stop", "index": 0}, stop, {"type": "message_stop"})
    return [sse(start, block), *[word] * tokens, end]


def responses(tokens: int) -> list[bytes]:
    word = {"type": "response.output_text.delta", "item_id": "i", "content_index": 0, "delta": "word "}
    end = {"type": "response.completed", "response": {"status": "completed", "output": [], "usage": {}}}
    return [sse(word)] * tokens + [sse(end)]


def gemini(tokens: int) -> list[bytes]:
    content = {"parts": [{"text": "word "}], "role": "model"}
    word = {"candidates": [{"content": content, "index": 0}], "usageMetadata": {"totalTokenCount": 3}}
    end = {"candidates": [{"content": content, "finishReason": "STOP", "index": 0}]}
    return [sse(word)] * tokens + [sse(end)]


def ollama(tokens: int) -> list[bytes]:
    message = {"role": "assistant", "content": "word "}
    word = {"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": False}
    end = {**word, "done": True, "done_reason": "stop"}
    return [json.dumps(word).encode() + b"\n"] * tokens + [json.dumps(end).encode() + b"\n"]


def koboldcpp(tokens: int) -> list[bytes]:
    word, end = {"token": "word ", "finish_reason": None}, {"token": "", "finish_reason": "stop"}
    return [b"event: message\n" + sse(word)] * tokens + [b"event: message\n" + sse(end)]


WIRES: dict[str, tuple[Callable[[int], list[bytes]], str]] = {
    "openai": (openai, SSE),
    "llamacpp": (openai, SSE),
    "openai-responses": (responses, SSE),
    "anthropic": (anthropic, SSE),
    "gemini": (gemini, SSE),
    "ollama": (ollama, NDJSON),
    "koboldcpp": (koboldcpp, SSE),
}


class Body(httpx.AsyncByteStream):
    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


async def bare(pieces: list[bytes]) -> float:
    """CPU seconds of reading the events with httpx-sse and decoding none of them."""
    response = httpx.Response(200, headers={"content-type": SSE}, stream=Body(pieces))
    began = time.process_time()
    async for _ in EventSource(response).aiter_sse():
        pass
    return time.process_time() - began


async def ours(compat: str, pieces: list[bytes], kind: str, tokens: int) -> float:
    """CPU seconds of the provider for the same."""

    def answer(request: httpx.Request) -> httpx.Response:
        body = pieces if "stream" in str(request.url) or b"model" in request.content else [b"{}"]
        return httpx.Response(200, headers={"content-type": kind}, stream=Body(body))

    async def secret(_: SecretRef, *, newer_than: float = 0.0) -> str:
        return ""

    plugin = registry.load(compat)
    profile = ConnectionProfile(compat=compat, base_url="http://localhost:9", model="m")
    pool = ClientPool(transport=httpx.MockTransport(answer))
    client = pool.client(profile, secret=secret, default_path=plugin.default_path)
    provider = plugin.factory(profile, client)
    seen = 0
    began = time.process_time()
    async for event in provider.stream(REQUEST):
        seen += isinstance(event, TextDelta)
    took = time.process_time() - began
    assert seen >= tokens, f"{compat}: {seen} of {tokens} tokens"
    return took


async def main() -> int:
    tokens = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    worst = 0.0
    for compat, (make, kind) in WIRES.items():
        pieces = make(tokens)
        loop = min([await bare(openai(tokens)) for _ in range(3)])
        took = min([await ours(compat, pieces, kind, tokens) for _ in range(3)])
        cost = (took - loop) / tokens * 1e6
        worst = max(worst, cost)
        print(f"{compat:18} {cost:6.1f} µs a token over a bare loop's {loop / tokens * 1e6:.1f}")
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
