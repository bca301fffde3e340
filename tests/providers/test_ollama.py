"""Answers of Ollama's own API, documents as its reference shows them."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluma_tui.core.chat import ChatRequest, Ending, Message, Sampling, Usage
from pluma_tui.core.errors import BrokenStream, NotFound, Overloaded, Refused, Unauthorized
from pluma_tui.core.events import Finished, Notice, ReasoningDelta, TextDelta, ToolCallDelta, UsageUpdate
from pluma_tui.providers import registry
from pluma_tui.providers.base import DescribesModels, LoadsModels, PullsModels
from pluma_tui.providers.ollama_stream import ChatReader
from pluma_tui.transport.http import ClientPool
from tests.conftest import DATA
from tests.providers.feeding import Fed, Feed, Outcome, listen, make_provider, response
from tests.servers.ollama import Model, ollama_server
from tests.servers.replay import Play, answer, replay

KIND = "application/x-ndjson"
HELLO = (Message(role="user", text="hi"),)


def line(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode() + b"\n"


def piece(**message: Any) -> bytes:
    return line({"message": {"role": "assistant", "content": "", **message}, "done": False})


def done(**fields: Any) -> bytes:
    return line({"message": {"role": "assistant", "content": ""}, "done": True, **fields})


async def play(
    *body: bytes, kind: str = KIND, status: int = 200, request: ChatRequest | None = None
) -> Outcome:
    fed = Fed(lambda _: response(b"".join(body), kind=kind, status=status))
    return await listen(fed.provider("ollama"), request or ChatRequest(model="m", messages=HELLO))


async def recorded(name: str) -> Outcome:
    return await play((DATA / "chat" / f"synthetic-ollama-{name}.ndjson").read_bytes())


def ending(outcome: Outcome) -> Ending:
    last = outcome.events[-1]
    assert isinstance(last, Finished)
    return last.ending


# Text and thinking


async def test_an_answer_with_its_counts_and_true_rate() -> None:
    outcome = await recorded("text")
    assert outcome.text == "The sky is blue."
    assert outcome.events[-1] == Finished("complete")
    (update,) = [event for event in outcome.events if isinstance(event, UsageUpdate)]
    assert (update.usage.input, update.usage.output, update.usage.context) == (26, 282, 0)
    assert update.usage.rate == pytest.approx(282 / 4.535599)
    assert update.usage.first == pytest.approx(0.001334875 + 0.342546)


async def test_the_context_is_the_one_that_was_asked_for() -> None:
    request = ChatRequest(model="m", messages=HELLO, sampling=Sampling(context_size=8192))
    outcome = await play(done(prompt_eval_count=4, eval_count=2), request=request)
    assert outcome.events == [UsageUpdate(Usage(input=4, output=2, context=8192)), Finished("complete")]


async def test_a_size_among_the_options_counts_too() -> None:
    request = ChatRequest(model="m", messages=HELLO, options={"num_ctx": 512})
    outcome = await play(done(eval_count=2), request=request)
    assert outcome.events[0] == UsageUpdate(Usage(output=2, context=512))


async def test_thinking_comes_apart_from_the_answer() -> None:
    outcome = await recorded("think")
    assert (outcome.reasoning, outcome.text) == ("Two and two.", "It is **4**.")


async def test_thinking_that_an_old_model_leaves_in_the_text_is_found() -> None:
    outcome = await recorded("raw-think")
    assert (outcome.reasoning, outcome.text) == ("Two and two.\n", "It is 4.")


async def test_a_tag_after_told_thinking_is_text() -> None:
    outcome = await play(piece(thinking="hm"), piece(content="<think>x</think>"), done())
    assert (outcome.reasoning, outcome.text) == ("hm", "<think>x</think>")


async def test_only_a_line_feed_ends_a_document() -> None:
    outcome = await recorded("unicode")
    assert outcome.text == "a\u2028bc\u2028de\x85f 🧑\u200d🚀<é>"


async def test_what_looked_like_a_tag_is_kept_when_the_stream_breaks_off() -> None:
    outcome = await play(piece(content="<thi"))
    assert outcome.text == "<thi"
    assert isinstance(outcome.error, BrokenStream)


async def test_an_answer_that_came_at_once_is_read_as_well() -> None:
    whole = {"message": {"role": "assistant", "content": "hi", "thinking": "hm"}, "done": True}
    outcome = await play(line(whole), kind="application/json; charset=utf-8")
    assert outcome.events == [ReasoningDelta("hm"), TextDelta("hi"), Finished("complete")]


async def test_a_document_that_is_no_answer_is_none() -> None:
    outcome = await play(line({"status": "ok"}), kind="application/json")
    assert isinstance(outcome.error, BrokenStream)


# Endings


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("stop", "complete"),
        ("length", "length"),
        ("load", "complete"),
        ("unload", "complete"),
        ("", "complete"),
    ],
)
async def test_a_reason_becomes_an_ending(word: str, meant: Ending) -> None:
    assert ending(await play(piece(content="a"), done(done_reason=word))) == meant


async def test_an_answer_that_was_cut_by_length() -> None:
    outcome = await recorded("length")
    assert (outcome.text, ending(outcome)) == ("Once upon a", "length")


async def test_a_stream_without_its_last_document_broke_off() -> None:
    outcome = await play(piece(content="half"))
    assert (outcome.text, type(outcome.error)) == ("half", BrokenStream)


def test_after_the_last_document_nothing_is_waited_for() -> None:
    reader = ChatReader()
    assert [*reader.read({"message": {"content": "a"}, "done": False})] == [TextDelta("a")]
    assert not reader.over
    assert [*reader.read({"done": True})] == []
    assert reader.over


# Tool calls


async def test_two_calls_at_once_come_whole_with_their_ids() -> None:
    outcome = await recorded("tools")
    assert outcome.reasoning == "Both towns."
    assert outcome.calls == [
        ("call_9xq2lk4d", "get_weather", '{"city": "Zürich <west>", "days": 2}'),
        ("call_h0m7vz1c", "get_weather", '{"city": "São Paulo"}'),
    ]
    assert ending(outcome) == "tool_calls"


async def test_calls_without_ids_get_some_that_are_never_given_again() -> None:
    calls = [*(await recorded("tools-old")).calls, *(await recorded("tools-old")).calls]
    assert [call[1:] for call in calls[:2]] == [("get_weather", '{"city": "Oslo"}'), ("get_time", "{}")]
    assert len({id_ for id_, _, _ in calls}) == 4
    assert all(id_.startswith("call_") for id_, _, _ in calls)


async def test_an_answer_cut_after_a_call_says_that_it_was_cut() -> None:
    call = {"function": {"name": "f", "arguments": {}}}
    assert ending(await play(piece(tool_calls=[call]), done(done_reason="length"))) == "length"


# Errors


async def test_an_error_among_the_documents_ends_the_answer_and_keeps_what_came() -> None:
    outcome = await recorded("error")
    assert outcome.text == "Once upon"
    assert isinstance(outcome.error, Refused)
    assert "CUDA error: out of memory" in outcome.error.message
    assert not outcome.error.retryable


async def test_an_unknown_model_is_told_with_the_command_that_fetches_it() -> None:
    async with ollama_server() as server:
        outcome = await ask(server.url, model="llama3.2")
    assert isinstance(outcome.error, NotFound)
    assert outcome.error.message.startswith("model 'llama3.2' not found")
    assert "`pluma models pull llama3.2`" in outcome.error.hint


async def test_another_kind_of_server_is_told_by_its_missing_route() -> None:
    async with ollama_server(missing=("/api/chat",)) as server:
        outcome = await ask(server.url)
    assert isinstance(outcome.error, NotFound)
    assert "base_url" in outcome.error.hint
    assert "pull" not in outcome.error.hint


@pytest.mark.parametrize(
    "words",
    [
        'option "num_gpu" must be of type integer',
        "model requires more system memory (8.4 GiB) than is available (3.1 GiB)",
    ],
)
async def test_a_500_that_will_not_pass_is_not_asked_again(words: str) -> None:
    outcome = await play(line({"error": words}), kind="application/json", status=500)
    assert type(outcome.error) is Refused
    assert not outcome.error.retryable


async def test_a_500_that_may_pass_is_worth_another_try() -> None:
    words = "llama runner process has terminated: exit status 2"
    outcome = await play(line({"error": words}), kind="application/json", status=500)
    assert isinstance(outcome.error, Overloaded)


async def test_a_model_in_the_cloud_wants_a_sign_in() -> None:
    body = line({"error": "unauthorized", "signin_url": "https://ollama.com/connect?name=x&key=y"})
    outcome = await play(body, kind="application/json", status=401)
    assert isinstance(outcome.error, Unauthorized)
    assert "ollama signin" in outcome.error.hint


# Thinking that a model cannot do


async def ask(url: str, *, model: str = "m", **more: Any) -> Outcome:
    pool = ClientPool()
    outcome = await listen(
        make_provider("ollama", url, pool), ChatRequest(model=model, messages=HELLO, **more)
    )
    await pool.aclose()
    return outcome


async def test_a_model_that_cannot_think_answers_without_after_a_word() -> None:
    async with ollama_server(models={"m:latest": Model()}) as server:
        outcome = await ask(server.url, options={"think": "high"})
        bodies = server.bodies("/api/chat")
    assert outcome.text == "The sky is blue."
    assert outcome.events[0] == Notice("the server does not take think = high: it answers without")
    assert [body.get("think") for body in bodies] == ["high", None]


async def test_a_level_that_a_model_does_not_know_is_left_out() -> None:
    no = line({"error": 'think value "low" is not supported for this model'})
    answers = iter([response(no, status=400, kind="application/json"), response(done(), kind=KIND)])
    fed = Fed(lambda _: next(answers))
    outcome = await listen(
        fed.provider("ollama"), ChatRequest(model="m", messages=HELLO, options={"think": "low"})
    )
    assert [type(event) for event in outcome.events] == [Notice, Finished]


async def test_a_value_that_nobody_knows_is_an_error_and_no_second_question() -> None:
    async with ollama_server(models={"m:latest": Model(capabilities=("completion", "thinking"))}) as server:
        outcome = await ask(server.url, options={"think": "very"})
    assert isinstance(outcome.error, Refused)
    assert 'invalid think value: "very"' in outcome.error.message
    assert len(server.requests) == 1


async def test_a_refusal_to_think_that_was_not_asked_for_is_an_error() -> None:
    no = response(line({"error": '"m" does not support thinking'}), status=400, kind="application/json")
    outcome = await listen(Fed(lambda _: no).provider("ollama"))
    assert isinstance(outcome.error, Refused)


async def test_nothing_is_asked_again_once_words_have_come() -> None:
    late = piece(content="a") + line({"error": '"m" does not support thinking'})
    fed = Fed(lambda _: response(late, kind=KIND))
    outcome = await listen(
        fed.provider("ollama"), ChatRequest(model="m", messages=HELLO, options={"think": True})
    )
    assert isinstance(outcome.error, Refused)
    assert len(fed.requests) == 1


# Where it is


@pytest.mark.parametrize("copied", ["", "/", "/v1", "/v1/", "/api", "/api/"])
async def test_addresses_as_people_copy_them_lead_to_its_own_api(copied: str) -> None:
    async with ollama_server(models={"m:latest": Model()}) as server:
        outcome = await ask(server.url + copied)
    assert outcome.text == "The sky is blue."


@pytest.mark.parametrize("copied", ["", "/v1", "/api"])
async def test_a_path_before_that_is_kept(copied: str) -> None:
    provider = make_provider("ollama", f"http://u:p@localhost:9/ollama{copied}", ClientPool(), api_key=None)
    assert provider.upstream == "http://localhost:9/ollama"


def test_it_is_looked_for_on_this_machine() -> None:
    plugin = registry.load("ollama")
    provider = make_provider("ollama", "", ClientPool())
    assert (provider.id, provider.upstream) == ("ollama", "http://127.0.0.1:11434")
    assert not plugin.needs_secret
    assert isinstance(provider, DescribesModels)
    assert isinstance(provider, LoadsModels)
    assert isinstance(provider, PullsModels)


async def test_stopping_lets_the_server_know_at_once() -> None:
    body = answer(piece(content="a"), kind=KIND)
    async with replay(Play(body, silent=True)) as server:
        pool = ClientPool()
        stream = make_provider("ollama", server.url, pool).stream(ChatRequest(model="m", messages=HELLO))
        assert await anext(stream) == TextDelta("a")
        await stream.aclose()
        await server.left.wait()
        await pool.aclose()


# Whatever comes

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_function = st.dictionaries(st.sampled_from(["name", "arguments", "index"]), _json)
_call = _json | st.dictionaries(st.sampled_from(["id", "function"]), _json | _function)
_message = st.fixed_dictionaries(
    {}, optional={"content": _json, "thinking": _json, "tool_calls": _json | st.lists(_call, max_size=3)}
)
_counts = dict.fromkeys(
    ("load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration"), _json
)
_document = st.fixed_dictionaries(
    {}, optional={"message": _json | _message, "done": _json, "done_reason": _json, **_counts}
)


@settings(max_examples=300)
@given(st.lists(_document, max_size=4))
def test_documents_of_any_form_are_read_or_passed_over(documents: list[dict[str, Any]]) -> None:
    reader = ChatReader(4096)
    events = [event for document in documents for event in reader.read(document)]
    events += [*reader.close(), reader.finished()]
    json.dumps([event.arguments for event in events if isinstance(event, ToolCallDelta)])


@settings(max_examples=50)
@given(st.lists(_json, min_size=1, max_size=3))
async def test_lines_of_any_form_end_in_an_ending_or_a_provider_error(documents: list[Any]) -> None:
    feed = Feed([line(document) for document in documents])
    await listen(Fed(lambda _: response(feed, kind=KIND)).provider("ollama"))
