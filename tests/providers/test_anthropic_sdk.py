"""Anthropic's own SDK reads the same bytes, and comes to the same answer."""

import json
from typing import Any

import pytest

from pluma_tui.core.chat import Usage
from pluma_tui.core.errors import Overloaded
from pluma_tui.core.events import Finished, OpaqueDelta, UsageUpdate
from pluma_tui.providers.anthropic_request import arguments
from pluma_tui.transport.http import ClientPool
from tests.conftest import DATA
from tests.providers.feeding import KEY, Outcome, listen, make_provider
from tests.servers.replay import answer, replay

SDK = "Anthropic's SDK reads along: pip install anthropic"
ENDINGS = {
    "end_turn": "complete",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "refusal": "refused",
}  # fmt: skip


async def both(name: str) -> tuple[Outcome, Any]:
    """What we make of a recording, and the message that the SDK makes of it."""
    anthropic = pytest.importorskip("anthropic", reason=SDK)
    async with replay(answer((DATA / "chat" / name).read_bytes())) as server:
        pool = ClientPool()
        ours = await listen(make_provider("anthropic", server.url, pool))
        await pool.aclose()
        client = anthropic.AsyncAnthropic(base_url=server.url, api_key=KEY, max_retries=0)
        question: Any = {"role": "user", "content": "hi"}
        async with client, client.messages.stream(model="m", max_tokens=9, messages=[question]) as stream:
            theirs = await stream.get_final_message()
    assert server.requests[0].path == server.requests[1].path == "/v1/messages"
    return ours, theirs


@pytest.mark.parametrize(
    "name",
    [
        "micro-anth-think.sse",
        "micro-anth-tool.sse",
        "synthetic-anthropic-cut.sse",
        "synthetic-anthropic-litellm.sse",
        "synthetic-anthropic-refusal.sse",
        "synthetic-anthropic-search.sse",
        "synthetic-anthropic-text.sse",
        "synthetic-anthropic-thinking.sse",
    ],
)
async def test_the_sdk_comes_to_the_same_answer(name: str) -> None:
    ours, message = await both(name)
    blocks = message.content
    assert ours.error is None
    assert ours.text == "".join(block.text for block in blocks if block.type == "text")
    assert ours.reasoning == "\n\n".join(block.thinking for block in blocks if block.type == "thinking")
    if "cut" not in name:  # the SDK completes what was cut
        calls = [(block.id, block.name, block.input) for block in blocks if block.type == "tool_use"]
        assert [(id_, name, arguments(given)) for id_, name, given in ours.calls] == calls
    assert ours.events[-1] == Finished(ENDINGS[message.stop_reason])  # type: ignore[arg-type]
    kept = [event.data["block"] for event in ours.events if isinstance(event, OpaqueDelta)]
    theirs = [json.loads(block.model_dump_json(exclude_unset=True)) for block in blocks]
    assert kept == [block for block in theirs if block["type"] not in ("text", "tool_use") and signed(block)]
    usage = [event.usage for event in ours.events if isinstance(event, UsageUpdate)][-1]
    assert usage == counted(message.usage)


def signed(block: dict[str, Any]) -> bool:
    return block["type"] != "thinking" or bool(block.get("signature"))


def counted(usage: Any) -> Usage:
    cached, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    thought = usage.output_tokens_details.thinking_tokens if usage.output_tokens_details else 0
    fresh = usage.input_tokens
    return Usage(input=fresh + cached + written, output=usage.output_tokens, reasoning=thought, cached=cached)


async def test_the_sdk_raises_for_the_error_that_we_tell() -> None:
    anthropic = pytest.importorskip("anthropic", reason=SDK)
    body = (DATA / "chat" / "synthetic-anthropic-overloaded.sse").read_bytes()
    async with replay(answer(body)) as server:
        pool = ClientPool()
        ours = await listen(make_provider("anthropic", server.url, pool))
        await pool.aclose()
        client = anthropic.AsyncAnthropic(base_url=server.url, api_key=KEY, max_retries=0)
        stream = client.messages.stream(model="m", max_tokens=9, messages=[])
        with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
            async with client, stream as events:
                await events.get_final_message()
    assert isinstance(ours.error, Overloaded)
