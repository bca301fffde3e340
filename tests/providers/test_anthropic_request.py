import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluma_tui.core.chat import (
    ChatRequest,
    File,
    Image,
    Message,
    Opaque,
    Part,
    Sampling,
    Tool,
    ToolCall,
    ToolResult,
)
from pluma_tui.core.errors import BrokenStream, ConfigError, Refused
from pluma_tui.core.events import Finished, Notice
from pluma_tui.providers.anthropic_request import adapt, body, turns
from pluma_tui.providers.base import CountsTokens
from tests.conftest import DATA
from tests.providers.feeding import KEY, QUESTION, Fed, listen, response

OK = (DATA / "chat" / "synthetic-anthropic-litellm.sse").read_bytes()
MARK = {"type": "ephemeral"}


def user(text: str, *parts: Part) -> Message:
    return Message(role="user", text=text, parts=parts)


def answer(text: str, *parts: Part) -> Message:
    return Message(role="assistant", text=text, parts=parts)


def results(*parts: Part) -> Message:
    return Message(role="tool", text="what a person sees of it", parts=parts)


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def call(id_: str, name: str, **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id_, "name": name, "input": given}


def result(id_: str, words: str, *, error: bool = False) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id_, "is_error": error, "content": words}


def conversation(*messages: Message) -> list[tuple[str, list[dict[str, Any]]]]:
    return [(turn["role"], turn["content"]) for turn in turns(messages, True)]


def sent(*messages: Message, **more: Any) -> dict[str, Any]:
    options = more.pop("options", {})
    return body(ChatRequest(model="m", messages=messages, **more), options)


# Turns


def test_a_conversation_is_marked_for_the_cache_at_the_system_prompt_and_the_last_two_questions() -> None:
    asked = sent(user("a"), answer("b"), user("c"), answer("d"), user("e"), system="Be terse.")
    assert asked == {
        "model": "m",
        "max_tokens": 16384,
        "system": [{**text("Be terse."), "cache_control": MARK}],
        "messages": [
            {"role": "user", "content": [text("a")]},
            {"role": "assistant", "content": [text("b")]},
            {"role": "user", "content": [{**text("c"), "cache_control": MARK}]},
            {"role": "assistant", "content": [text("d")]},
            {"role": "user", "content": [{**text("e"), "cache_control": MARK}]},
        ],
        "stream": True,
    }


def test_the_cache_may_be_kept_for_an_hour_or_not_asked_for() -> None:
    assert "cache_control" not in json.dumps(sent(user("a"), system="s", options={"cache": False}))
    [asked] = sent(user("a"), options={"cache": "1h"})["messages"]
    assert asked["content"][-1]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}


def test_what_the_system_says_within_a_conversation_goes_to_the_system_prompt() -> None:
    told = Message(role="system", text="No lists.")
    asked = sent(user("a"), told, user("b"), system="Be terse.", options={"cache": False})
    assert asked["system"] == [text("Be terse.\n\nNo lists.")]
    assert asked["messages"] == [{"role": "user", "content": [text("a"), text("b")]}]


def test_questions_on_end_become_one_turn_and_an_empty_answer_none() -> None:
    assert conversation(user("a"), answer(" \n"), user("b")) == [("user", [text("a"), text("b")])]


def test_a_conversation_that_an_answer_began_gets_a_first_question() -> None:
    assert conversation(answer("Welcome!"), user("hi")) == [
        ("user", [text("(The conversation begins.)")]),
        ("assistant", [text("Welcome!")]),
        ("user", [text("hi")]),
    ]


def test_pictures_stand_before_the_words_and_files_after_them() -> None:
    picture = {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}
    [(_, blocks)] = conversation(user("what?", File("a.txt", "b"), Image(b"\x89PNG", "image/png")))
    assert blocks == [{"type": "image", "source": picture}, text("what?\n\nFile a.txt:\n```\nb\n```")]


# Tools


def test_results_of_several_messages_follow_their_calls_in_one_turn() -> None:
    calls = answer("Both.", ToolCall("a", "f", '{"x": 1}'), ToolCall("b", "g", ""))
    given = results(ToolResult("b", "2", error=True)), results(ToolResult("a", "1")), user("So?")
    assert conversation(user("hi"), calls, *given)[1:] == [
        ("assistant", [text("Both."), call("a", "f", x=1), call("b", "g")]),
        ("user", [result("a", "1"), result("b", "2", error=True), text("So?")]),
    ]


