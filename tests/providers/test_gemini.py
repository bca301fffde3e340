"""What Gemini answers, as its API's reference and its own client's types document it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluma_tui.core.chat import Citation, Ending, Usage
from pluma_tui.core.errors import BrokenStream, ConnectionDropped, Overloaded, RateLimited, Unauthorized
from pluma_tui.core.events import Finished, Notice, OpaqueDelta, TextDelta, ToolCallDelta, UsageUpdate
from pluma_tui.providers.gemini_stream import GeminiReader
from tests.conftest import DATA
from tests.providers.feeding import Fed, Outcome, listen, response


async def play(*body: bytes, kind: str = "text/event-stream", status: int = 200) -> Outcome:
    fed = Fed(lambda _: response(b"".join(body), kind=kind, status=status))
    return await listen(fed.provider("gemini"))


async def recorded(name: str) -> Outcome:
    return await play((DATA / "chat" / f"synthetic-gemini-{name}.sse").read_bytes())


def chunk(*parts: Any, finish: Any = None, **more: Any) -> bytes:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": finish, **more}
    return f"data: {json.dumps({'candidates': [candidate]})}\r\n\r\n".encode()


def ending(outcome: Outcome) -> Ending:
    assert outcome.error is None
    last = outcome.events[-1]
    assert isinstance(last, Finished)
    return last.ending


def notices(outcome: Outcome) -> list[str]:
    return [event.message for event in outcome.events if isinstance(event, Notice)]


@pytest.mark.parametrize(
    ("name", "text", "reasoning", "end"),
    [
        ("text", "Hello, a\u2028b 🎉 日本.", "", "complete"),
        ("think", "The answer is 42.", "**Thinking** first, then more", "complete"),
        ("tools", "Let me look.", "Two cities", "tool_calls"),
        ("length", "Once upon a time", "", "length"),
        ("safety", "Well, ", "", "refused"),
        ("blocked", "", "", "refused"),
        ("malformed", "", "", "refused"),
    ],
)
async def test_text_thinking_and_ending_are_told_apart(
    name: str, text: str, reasoning: str, end: Ending
) -> None:
    outcome = await recorded(name)
    assert (outcome.text, outcome.reasoning, ending(outcome)) == (text, reasoning, end)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("text", []),
        ("safety", ["The answer was ended: safety (HARM_CATEGORY_DANGEROUS_CONTENT)"]),
        ("blocked", ["The question was refused: prohibited content"]),
        (
            "malformed",
            [
                "The answer was ended: the model called a tool in a way that cannot be read "
                "(Malformed function call: print(default_api.get_weather(city='Paris')"
            ],
        ),
        ("picture", ["The model sent image/png, which a conversation cannot hold yet"]),
    ],
)
async def test_it_is_told_why_an_answer_is_not_whole(name: str, told: list[str]) -> None:
    assert notices(await recorded(name)) == told


@pytest.mark.parametrize("reason", ["RECITATION", "BLOCKLIST", "SPII", "LANGUAGE", "OTHER", "SOMETHING_NEW"])
async def test_any_other_reason_is_a_refusal_that_is_told_once(reason: str) -> None:
    outcome = await play(chunk({"text": "a"}), chunk(finish=reason), chunk(finish=reason))
    assert ending(outcome) == "refused"
    assert len(notices(outcome)) == 1


async def test_a_reason_in_every_chunk_ends_nothing_before_the_stream_does() -> None:
    outcome = await play(chunk({"text": "a"}, finish="STOP"), chunk({"text": "b"}, finish="MAX_TOKENS"))
    assert (outcome.text, ending(outcome)) == ("ab", "length")


@pytest.mark.parametrize("reason", [None, "", "FINISH_REASON_UNSPECIFIED", 3])
async def test_a_stream_that_closes_without_a_reason_is_broken(reason: Any) -> None:
    outcome = await play(chunk({"text": "Half an"}, finish=reason))
    assert outcome.text == "Half an"
    assert isinstance(outcome.error, BrokenStream)


async def test_a_stream_without_a_word_is_worth_another_try() -> None:
    assert isinstance((await play(b"")).error, ConnectionDropped)


# Calls


async def test_calls_come_whole_with_their_ids_or_with_ours() -> None:
    assert (await recorded("tools")).calls == [
        ("abc123", "get_weather", '{"city": "Paris"}'),
        ("AdVRaMmDCYekqtsPrb_-iAw-1", "get_weather", '{"city": "Rome"}'),
    ]


async def test_a_call_without_arguments_and_name_is_still_one() -> None:
    outcome = await play(chunk({"functionCall": {"args": None, "name": "f"}}, finish="STOP"))
    assert outcome.events == [ToolCallDelta(0, "call-0", "f", "{}"), Finished("tool_calls")]


async def test_signatures_are_kept_with_the_parts_that_they_sign() -> None:
    kept = [event.data for event in (await recorded("tools")).events if isinstance(event, OpaqueDelta)]
    assert kept == [{"thoughtSignature": "c2lnbmF0dXJlIG9mIGEgY2FsbA==", "call": 0}]
    kept = [event.data for event in (await recorded("think")).events if isinstance(event, OpaqueDelta)]
    assert kept == [{"thoughtSignature": "c2lnbmF0dXJlIG9mIHRleHQ=", "start": 17}]
    signed = await play(chunk({"text": "ab"}), chunk({"text": "cd", "thoughtSignature": "x"}, finish="STOP"))
    assert OpaqueDelta("gemini", {"thoughtSignature": "x", "start": 2, "end": 4}) in signed.events


# Counts and sources


@pytest.mark.parametrize(
    ("name", "usage"),
    [
        ("text", Usage(5, 6, cached=3)),
        ("think", Usage(9, 36, reasoning=30)),
        ("sources", Usage(12, 4)),
    ],
)
async def test_the_last_counts_stand(name: str, usage: Usage) -> None:
    updates = [event for event in (await recorded(name)).events if isinstance(event, UsageUpdate)]
    assert updates[-1].usage == usage


async def test_a_chunk_that_counts_nothing_takes_nothing_back() -> None:
    counted = b'data: {"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2}}\n\n'
    outcome = await play(counted, chunk({"text": "a"}, finish="STOP"))
    assert [event for event in outcome.events if isinstance(event, UsageUpdate)] == [UsageUpdate(Usage(5, 2))]


async def test_sources_are_told() -> None:
    assert [event for event in (await recorded("sources")).events if isinstance(event, Citation)] == [
        Citation("https://example.org/llamas", "example.org"),
        Citation("gs://notes", "notes.md", "They hum."),
        Citation(
            "https://example.org/book",
            extra={"startIndex": 0, "endIndex": 11, "uri": "https://example.org/book", "license": "mit"},
        ),
    ]


# Errors


async def test_an_error_in_the_stream_keeps_what_came() -> None:
    outcome = await recorded("error")
    assert outcome.text == "Half an"
    assert isinstance(outcome.error, Overloaded)


async def test_a_wrong_key_is_a_wrong_key() -> None:
    body = {
        "error": {
            "code": 400,
            "message": "API key not valid. Please pass a valid API key.",
            "status": "INVALID_ARGUMENT",
            "details": [{"reason": "API_KEY_INVALID", "domain": "googleapis.com"}],
        }
    }
    outcome = await play(json.dumps(body).encode(), kind="application/json", status=400)
    assert isinstance(outcome.error, Unauthorized)
    assert "api_key" in outcome.error.hint


async def test_a_quota_says_how_long_to_wait() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "37s"}]
    body = {"error": {"code": 429, "message": "no", "status": "RESOURCE_EXHAUSTED", "details": details}}
    outcome = await play(json.dumps(body).encode(), kind="application/json", status=429)
    assert isinstance(outcome.error, RateLimited)
    assert outcome.error.retry_after == 37.0


@pytest.mark.parametrize("body", [b'{"hello": 1}', b"[]", b'[{"candidates": []}]'])
async def test_another_document_than_a_response_is_no_answer(body: bytes) -> None:
    assert isinstance((await play(body, kind="application/json")).error, BrokenStream)


async def test_an_answer_that_comes_whole_is_read() -> None:
    body = {"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}]}
    outcome = await play(json.dumps(body).encode(), kind="application/json")
    assert outcome.events == [TextDelta("a"), Finished("complete")]


async def test_only_the_first_candidate_is_the_answer() -> None:
    body = {"candidates": [{"index": 1, "content": {"parts": [{"text": "b"}]}, "finishReason": "SAFETY"}]}
    outcome = await play(f"data: {json.dumps(body)}\n\n".encode(), chunk({"text": "a"}, finish="STOP"))
    assert outcome.events == [TextDelta("a"), Finished("complete")]


_names = st.sampled_from(
    ["candidates", "content", "parts", "text", "thought", "thoughtSignature", "functionCall", "args",
     "name", "id", "inlineData", "mimeType", "finishReason", "index", "promptFeedback", "blockReason",
     "usageMetadata", "promptTokenCount", "candidatesTokenCount", "groundingMetadata", "groundingChunks",
     "web", "uri", "title", "citationMetadata", "citationSources", "safetyRatings", "blocked", "category",
     "responseId", "error"]
)  # fmt: skip
_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["STOP", "SAFETY", "x"])
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=5)
)
_candidates = st.fixed_dictionaries(
    {"content": st.fixed_dictionaries({"parts": st.lists(st.dictionaries(_names, _values), max_size=3)})},
    optional={"finishReason": _scalars, "groundingMetadata": _values, "citationMetadata": _values},
)
_documents = st.dictionaries(_names, _values, max_size=6) | st.fixed_dictionaries(
    {"candidates": st.lists(_candidates, max_size=2)}
)


@settings(max_examples=100)
@given(st.lists(_documents, max_size=5))
def test_no_document_is_too_strange(documents: list[dict[str, Any]]) -> None:
    reader = GeminiReader()
    for document in documents:
        reader.error(document)
        list(reader.read(document))
    assert isinstance(reader.finished(), Finished)
