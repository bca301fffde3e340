"""The pitfalls of the OpenAI shape, each by the bytes that a server has been seen to send."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluma_tui.core.chat import Ending, Usage
from pluma_tui.core.errors import (
    BrokenStream,
    ConnectionDropped,
    ContextExceeded,
    NotFound,
    Overloaded,
    ProviderError,
    Refused,
    Unauthorized,
)
from pluma_tui.core.events import Finished, ReasoningDelta, TextDelta, ToolCallDelta, UsageUpdate
from pluma_tui.providers.openai_models import read_models
from tests.conftest import DATA
from tests.providers.feeding import Fed, Feed, Outcome, listen, response

DONE = b"data: [DONE]\n\n"


def event(chunk: Any, *, newline: str = "\n") -> bytes:
    return f"data: {json.dumps(chunk, ensure_ascii=False)}{newline}{newline}".encode()


def delta(finish: str | None = None, **fields: Any) -> bytes:
    return event({"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]})


STOP = delta("stop")


async def play(*body: bytes, kind: str = "text/event-stream", status: int = 200) -> Outcome:
    return await listen(Fed(lambda _: response(b"".join(body), kind=kind, status=status)).provider("openai"))


async def ending(*body: bytes) -> Ending:
    last = (await play(*body)).events[-1]
    assert isinstance(last, Finished)
    return last.ending


# Frames


async def test_comments_and_other_line_ends_are_no_text() -> None:
    crlf = event({"choices": [{"delta": {"content": "a"}}]}, newline="\r\n")
    cr = event({"choices": [{"delta": {"content": "b"}}]}, newline="\r")
    outcome = await play(b":\n\n: keep-alive\n\n", crlf, b": OPENROUTER PROCESSING\r\n\r\n", cr, STOP, DONE)
    assert outcome.events == [TextDelta("a"), TextDelta("b"), Finished("complete")]


async def test_a_line_separator_inside_json_is_no_line_end() -> None:
    text = "a\u2028b\u2029c\x85d"
    assert (await play(delta(content=text), STOP)).text == text


async def test_a_byte_order_mark_and_a_missing_blank_do_no_harm() -> None:
    raw = b'\xef\xbb\xbfdata:{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n'
    assert (await play(raw)).events == [TextDelta("a"), Finished("complete")]


async def test_data_over_several_lines_is_one_chunk() -> None:
    raw = b'data: {"choices":\ndata: [{"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n'
    assert (await play(raw)).text == "a"


async def test_invalid_utf8_becomes_a_replacement_character() -> None:
    raw = b'data: {"choices":[{"delta":{"content":"\xff"},"finish_reason":"stop"}]}\n\n'
    assert (await play(raw)).text == "�"


async def test_half_an_emoji_in_json_can_be_stored_and_sent_on() -> None:
    raw = b'data: {"choices":[{"delta":{"content":"x\\ud83c"},"finish_reason":"stop"}]}\n\n'
    (await play(raw)).text.encode()


# Endings


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("stop", "complete"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("function_call", "tool_calls"),
        ("content_filter", "refused"),
        ("eos_token", "complete"),
    ],
)
async def test_a_finish_reason_becomes_an_ending(word: str, meant: Ending) -> None:
    assert await ending(delta(content="a"), delta(word), DONE) == meant


async def test_a_finish_reason_is_enough_where_no_done_comes() -> None:
    assert await ending(delta(content="a"), STOP) == "complete"


async def test_done_is_enough_where_no_finish_reason_comes() -> None:
    assert await ending(delta(content="a"), DONE) == "complete"


async def test_a_stream_with_neither_broke_off_and_its_text_is_kept() -> None:
    outcome = await play(delta(content="half an ans"), delta(content="wer <"))
    assert outcome.text == "half an answer <"
    assert isinstance(outcome.error, BrokenStream)


async def test_what_looked_like_a_tag_is_kept_when_the_stream_breaks_off() -> None:
    outcome = await play(delta(content="<thi"))
    assert outcome.text == "<thi"
    assert isinstance(outcome.error, BrokenStream)


async def test_a_stream_without_a_word_is_worth_another_try() -> None:
    outcome = await play(b": keep-alive\n\n")
    assert isinstance(outcome.error, ConnectionDropped)
    assert outcome.error.retryable


async def test_a_connection_lost_after_the_finish_reason_costs_nothing() -> None:
    feed = Feed([delta(content="a"), STOP], httpx.ReadError("gone"))
    outcome = await listen(Fed(lambda _: response(feed)).provider("openai"))
    assert outcome.events == [TextDelta("a"), Finished("complete")]


async def test_an_error_as_finish_reason_is_no_good_ending() -> None:
    outcome = await play(delta(content="a"), delta("error"))
    assert isinstance(outcome.error, BrokenStream)


async def test_nothing_after_done_is_read() -> None:
    assert (await play(delta(content="a"), STOP, DONE, delta(content="b"))).text == "a"


# Chunks


async def test_chunks_without_choices_and_with_null_content_are_passed_over() -> None:
    azure = event({"choices": [], "prompt_filter_results": []})
    outcome = await play(azure, delta(role="assistant", content=None), delta(content="a"), STOP, DONE)
    assert outcome.events == [TextDelta("a"), Finished("complete")]


async def test_a_second_answer_is_not_mixed_into_the_first() -> None:
    second = event({"choices": [{"index": 1, "delta": {"content": "b"}, "finish_reason": "length"}]})
    assert (await play(delta(content="a"), second, STOP)).events == [TextDelta("a"), Finished("complete")]


USAGE = {
    "prompt_tokens": 12,
    "completion_tokens": 34,
    "prompt_tokens_details": {"cached_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 6},
}
COUNTED = Usage(input=12, output=34, reasoning=6, cached=5)


@pytest.mark.parametrize(
    "tail",
    [
        [STOP, event({"choices": [], "usage": USAGE}), DONE],
        [STOP, event({"choices": [{"index": 0, "delta": {}}], "usage": USAGE}), DONE],
        [event({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": USAGE})],
        [event({"choices": [], "usage": USAGE}), STOP, DONE],
        [event({"usage": USAGE}), event({"choices": [], "usage": None}), event({"usage": USAGE}), STOP],
    ],
)
async def test_usage_is_found_wherever_it_stands(tail: list[bytes]) -> None:
    outcome = await play(delta(content="a"), *tail)
    assert outcome.events == [TextDelta("a"), UsageUpdate(COUNTED), Finished("complete")]


async def test_llamacpp_tells_its_speed_with_or_without_usage() -> None:
    timings = {
        "cache_n": 3,
        "prompt_n": 9,
        "prompt_ms": 250.0,
        "predicted_n": 34,
        "predicted_per_second": 50.5,
    }
    alone = await play(event({"choices": [{"delta": {}, "finish_reason": "stop"}], "timings": timings}))
    assert alone.events[0] == UsageUpdate(Usage(input=12, output=34, cached=3, rate=50.5, first=0.25))
    both = await play(STOP, event({"choices": [], "usage": USAGE, "timings": timings}))
    assert both.events[0] == UsageUpdate(
        Usage(input=12, output=34, reasoning=6, cached=5, rate=50.5, first=0.25)
    )


# Reasoning


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_reasoning_has_a_field_of_its_own(field: str) -> None:
    outcome = await play(delta(**{field: "hm"}), delta(**{field: "m", "content": "so"}), STOP)
    assert outcome.events[:-1] == [ReasoningDelta("hm"), ReasoningDelta("m"), TextDelta("so")]


async def test_reasoning_in_both_fields_is_told_once() -> None:
    assert (await play(delta(reasoning_content="hm", reasoning="hm"), STOP)).reasoning == "hm"


async def test_raw_thinking_is_found_though_it_is_cut_between_chunks() -> None:
    pieces = [
        delta(content=piece) for piece in ("<th", "ink>\nLet me", " see</", "think>\n", "\nIt is", " 4")
    ]
    outcome = await play(*pieces, STOP)
    assert (outcome.reasoning, outcome.text) == ("Let me see", "It is 4")


async def test_a_server_that_tells_thinking_apart_may_talk_about_the_tag() -> None:
    outcome = await play(delta(reasoning="hm"), delta(content="<think>"), STOP)
    assert (outcome.reasoning, outcome.text) == ("hm", "<think>")


async def test_content_in_typed_parts_is_understood() -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    outcome = await play(delta(content=[thought, {"type": "text", "text": "so"}, "?", {}]), STOP)
    assert (outcome.reasoning, outcome.text) == ("hm", "so")


async def test_a_refusal_is_shown_and_is_the_ending() -> None:
    outcome = await play(delta(refusal="I will not."), STOP)
    assert outcome.events == [TextDelta("I will not."), Finished("refused")]


# Tool calls


def call(index: int | None, arguments: Any, id_: str = "", name: str = "") -> dict[str, Any]:
    function = {"arguments": arguments} | ({"name": name} if name else {})
    result: dict[str, Any] = {"function": function} | ({"id": id_} if id_ else {})
    return result | ({} if index is None else {"index": index})


async def test_interleaved_fragments_belong_to_their_calls() -> None:
    outcome = await play(
        delta(tool_calls=[call(0, "", "a", "f"), call(1, "{", "b", "g")]),
        delta(tool_calls=[call(1, "}")]),
        delta(tool_calls=[call(0, '{"x"'), call(0, ":1}")]),
        delta("tool_calls"),
    )
    assert outcome.calls == [("a", "f", '{"x":1}'), ("b", "g", "{}")]


async def test_a_call_is_the_ending_whatever_the_server_calls_it() -> None:
    assert await ending(delta(tool_calls=[call(0, "{}", "a", "f")]), STOP) == "tool_calls"


async def test_an_id_that_is_repeated_is_told_once() -> None:
    outcome = await play(
        delta(tool_calls=[call(0, "{", "a", "f")]), delta(tool_calls=[call(0, "}", "a", "f")]), STOP
    )
    assert outcome.events[:2] == [ToolCallDelta(0, "a", "f", "{"), ToolCallDelta(0, arguments="}")]


@pytest.mark.parametrize("index", [0, None])
async def test_calls_without_an_index_of_their_own_are_told_apart_by_id(index: int | None) -> None:
    outcome = await play(
        delta(tool_calls=[call(index, "{}", "a", "f")]), delta(tool_calls=[call(index, "{}", "b", "f")]), DONE
    )
    assert outcome.calls == [("a", "f", "{}"), ("b", "f", "{}")]
    assert outcome.events[-1] == Finished("tool_calls")


async def test_arguments_may_come_as_an_object() -> None:
    outcome = await play(delta(tool_calls=[call(0, {"city": "Zürich"}, "a", "f")]), STOP)
    assert outcome.calls == [("a", "f", '{"city": "Zürich"}')]


async def test_the_old_form_of_a_call_is_one_call() -> None:
    outcome = await play(
        delta(function_call={"name": "f", "arguments": "{"}),
        delta(function_call={"arguments": "}"}),
        delta("function_call"),
    )
    assert outcome.calls == [("", "f", "{}")]


async def test_a_call_that_is_cut_by_the_limit_stays_as_it_came() -> None:
    outcome = await play(delta(tool_calls=[call(0, '{"city"\n :', "a", "f")]), delta("length"))
    assert outcome.calls == [("a", "f", '{"city"\n :')]
    assert outcome.events[-1] == Finished("length")


# What is no stream


async def test_a_whole_completion_instead_of_a_stream_is_an_answer() -> None:
    message = {"content": "all at once", "reasoning_content": "hm"}
    whole = {"choices": [{"message": message, "finish_reason": "length"}], "usage": USAGE}
    outcome = await play(b"\n\n" + json.dumps(whole).encode(), kind="application/json")
    assert outcome.events == [
        ReasoningDelta("hm"),
        TextDelta("all at once"),
        UsageUpdate(COUNTED),
        Finished("length"),
    ]


@pytest.mark.parametrize("body", [b"[]", b"null", b'{"status": "ok"}', b"{", b"", b"[" * 100_000])
async def test_json_that_is_no_completion_is_an_error(body: bytes) -> None:
    outcome = await play(body, kind="application/json")
    assert isinstance(outcome.error, BrokenStream | ConnectionDropped)


async def test_a_web_page_is_no_api() -> None:
    outcome = await play(b"<html>Welcome to Open WebUI", kind="text/html; charset=utf-8")
    assert isinstance(outcome.error, NotFound)
    assert "base_url" in outcome.error.hint


async def test_lm_studio_says_with_200_that_a_path_is_missing() -> None:
    body = b'{"error":"Unexpected endpoint or method. (POST /chat/completions)"}'
    outcome = await play(body, kind="application/json")
    assert isinstance(outcome.error, NotFound)
    assert "/v1" in outcome.error.hint


async def test_a_malformed_chunk_breaks_the_stream_with_an_excerpt() -> None:
    outcome = await play(delta(content="a"), b'data: {"choices": [' + b"x" * 500 + b"\n\n")
    assert outcome.text == "a"
    assert isinstance(outcome.error, BrokenStream)
    assert '{"choices": [xxx' in str(outcome.error)
    assert len(str(outcome.error)) < 250


@pytest.mark.parametrize(
    "chunk",
    [
        {"choices": "x"},
        {"choices": [None, "x", {"delta": []}]},
        {"choices": [{"delta": {"content": 3, "tool_calls": "x", "refusal": 1}}]},
        {"choices": [{"delta": {"tool_calls": [None, {"function": None, "index": "0"}]}}]},
        {"usage": "x", "timings": {"predicted_per_second": "fast"}},
        {"usage": {"prompt_tokens": None, "prompt_tokens_details": None}},
    ],
)
async def test_fields_of_the_wrong_type_do_no_harm(chunk: Any) -> None:
    outcome = await play(event(chunk), delta(content="a"), STOP)
    assert (outcome.text, outcome.error) == ("a", None)


NAMES = [
    "choices",
    "delta",
    "message",
    "content",
    "text",
    "type",
    "thinking",
    "reasoning",
    "reasoning_content",
    "refusal",
    "tool_calls",
    "function",
    "function_call",
    "name",
    "arguments",
    "id",
    "index",
    "finish_reason",
    "usage",
    "timings",
    "prompt_tokens",
    "completion_tokens",
    "prompt_tokens_details",
    "cached_tokens",
    "predicted_per_second",
    "cache_n",
    "error",
    "object",
    "code",
    "details",
    "data",
    "models",
    "meta",
    "n_ctx",
    "capabilities",
    "architecture",
    "input_modalities",
    "detail",
    "loc",
    "msg",
]
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just("error")
ANYTHING = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=12,
)
CHUNKS = st.fixed_dictionaries(
    {},
    optional={
        "choices": st.lists(st.fixed_dictionaries({}, optional={"delta": ANYTHING})),
        "usage": ANYTHING,
    },
)


@given(st.lists(ANYTHING | CHUNKS, max_size=4))
@settings(max_examples=150, deadline=None)
async def test_no_json_at_all_raises_another_error(chunks: list[Any]) -> None:
    await play(*map(event, chunks))
    for chunk in chunks:
        await play(json.dumps(chunk).encode(), kind="application/json")
        await play(json.dumps(chunk).encode(), kind="application/json", status=400)
        read_models(chunk)


# Refusals


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"message": "upstream is full", "code": 502}, Overloaded),
        ({"message": "context", "type": "exceed_context_size_error", "n_ctx": 5}, ContextExceeded),
        ({"message": "bad key", "code": "401"}, Unauthorized),
        ("just words", Refused),
    ],
)
async def test_an_error_inside_a_stream_is_sorted_as_one_before_it(
    error: Any, expected: type[Refused]
) -> None:
    outcome = await play(delta(content="a"), event({"error": error, "choices": []}))
    assert outcome.text == "a"
    assert type(outcome.error) is expected
    assert isinstance(outcome.error, Refused)
    assert outcome.error.status == 0


def refusing(*refusals: tuple[int, Any]) -> Fed:
    """A server that refuses a few times, and then answers."""
    left = list(refusals)

    def answer(_: httpx.Request) -> httpx.Response:
        if left:
            status, document = left.pop(0)
            return response(json.dumps(document).encode(), status=status, kind="application/json")
        return response(delta(content="a") + STOP)

    return Fed(answer)


UNSUPPORTED = (
    400,
    {
        "error": {
            "message": "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            "code": "unsupported_parameter",
            "param": "max_tokens",
        }
    },
)
FORBIDDEN = {"type": "extra_forbidden", "msg": "Extra inputs are not permitted"}
STRICT = (422, {"detail": [FORBIDDEN | {"loc": ["body", "stream_options"]}]})


async def test_a_field_goes_by_its_other_name_in_a_second_try() -> None:
    fed = refusing(UNSUPPORTED)
    outcome = await listen(fed.provider("openai", options={"max_tokens": 20}))
    assert outcome.text == "a"
    assert json.loads(fed.requests[1].content)["max_completion_tokens"] == 20
    assert "max_tokens" not in json.loads(fed.requests[1].content)


async def test_fields_are_given_up_one_after_the_other() -> None:
    fed = refusing(UNSUPPORTED, STRICT)
    assert (await listen(fed.provider("openai", options={"max_tokens": 20}))).text == "a"
    assert "stream_options" not in json.loads(fed.requests[2].content)


async def test_a_field_is_not_renamed_back_and_forth() -> None:
    other = (422, {"detail": [FORBIDDEN | {"loc": ["body", "max_completion_tokens"]}]})
    fed = refusing(UNSUPPORTED, other, UNSUPPORTED)
    outcome = await listen(fed.provider("openai", options={"max_tokens": 20}))
    assert isinstance(outcome.error, Refused)
    assert len(fed.requests) == 2


@pytest.mark.parametrize("words", ["max_tokens is too large: 900000", "Unsupported value: 'temperature'"])
async def test_other_refusals_are_final(words: str) -> None:
    fed = refusing((400, {"error": {"message": words}}))
    outcome = await listen(fed.provider("openai", options={"max_tokens": 20}))
    assert isinstance(outcome.error, ProviderError)
    assert words in str(outcome.error)
    assert len(fed.requests) == 1


# Recordings


async def test_the_recorded_answers_are_read_whole() -> None:
    def recorded(name: str) -> Fed:
        return Fed(lambda _: response((DATA / "chat" / name).read_bytes()))

    think = await listen(recorded("micro-think.sse").provider("openai"))
    assert (think.reasoning, think.text) == ("Let me think; 6*7 = 42\n", "Answer: **42**")
    tool = await listen(recorded("micro-tool.sse").provider("openai"))
    assert [call[1:] for call in tool.calls] == [("get_weather", '{"city": "Paris"}')]
    unicode = await listen(recorded("micro-uni-bytes.sse").provider("openai"))
    assert unicode.text == "Café 🎉 日本 \u2028sep ال"
    transformers = await listen(recorded("transformers-text-stream.sse").provider("openai"))
    assert transformers.events[-2:] == [UsageUpdate(Usage(input=22, output=5)), Finished("complete")]