def test_a_call_that_nobody_carried_out_is_answered_and_a_result_that_nobody_asked_for_dropped() -> None:
    missing = result("a", "This was not carried out.", error=True)
    cut = answer("", ToolCall("a", "f", '{"x": "cut'))
    assert conversation(user("hi"), cut, user("Never mind.", ToolResult("z", "stray")))[1:] == [
        ("assistant", [call("a", "f")]),
        ("user", [missing, text("Never mind.")]),
    ]
    assert conversation(user("hi"), cut)[-1] == ("user", [missing])
    assert conversation(user("hi"), answer("no call"), results(ToolResult("z", "stray")))[1:] == [
        ("assistant", [text("no call")])
    ]


def test_ids_of_other_servers_are_made_ones_that_the_api_takes() -> None:
    foreign = answer("", ToolCall("functions.f:0", "f", "{}"))
    turn = conversation(user("hi"), foreign, results(ToolResult("functions.f:0", "1")))
    assert turn[1:] == [("assistant", [call("functions_f_0", "f")]), ("user", [result("functions_f_0", "1")])]


def test_tools_are_told_with_those_that_run_at_the_server() -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    tools = (Tool("f", "does f", {"properties": {}}), Tool("g", "", {"type": "object"}))
    assert sent(user("a"), tools=tools, options={"tools": [search]})["tools"] == [
        {"name": "f", "description": "does f", "input_schema": {"type": "object", "properties": {}}},
        {"name": "g", "input_schema": {"type": "object"}},
        search,
    ]


# What was kept


def kept(at: int, calls: int, **block: Any) -> Opaque:
    return Opaque("anthropic", {"block": block, "at": at, "calls": calls})


THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "s1"}
SEARCH = {"type": "server_tool_use", "id": "srv", "name": "web_search", "input": {}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srv", "content": []}


def test_an_answer_goes_back_in_the_order_it_came() -> None:
    parts = (
        kept(0, 0, **THOUGHT),
        kept(6, 0, **SEARCH),
        kept(6, 0, **FOUND),
        kept(12, 1, **{**THOUGHT, "signature": "s2"}),
        ToolCall("a", "f", "{}"),
        ToolCall("b", "g", "{}"),
    )
    [_, (_, blocks), _] = conversation(user("hi"), answer("First second", *parts))
    assert blocks == [
        THOUGHT,
        text("First "),
        SEARCH,
        FOUND,
        text("second"),
        call("a", "f"),
        {**THOUGHT, "signature": "s2"},
        call("b", "g"),
    ]


def test_a_servers_own_call_that_was_cut_off_before_its_result_is_not_sent() -> None:
    assert conversation(user("hi"), answer("So", kept(2, 0, **SEARCH)))[1:] == [("assistant", [text("So")])]


def test_what_another_dialect_kept_and_reasoning_are_not_sent() -> None:
    other = Message(
        role="assistant", text="So", reasoning="hm", parts=(Opaque("openai", {"block": THOUGHT}),)
    )
    assert conversation(user("hi"), other)[1:] == [("assistant", [text("So")])]


def test_what_was_kept_may_be_left_out() -> None:
    asked = sent(user("hi"), answer("So", kept(0, 0, **THOUGHT)), options={"replay": False, "cache": False})
    assert asked["messages"][1]["content"] == [text("So")]


words = st.text(alphabet="ab \n", max_size=8)
ids = st.sampled_from(["a", "b", "x.y", ""])
part = st.one_of(
    st.builds(ToolCall, ids, st.just("f"), st.sampled_from(["{}", "[", "3"])),
    st.builds(ToolResult, ids, words),
    st.builds(lambda at, calls: kept(at, calls, **THOUGHT), st.integers(-1, 9), st.integers(-1, 3)),
    st.builds(lambda at: kept(at, 0, **SEARCH), st.integers(-1, 9)),
)
message = st.builds(
    lambda role, text, parts: Message(role=role, text=text, parts=tuple(parts)),
    st.sampled_from(["user", "assistant", "tool", "system"]),
    words,
    st.lists(part, max_size=4),
)


@given(st.lists(message, max_size=6))
def test_whatever_was_said_becomes_turns_that_the_api_takes(said: list[Message]) -> None:
    asked: list[str] = []
    made = conversation(*said)
    assert not made or made[0][0] == "user"
    for role, blocks in made:
        assert blocks
        assert all(block["text"].strip() for block in blocks if block["type"] == "text")
        answered = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        assert answered == asked
        assert [block["type"] for block in blocks[: len(asked)]] == ["tool_result"] * len(asked)
        asked = [block["id"] for block in blocks if block["type"] == "tool_use"]
        assert role == "assistant" or not asked
    assert not asked


# Settings and options


def test_only_settings_that_were_made_are_sent() -> None:
    settings = Sampling(temperature=0.0, top_p=0.9, top_k=4, max_tokens=99, stop=("END",), min_p=0.1)
    asked = sent(user("a"), sampling=settings)
    names = ("temperature", "top_p", "top_k", "max_tokens", "stop_sequences")
    assert [asked[name] for name in names] == [0.0, 0.9, 4, 99, ("END",)]
    assert set(asked) == {"model", "messages", "stream", *names}


async def test_settings_without_a_name_here_are_told() -> None:
    asked = ChatRequest(model="m", messages=QUESTION.messages, sampling=Sampling(min_p=0.1, seed=1))
    outcome = await listen(Fed(lambda _: response(OK)).provider("anthropic"), asked)
    assert outcome.events[0] == Notice("Anthropic's Messages API has no setting for min_p, seed")


@pytest.mark.parametrize(
    ("said", "thinking"),
    [
        (True, {"type": "adaptive", "display": "summarized"}),
        ("adaptive", {"type": "adaptive", "display": "summarized"}),
        (4096, {"type": "enabled", "budget_tokens": 4096}),
        (False, {"type": "disabled"}),
        (0, {"type": "disabled"}),
        ({"type": "between_tools"}, {"type": "between_tools"}),
    ],
)
def test_thinking_may_be_said_in_several_ways(said: Any, thinking: dict[str, Any]) -> None:
    asked = sent(user("a"), options={"thinking": said})
    assert asked["thinking"] == thinking
    assert asked["max_tokens"] == 16384 + thinking.get("budget_tokens", 0)


@pytest.mark.parametrize("options", [{"thinking": "hard"}, {"thinking": -1}, {"tools": "web_search"}])
async def test_a_wrong_option_is_a_wrong_setting(options: dict[str, Any]) -> None:
    fed = Fed(lambda _: response(OK))
    with pytest.raises(ConfigError):
        await anext(fed.provider("anthropic", options=options).stream(QUESTION))
    assert not fed.requests


async def test_headers_carry_the_key_the_version_and_what_is_tried() -> None:
    fed = Fed(lambda _: response(OK))
    await listen(fed.provider("anthropic", options={"beta": ["a", "b"], "service_tier": "auto"}))
    headers = fed.requests[0].headers
    assert (headers["x-api-key"], "authorization" in headers) == (KEY, False)
    assert (headers["anthropic-version"], headers["anthropic-beta"]) == ("2023-06-01", "a,b")
    asked = json.loads(fed.requests[0].content)
    assert (asked["service_tier"], "beta" in asked) == ("auto", False)
    assert fed.requests[0].url == "http://localhost:9/v1/messages"


async def test_a_profiles_own_headers_win_and_a_line_of_betas_is_taken_as_it_is() -> None:
    fed = Fed(lambda _: response(OK))
    provider = fed.provider("anthropic", headers={"anthropic-version": "2027-01-01"})
    await listen(provider, ChatRequest(model="m", messages=QUESTION.messages, options={"beta": "a,c"}))
    headers = fed.requests[0].headers
    assert (headers["anthropic-version"], headers["anthropic-beta"]) == ("2027-01-01", "a,c")


# What is refused


@pytest.mark.parametrize(
    ("said", "gone"),
    [
        ("system.0.cache_control: Extra inputs are not permitted", "cache_control"),
        ("`temperature` is deprecated for this model.", "temperature"),
        ("`temperature` may only be set to 1 when thinking is enabled or in adaptive mode.", "temperature"),
        ("`temperature` and `top_p` cannot both be specified for this model.", "top_p"),
        ("`top_k` must be unset when thinking is enabled.", "top_k"),
        ('"thinking.type.adaptive" is not supported for this model.', "thinking"),
    ],
)
async def test_what_a_model_does_not_take_is_left_out_and_told(said: str, gone: str) -> None:
    refused = json.dumps({"type": "error", "error": {"type": "invalid_request_error", "message": said}})
    answers = [response(refused.encode(), status=400, kind="application/json"), response(OK)]
    fed = Fed(lambda _: answers.pop(0))
    settings = Sampling(temperature=0.5, top_p=0.9, top_k=5)
    provider = fed.provider("anthropic", options={"thinking": True})
    outcome = await listen(provider, ChatRequest(model="m", messages=(user("a"),), sampling=settings))
    assert outcome.error is None
    assert isinstance(outcome.events[0], Notice)
    assert gone in outcome.events[0].message
    first, second = (request.content.decode() for request in fed.requests)
    assert f'"{gone}":' in first
    assert f'"{gone}":' not in second
    assert (outcome.text, outcome.events[-1]) == ("Hello", Finished("complete"))


def test_a_model_that_answers_with_less_is_asked_for_that() -> None:
    words = "max_tokens: 16384 > 4096, which is the maximum allowed number of output tokens for claude-x"
    wanted = sent(user("a"))
    assert adapt(wanted, words) == ["max_tokens over 4096"]
    assert wanted["max_tokens"] == 4096
    assert adapt(wanted, words) is None


@pytest.mark.parametrize(
    "said", ["messages: at least one message is required", "extra", "cache_control: extra"]
)
async def test_a_request_that_cannot_be_changed_is_asked_once_or_twice_at_most(said: str) -> None:
    body = json.dumps({"error": {"message": said}}).encode()
    fed = Fed(lambda _: response(body, status=400, kind="application/json"))
    outcome = await listen(fed.provider("anthropic"))
    assert isinstance(outcome.error, Refused)
    assert len(fed.requests) == (2 if "cache" in said else 1)


# Counting, and the list of models


async def test_counting_asks_with_what_counts_and_nothing_else() -> None:
    fed = Fed(lambda _: response(b'{"input_tokens": 14}', kind="application/json"))
    provider = fed.provider("anthropic", options={"beta": "b", "output_config": {"effort": "low"}})
    assert isinstance(provider, CountsTokens)
    asked = ChatRequest(
        model="m",
        messages=(user("caf\udce9 é"),),
        system="s",
        sampling=Sampling(temperature=0.1, max_tokens=5),
    )
    assert await provider.count(asked) == 14
    assert fed.requests[0].url == "http://localhost:9/v1/messages/count_tokens"
    assert fed.requests[0].headers["anthropic-beta"] == "b"
    assert json.loads(fed.requests[0].content) == {
        "model": "m",
        "messages": [{"role": "user", "content": [text("caf? é")]}],
        "system": [text("s")],
        "output_config": {"effort": "low"},
    }


@pytest.mark.parametrize("said", [b"[]", b"{}", b'"no"'])
async def test_no_count_is_no_answer(said: bytes) -> None:
    provider = Fed(lambda _: response(said, kind="application/json")).provider("anthropic")
    assert isinstance(provider, CountsTokens)
    with pytest.raises(BrokenStream):
        await provider.count(QUESTION)


async def test_models_come_with_what_they_hold_and_what_they_can() -> None:
    page = (DATA / "chat" / "synthetic-anthropic-models.json").read_bytes()
    fed = Fed(lambda _: response(page, kind="application/json"))
    claude, older = await fed.provider("anthropic").models()
    assert (claude.id, claude.label, claude.context, claude.output) == (
        "claude-x",
        "Claude X",
        200_000,
        64_000,
    )
    assert claude.traits == ("vision", "thinking")
    assert (older.id, older.context, older.traits) == ("claude-y", 0, ())
    assert fed.requests[0].headers["anthropic-version"] == "2023-06-01"


async def test_models_are_listed_page_by_page() -> None:
    pages = [
        {"data": [{"id": "a"}], "has_more": True, "last_id": "a&1"},
        {"data": [{"id": "b"}], "has_more": False, "last_id": "b"},
    ]
    fed = Fed(lambda _: response(json.dumps(pages.pop(0)).encode(), kind="application/json"))
    assert [model.id for model in await fed.provider("anthropic").models()] == ["a", "b"]
    assert [str(request.url.query, "ascii") for request in fed.requests] == [
        "limit=1000",
        "limit=1000&after_id=a%261",
    ]


async def test_a_list_that_goes_round_in_a_circle_has_an_end() -> None:
    page = json.dumps({"data": [{"id": "a"}], "has_more": True, "last_id": "a"}).encode()
    fed = Fed(lambda _: response(page, kind="application/json"))
    assert [model.id for model in await fed.provider("anthropic").models()] == ["a"]
    assert len(fed.requests) == 20
