"""The pitfalls of Anthropic's shape: what servers have been seen to send, and what is documented."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluma_tui.core.chat import ChatRequest, Citation, Ending, Message, Usage
from pluma_tui.core.errors import (
    BrokenStream,
    ContextExceeded,
    NotFound,
    Overloaded,
    ProviderError,
    RateLimited,
    Refused,
    Unauthorized,
)
from pluma_tui.core.events import ChatEvent, Finished, Notice, OpaqueDelta, ReasoningDelta, UsageUpdate
from pluma_tui.providers.anthropic_request import turns
from pluma_tui.providers.anthropic_stream import EventReader
from pluma_tui.runtime.draft import Draft
from tests.conftest import DATA
from tests.providers.feeding import QUESTION, Fed, Outcome, listen, response


def sse(*documents: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(document).encode() + b"\n\n" for document in documents)


def start(index: int = 0, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(kind: str, index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def end(reason: str | None = "end_turn", **usage: Any) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}


TEXT = start(type="text", text="")
STOP = {"type": "message_stop"}


def recorded(name: str) -> bytes:
    return (DATA / "chat" / name).read_bytes()


async def play(body: bytes, *, kind: str = "text/event-stream", status: int = 200, **headers: str) -> Outcome:
    def reply(_: Any) -> Any:
        made = response(body, kind=kind, status=status)
        made.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
        return made

    return await listen(Fed(reply).provider("anthropic"))


def usage(outcome: Outcome) -> Usage:
    return [event.usage for event in outcome.events if isinstance(event, UsageUpdate)][-1]


def kept(outcome: Outcome) -> list[dict[str, Any]]:
    return [event.data for event in outcome.events if isinstance(event, OpaqueDelta)]


def as_message(outcome: Outcome) -> Message:
    """The answer as it is stored."""
    draft = Draft()
    for event in outcome.events:
        draft.take(event)
    return Message(role="assistant", text=draft.text(), reasoning=draft.reasoning(), parts=draft.parts())


# What comes


async def test_text_is_exact_and_what_is_unknown_is_passed_over() -> None:
    outcome = await play(recorded("synthetic-anthropic-text.sse"))
    assert outcome.text == "Café 🎉 a\u2028b\x85c"
    assert outcome.events[-1] == Finished("complete")


async def test_input_counts_what_was_cached_and_what_was_written_to_the_cache() -> None:
    assert usage(await play(recorded("synthetic-anthropic-text.sse"))) == Usage(
        input=50, output=15, cached=30
    )


async def test_a_count_that_comes_only_at_the_end_is_taken() -> None:
    outcome = await play(recorded("synthetic-anthropic-litellm.sse"))
    assert (outcome.text, usage(outcome)) == ("Hello", Usage(input=21, output=3))


async def test_thinking_comes_first_then_text_and_two_calls() -> None:
    outcome = await play(recorded("synthetic-anthropic-thinking.sse"))
    assert (outcome.reasoning, outcome.text) == ("Two cities, two calls.", "Let me look both up.")
    assert outcome.calls == [("toolu_01", "get_weather", '{"city": "Paris"}'), ("toolu_02", "get_time", "")]
    assert outcome.events[-1] == Finished("tool_calls")
    assert usage(outcome) == Usage(input=40, output=89, reasoning=31)


async def test_a_cut_call_keeps_what_came_of_it() -> None:
    outcome = await play(recorded("synthetic-anthropic-cut.sse"))
    assert outcome.calls == [("toolu_01", "get_weather", '{"city": "San')]
    assert outcome.events[-1] == Finished("length")


async def test_several_thoughts_stand_apart() -> None:
    thoughts = (start(at, type="thinking", thinking=f"thought {at}") for at in range(3))
    assert (await play(sse(*thoughts, end()))).reasoning == "thought 0\n\nthought 1\n\nthought 2"


async def test_sources_are_told_once_each() -> None:
    outcome = await play(recorded("synthetic-anthropic-search.sse"))
    [source] = [event for event in outcome.events if isinstance(event, Citation)]
    assert source == Citation(
        "https://example.com/paris", "Paris", "Paris is sunny.", {"type": "web_search_result_location"}
    )
    assert outcome.text == "I'll search.It is sunny in Paris."
    assert (outcome.calls, outcome.events[-1]) == ([], Finished("complete"))
    assert usage(outcome).input == 10682


async def test_a_place_in_a_document_is_a_source() -> None:
    place = {
        "type": "page_location",
        "cited_text": "q",
        "document_title": "A",
        "document_index": 0,
        "file_id": None,
    }
    outcome = await play(sse(TEXT, delta("citations_delta", citation=place), end()))
    assert outcome.events[0] == Citation("", "A", "q", {"type": "page_location", "document_index": 0})


async def test_one_whole_message_is_read_like_a_stream() -> None:
    outcome = await play(recorded("synthetic-anthropic-whole.json"), kind="application/json")
    assert (outcome.reasoning, outcome.text) == ("Rain or sun?", "Looking.")
    assert outcome.calls == [("toolu_03", "get_weather", '{"city": "Zürich"}')]
    assert kept(outcome)[0]["block"]["signature"] == "ErUBCkYIARgC"
    assert usage(outcome) == Usage(input=10, output=44, cached=1)
    assert outcome.events[-1] == Finished("tool_calls")


# llama.cpp


async def test_blocks_of_llamacpp_overlap_and_its_empty_signature_is_not_kept() -> None:
    outcome = await play(recorded("micro-anth-think.sse"))
    assert (outcome.reasoning, outcome.text) == ("Let me think; 6*7 = 42\n", "Answer: **42**")
    assert (kept(outcome), outcome.events[-1]) == ([], Finished("complete"))


async def test_a_call_of_llamacpp_needs_no_input() -> None:
    outcome = await play(recorded("micro-anth-tool.sse"))
    assert outcome.calls == [("1AISetZBt2CEhvUE5kzQGETSikviQuUv", "get_weather", '{"city": "Paris"}')]
    assert usage(outcome) == Usage(input=583, output=10, cached=237)


async def test_four_calls_at_once_keep_their_own_arguments() -> None:
    outcome = await play(recorded("llamacpp-anth-tool-stream.sse"))
    assert [name for _, name, _ in outcome.calls] == ["get_weather"] * 4
    assert [json.loads(arguments)["city"] for _, _, arguments in outcome.calls[:3]] == ["Paris"] * 3
    assert outcome.calls[3][2].endswith(":")
    assert outcome.events[-1] == Finished("length")


# What goes back


@pytest.mark.parametrize("name", ["thinking", "search"])
async def test_an_answer_goes_back_as_it_came(name: str) -> None:
    body = recorded(f"synthetic-anthropic-{name}.sse")
    [_, turn, *_] = turns([*QUESTION.messages, as_message(await play(body))], True)
    assert turn["content"] == json.loads((DATA / "chat" / f"synthetic-anthropic-{name}.json").read_text())


async def test_a_signature_is_sent_back_through_the_whole_of_a_provider() -> None:
    said = as_message(await play(recorded("synthetic-anthropic-whole.json"), kind="application/json"))
    fed = Fed(lambda _: response(recorded("synthetic-anthropic-text.sse")))
    again = ChatRequest(model="m", messages=(*QUESTION.messages, said))
    assert (await listen(fed.provider("anthropic"), again)).error is None
    whole = json.loads(recorded("synthetic-anthropic-whole.json"))
    assert json.loads(fed.requests[0].content)["messages"][1]["content"] == whole["content"]


# Endings


@pytest.mark.parametrize(
    ("reason", "meant"),
    [
        ("end_turn", "complete"),
        ("stop_sequence", "complete"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "refused"),
        ("something_new", "complete"),
    ],
)
async def test_a_stop_reason_becomes_an_ending(reason: str, meant: Ending) -> None:
    assert (await play(sse(TEXT, end(reason), STOP))).events[-1] == Finished(meant)


async def test_a_call_is_the_ending_whatever_the_server_calls_it() -> None:
    outcome = await play(sse(start(type="tool_use", id="a", name="f"), end("end_turn"), STOP))
    assert outcome.events[-1] == Finished("tool_calls")


async def test_a_refusal_says_why() -> None:
    outcome = await play(recorded("synthetic-anthropic-refusal.sse"))
    assert Notice("This could do harm.") in outcome.events
    assert outcome.events[-1] == Finished("refused")


async def test_a_stream_without_a_stop_reason_broke_off() -> None:
    outcome = await play(sse(TEXT, delta("text_delta", text="half"), {"type": "ping"}, end(None)))
    assert outcome.text == "half"
    assert isinstance(outcome.error, BrokenStream)


@pytest.mark.parametrize("last", [end(), STOP])
async def test_either_of_the_last_two_events_is_an_ending(last: dict[str, Any]) -> None:
    outcome = await play(sse(TEXT, delta("text_delta", text="a"), last))
    assert (outcome.text, outcome.events[-1]) == ("a", Finished("complete"))


async def test_nothing_after_the_last_event_is_read() -> None:
    assert (await play(sse(TEXT, end(), STOP, delta("text_delta", text="b")))).text == ""


# Errors


async def test_an_overload_within_a_stream_keeps_what_came_and_is_no_ending() -> None:
    outcome = await play(recorded("synthetic-anthropic-overloaded.sse"))
    assert outcome.text == "Half an ans"
    assert isinstance(outcome.error, Overloaded)
    assert "Overloaded" in str(outcome.error)


def error(kind: str, words: str, **more: Any) -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": words, **more}}).encode()


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (400, "invalid_request_error", Refused),
        (401, "authentication_error", Unauthorized),
        (402, "billing_error", Refused),
        (403, "permission_error", Unauthorized),
        (404, "not_found_error", NotFound),
        (413, "request_too_large", Refused),
        (429, "rate_limit_error", RateLimited),
        (500, "api_error", Overloaded),
        (529, "overloaded_error", Overloaded),
    ],
)
async def test_an_error_is_one_of_ours(status: int, kind: str, expected: type[ProviderError]) -> None:
    outcome = await play(error(kind, "so it is"), status=status, kind="application/json", retry_after="7")
    assert type(outcome.error) is expected
    assert "so it is" in str(outcome.error)
    if isinstance(outcome.error, RateLimited):
        assert outcome.error.retry_after == 7


async def test_a_spend_limit_is_not_waited_for() -> None:
    body = error("rate_limit_error", "Limit reached", details={"error_code": "enforced_spend_limit_reached"})
    outcome = await play(body, status=429, kind="application/json")
    assert type(outcome.error) is Refused


@pytest.mark.parametrize(
    ("words", "tokens", "limit"),
    [
        ("prompt is too long: 210344 tokens > 200000 maximum", 210344, 200000),
        ("input length and `max_tokens` exceed context limit: 190000 + 16384 > 200000", 0, 0),
    ],
)
async def test_too_long_a_conversation_is_told(words: str, tokens: int, limit: int) -> None:
    outcome = await play(error("invalid_request_error", words), status=400, kind="application/json")
    assert isinstance(outcome.error, ContextExceeded)
    assert (outcome.error.tokens, outcome.error.limit) == (tokens, limit)


async def test_a_feature_that_does_not_exist_is_named_in_the_servers_words() -> None:
    body = error("invalid_request_error", "Unexpected value(s) `my-beta` for the `anthropic-beta` header.")
    fed = Fed(lambda _: response(body, status=400, kind="application/json"))
    outcome = await listen(fed.provider("anthropic", options={"beta": "my-beta"}))
    assert "`my-beta`" in str(outcome.error)


async def test_an_answer_that_is_no_message_cannot_be_read() -> None:
    outcome = await play(b'{"status": "fine"}', kind="application/json")
    assert isinstance(outcome.error, BrokenStream)


# Anything at all

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    ["text", "thinking", "signature", "input", "partial_json", "citation", "citations", "id", "name", "url"]
) | st.sampled_from(
    ["stop_reason", "stop_details", "explanation", "input_tokens", "output_tokens_details", "usage", "data"]
)
kinds = st.sampled_from(
    ["text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "web_search_tool_result"]
) | st.sampled_from(
    ["text_delta", "thinking_delta", "signature_delta", "input_json_delta", "citations_delta"]
)
part = st.dictionaries(names, json_values | st.text(max_size=3), max_size=4)
typed = st.builds(lambda kind, rest: {**rest, "type": kind}, kinds | json_values, part)
document = st.builds(
    lambda kind, index, rest: {**rest, "type": kind, "index": index},
    st.sampled_from(["message_start", "content_block_start", "content_block_delta", "content_block_stop"])
    | st.sampled_from(["message_delta", "message_stop", "message", "error"])
    | json_values,
    st.integers(0, 1) | json_values,
    st.fixed_dictionaries(
        {},
        optional={
            "delta": typed | json_values,
            "content_block": typed | json_values,
            "message": part | json_values,
            "content": st.lists(typed | json_values, max_size=2),
            "usage": part | json_values,
        },
    ),
)


@given(st.lists(document, max_size=8))
def test_events_of_any_form_are_read_without_a_fault_and_can_be_kept_and_sent(documents: list[Any]) -> None:
    reader = EventReader()
    events: list[ChatEvent] = [event for each in documents for event in reader.read(each)]
    message = as_message(Outcome(events, None))
    assert "".join(event.text for event in events if isinstance(event, ReasoningDelta)) == message.reasoning
    turns([message], True)
