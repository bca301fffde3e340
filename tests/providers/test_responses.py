"""What the Responses API answers, by bytes that llama.cpp sent and by events as OpenAI documents them."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluma_tui.core.chat import Citation, Ending, Usage
from pluma_tui.core.errors import BrokenStream, ProviderError, RateLimited, Refused, Unauthorized
from pluma_tui.core.events import Finished, Notice, OpaqueDelta, ReasoningDelta, TextDelta, UsageUpdate
from pluma_tui.providers.responses_stream import ResponseReader
from tests.conftest import DATA
from tests.providers.feeding import Fed, Outcome, listen, response

SERVER = "http://localhost:9/v1"


async def play(body: bytes, *, kind: str = "text/event-stream", status: int = 200) -> Outcome:
    return await listen(Fed(lambda _: response(body, kind=kind, status=status)).provider("openai-responses"))


async def recorded(name: str) -> Outcome:
    return await play((DATA / "chat" / f"{name}.sse").read_bytes())


def event(kind: str, **fields: Any) -> bytes:
    return f"data: {json.dumps({'type': f'response.{kind}', **fields})}\n\n".encode()


def ending(outcome: Outcome) -> Ending:
    assert outcome.error is None
    last = outcome.events[-1]
    assert isinstance(last, Finished)
    return last.ending


def usage(outcome: Outcome) -> Usage:
    [update] = [event for event in outcome.events if isinstance(event, UsageUpdate)]
    return update.usage


@pytest.mark.parametrize(
    ("name", "text", "reasoning", "end"),
    [
        ("micro-resp-text", "Hello from a tiny scripted model.", "", "complete"),
        ("micro-resp-think", "Answer: **42**", "Let me think; 6*7 = 42\n", "complete"),
        ("micro-resp-unicode", "Café 🎉 日本 \u2028sep ال", "", "complete"),
        # llama.cpp does not say that it was cut.
        ("micro-resp-length", "ping pong w0 w1 w2", "", "complete"),
        ("synthetic-responses-text", "Hello, a\u2028b 🎉 日本", "", "complete"),
        ("synthetic-responses-think", "42", "**Thinking** first\n\nthen more", "complete"),
        ("synthetic-responses-filtered", "Well, ", "", "refused"),
        ("synthetic-responses-refusal", "I'm sorry, I cannot.", "", "refused"),
    ],
)
async def test_text_thinking_and_ending_are_told_apart(
    name: str, text: str, reasoning: str, end: Ending
) -> None:
    outcome = await recorded(name)
    assert (outcome.text, outcome.reasoning, ending(outcome)) == (text, reasoning, end)


async def test_counts_are_read_with_what_was_cached_and_thought() -> None:
    assert usage(await recorded("synthetic-responses-think")) == Usage(31, 70, reasoning=64, cached=16)


async def test_llamacpp_tells_its_speed() -> None:
    counted = usage(await recorded("micro-resp-think"))
    assert (counted.input, counted.output, counted.cached) == (25, 11, 6)
    assert counted.rate > 0


async def test_calls_come_in_fragments_two_at_once() -> None:
    outcome = await recorded("synthetic-responses-tools")
    assert outcome.calls == [
        ("call_2", "get_weather", '{"city": "Paris"}'),
        ("call_4", "get_weather", '{"city": "Rome"}'),
    ]
    assert ending(outcome) == "tool_calls"


async def test_llamacpps_calls_are_known_by_their_ids_alone() -> None:
    outcome = await recorded("micro-resp-tool")
    [(id_, name, arguments)] = outcome.calls
    assert (id_[:5], name, arguments) == ("call_", "get_weather", '{"city": "Paris"}')
    assert ending(outcome) == "tool_calls"


async def test_a_call_that_is_cut_stays_as_it_came() -> None:
    outcome = await recorded("synthetic-responses-length")
    assert outcome.calls == [("call_0", "get_weather", '{"city" : "Par')]
    assert ending(outcome) == "length"


async def test_thinking_is_kept_whole_with_its_place_in_the_answer() -> None:
    outcome = await recorded("synthetic-responses-tools")
    kept = [event.data for event in outcome.events if isinstance(event, OpaqueDelta)]
    assert [(data["text"], data["calls"], data["server"]) for data in kept] == [
        (0, 0, SERVER),
        (12, 1, SERVER),
    ]
    assert kept[0]["item"] == {
        "id": "rs_0",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "Two cities"}],
        "encrypted_content": "gAAAAABencrypted",
    }


async def test_llamacpps_thinking_stands_before_the_text_that_it_ends_after() -> None:
    [kept] = [
        event for event in (await recorded("micro-resp-think")).events if isinstance(event, OpaqueDelta)
    ]
    assert (kept.data["text"], kept.data["calls"]) == (0, 0)


async def test_sources_are_told_with_their_titles() -> None:
    outcome = await recorded("synthetic-responses-sources")
    sources = [event for event in outcome.events if isinstance(event, Citation)]
    assert {(source.url, source.title) for source in sources} == {
        ("https://example.org/llamas", "Llamas"),
        ("", "notes.md"),
    }
    assert sources[0].extra["end_index"] == 11


async def test_a_picture_that_is_made_is_told() -> None:
    item = {"id": "ig_0", "type": "image_generation_call", "result": "aGVsbG8="}
    outcome = await play(
        event("output_item.done", output_index=0, item=item) + event("completed", response={})
    )
    assert [type(event) for event in outcome.events] == [Notice, Finished]


# Errors


async def test_a_failure_is_an_error_and_what_came_is_kept() -> None:
    outcome = await recorded("synthetic-responses-failed")
    assert outcome.text == "Half an"
    assert isinstance(outcome.error, Refused)
    assert "The server had an error" in str(outcome.error)


@pytest.mark.parametrize(
    ("failed", "words"), [({"error": None}, "the answer failed"), ({}, "the answer failed")]
)
async def test_a_failure_without_words_is_an_error_too(failed: dict[str, Any], words: str) -> None:
    outcome = await play(event("failed", response=failed))
    assert isinstance(outcome.error, Refused)
    assert words in str(outcome.error)


async def test_an_error_event_is_the_error_that_its_code_says() -> None:
    assert isinstance((await recorded("synthetic-responses-error")).error, RateLimited)


async def test_an_error_event_may_hold_its_error_in_a_table() -> None:
    nested = {"type": "error", "error": {"type": "authentication_error", "message": "no such key"}}
    assert isinstance((await play(f"data: {json.dumps(nested)}\n\n".encode())).error, Unauthorized)


async def test_an_end_without_a_last_event_is_a_broken_stream() -> None:
    body = (DATA / "chat" / "micro-resp-text.sse").read_bytes().partition(b"event: response.completed")[0]
    outcome = await play(body)
    assert outcome.text == "Hello from a tiny scripted model."
    assert isinstance(outcome.error, BrokenStream)


@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n"])
async def test_an_answer_ends_with_and_without_done(end: bytes) -> None:
    body = (DATA / "chat" / "micro-resp-text.sse").read_bytes() + end
    assert ending(await play(body)) == "complete"


# Servers that say less


async def test_an_item_that_comes_only_whole_is_read() -> None:
    items = [
        {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}]},
        {"type": "message", "content": [{"type": "output_text", "text": "a"}]},
        {"type": "message", "content": [{"type": "refusal", "refusal": "b"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    ]
    done = [event("output_item.done", output_index=place, item=item) for place, item in enumerate(items)]
    outcome = await play(b"".join(done) + event("completed", response={}))
    assert (outcome.reasoning, outcome.text, outcome.calls) == ("hm", "ab", [("c", "f", "{}")])
    assert ending(outcome) == "refused"


@pytest.mark.parametrize("kind", ["text/event-stream", "application/json"])
async def test_a_response_that_comes_whole_is_read(kind: str) -> None:
    whole = {
        "object": "response",
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
        "output": [{"type": "message", "content": [{"type": "output_text", "text": "Half"}]}],
        "usage": {"input_tokens": 3, "output_tokens": 1},
    }
    body = json.dumps(whole).encode()
    outcome = await play(body if "json" in kind else b"data: " + body + b"\n\n", kind=kind)
    assert (outcome.text, ending(outcome), usage(outcome)) == ("Half", "length", Usage(3, 1))


async def test_another_document_than_a_response_is_no_answer() -> None:
    assert isinstance((await play(b'{"hello": 1}', kind="application/json")).error, BrokenStream)


async def test_arguments_that_nobody_announced_come_when_the_call_is_done() -> None:
    item = {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"x": 1}'}
    outcome = await play(
        event("function_call_arguments.delta", output_index=0, delta='{"x"')
        + event("output_item.done", output_index=0, item=item)
        + event("completed", response={})
    )
    assert outcome.calls == [("c", "f", '{"x": 1}')]


async def test_thinking_that_a_local_server_leaves_in_the_text_is_found() -> None:
    outcome = await play(
        event("output_text.delta", delta="<think>hm</think>yes") + event("completed", response={})
    )
    assert (outcome.reasoning, outcome.text) == ("hm", "yes")


async def test_events_of_unknown_kinds_are_passed_over() -> None:
    outcome = await play(
        event("queued", response={})
        + event("web_search_call.searching", output_index=0)
        + b'data: {"type": "keepalive", "sequence_number": 3}\n\n'
        + event("output_text.delta", output_index=0, delta="a")
        + event("completed", response={"status": "completed"})
    )
    assert outcome.events == [TextDelta("a"), Finished("complete")]


_KINDS = [
    "response.output_text.delta", "response.refusal.delta", "response.reasoning_text.delta",
    "response.reasoning_summary_text.delta", "response.function_call_arguments.delta",
    "response.output_text.annotation.added", "response.output_item.added", "response.output_item.done",
    "response.completed", "response.incomplete", "response.failed", "error", "reasoning", "message",
    "function_call", "output_text", "refusal", "summary_text", "image_generation_call",
]  # fmt: skip
_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(_KINDS)
)
_names = st.sampled_from(
    ["type", "delta", "item", "output_index", "item_id", "summary_index", "annotation", "response", "content",
     "summary", "text", "id", "call_id", "name", "arguments", "status", "usage", "output", "error", "object",
     "incomplete_details", "annotations", "url", "input_tokens", "output_tokens_details", "timings"]
)  # fmt: skip
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=5)
)
_documents = st.fixed_dictionaries(
    {"type": st.sampled_from(_KINDS)},
    optional=dict.fromkeys(("item", "response", "delta", "part"), _values),
)


@settings(max_examples=100)
@given(st.lists(_documents | st.dictionaries(_names, _values, max_size=6), max_size=6))
def test_no_document_is_too_strange(documents: list[dict[str, Any]]) -> None:
    reader = ResponseReader(SERVER)
    for document in documents:
        reader.error(document)
        for said in reader.read(document):
            assert not isinstance(said, TextDelta | ReasoningDelta) or isinstance(said.text, str)
    list(reader.close())
    assert isinstance(reader.finished(), Finished)


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
async def test_a_refusal_before_the_answer_is_a_provider_error(status: int) -> None:
    outcome = await play(b'{"error": {"message": "no"}}', kind="application/json", status=status)
    assert isinstance(outcome.error, ProviderError)
    assert not outcome.events
