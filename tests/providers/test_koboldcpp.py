"""KoboldCpp: against a scripted one, and recordings made after its documentation."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluma_tui.core.chat import ChatRequest, Image, Message, Role, Sampling, Tool, ToolCall, ToolResult, Usage
from pluma_tui.core.errors import BrokenStream, ConfigError, Overloaded, TimedOut, Unauthorized
from pluma_tui.core.events import Finished, Notice, TextDelta, UsageUpdate
from pluma_tui.core.models import ModelInfo
from pluma_tui.providers.base import CountsTokens
from pluma_tui.providers.koboldcpp import KoboldCpp, TokenReader
from pluma_tui.providers.koboldcpp_request import TEMPLATES
from pluma_tui.transport.http import ClientPool
from tests.conftest import DATA
from tests.providers.conformance import play
from tests.providers.feeding import KEY, Fed, Outcome, listen, make_provider, response
from tests.servers.koboldcpp import PERF, kobold

NATIVE = "/api/extra/generate/stream"
CHAT = "/v1/chat/completions"
routes = pytest.mark.parametrize(
    ("options", "route"), [({}, CHAT), ({"template": "chatml"}, NATIVE)], ids=["chat", "native"]
)


@pytest.fixture
async def pool() -> AsyncIterator[ClientPool]:
    pool = ClientPool()
    yield pool
    await pool.aclose()


def made(url: str, pool: ClientPool, **profile: Any) -> KoboldCpp:
    provider = make_provider("koboldcpp", url, pool, **profile)
    assert isinstance(provider, KoboldCpp)
    return provider


def question(text: str = "hi", **more: Any) -> ChatRequest:
    return ChatRequest(model="", messages=(Message(role="user", text=text),), **more)


def notices(outcome: Outcome) -> list[str]:
    return [event.message for event in outcome.events if isinstance(event, Notice)]


async def sent(request: ChatRequest, **profile: Any) -> Any:
    """What the server gets, without what every request has."""
    fed = Fed(lambda _: response((DATA / "chat" / "synthetic-koboldcpp-text.sse").read_bytes()))
    outcome = await listen(fed.provider("koboldcpp", **profile), request)
    assert outcome.error is None
    document = json.loads(next(each.content for each in fed.requests if each.url.path in (NATIVE, CHAT)))
    assert document.pop("genkey").startswith("pluma-")
    assert document.pop("replace_instruct_placeholders") is False
    return document


@routes
async def test_an_answer_comes_with_what_the_server_measured(
    pool: ClientPool, options: dict[str, Any], route: str
) -> None:
    async with kobold(password=KEY) as server:
        outcome = await listen(made(server.url, pool, options=options), question())
        assert outcome.text == "Hello there."
        measured = UsageUpdate(Usage(input=21, output=3, rate=40.5, first=0.25))
        assert outcome.events[-2:] == [measured, Finished("complete")]
        assert [request.path for request in server.requests] == [route, "/api/extra/perf"]


@routes
async def test_thinking_comes_apart(pool: ClientPool, options: dict[str, Any], route: str) -> None:
    async with kobold() as server:
        outcome = await listen(made(server.url, pool, options=options), question("think"))
        assert (outcome.reasoning, outcome.text) == ("Hm.", "Yes.")


@routes
async def test_stopping_ends_this_answer_and_no_other(
    pool: ClientPool, options: dict[str, Any], route: str
) -> None:
    async with kobold() as server:
        provider = made(server.url, pool, options=options)
        async with aclosing(provider.stream(question("long"))) as stream:
            assert isinstance(await anext(stream), TextDelta)
            [key] = server.running
        assert server.aborted == [key] == [asked["genkey"] for asked in server.asked(route)]
        assert (await listen(provider, question())).text == "Hello there."
        assert server.aborted == [key]


async def test_a_cancelled_task_stops_the_answer_too(pool: ClientPool) -> None:
    async with kobold() as server:
        begun = asyncio.Event()

        async def ask() -> None:
            async with aclosing(made(server.url, pool).stream(question("long"))) as stream:
                async for _ in stream:
                    begun.set()

        task = asyncio.create_task(ask())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(server.aborted) == 1
        assert not server.running


async def test_a_busy_server_is_asked_later_and_its_answer_goes_on(pool: ClientPool) -> None:
    async with kobold() as server, aclosing(made(server.url, pool).stream(question("long"))) as stream:
        await anext(stream)
        error = (await listen(made(server.url, pool), question())).error
        assert isinstance(error, Overloaded)
        assert error.message.startswith("Server is busy; please try again later.")
        assert not server.aborted
        assert server.running


async def test_a_wrong_password_is_unauthorized(pool: ClientPool) -> None:
    async with kobold(password="another") as server:
        error = (await listen(made(server.url, pool), question())).error
        assert isinstance(error, Unauthorized)
        assert "Authentication key is missing or invalid." in error.message


async def test_an_abort_that_nobody_answers_holds_nothing_up() -> None:
    stuck = asyncio.Event()

    class Stuck:
        def __init__(self) -> None:
            self.paths: list[str] = []

        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            self.paths.append(head.split(b" ")[1].decode())
            await stuck.wait()
            writer.close()

    stuck_server = Stuck()
    server = await asyncio.start_server(stuck_server.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    pool = ClientPool()
    outcome = await listen(made(url, pool, first_event_timeout=0.05), question())
    assert isinstance(outcome.error, TimedOut)
    assert stuck_server.paths == [CHAT, "/api/extra/abort"]
    stuck.set()
    server.close()
    await pool.aclose()


@pytest.mark.parametrize("path", ["", "/", "/v1", "/api", "/api/v1/"])
async def test_the_base_url_may_be_written_in_any_way(pool: ClientPool, path: str) -> None:
    async with kobold() as server:
        assert (await listen(made(server.url + path, pool), question())).text == "Hello there."


async def test_the_model_is_listed_with_its_context(pool: ClientPool) -> None:
    async with kobold(context=8192) as server:
        assert await made(server.url, pool).models() == [
            ModelInfo("koboldcpp/tiny", "KoboldCpp 1.99", context=8192, traits=("vision",), loaded=True)
        ]


async def test_a_server_that_only_draws_lists_no_model() -> None:
    fed = Fed(lambda _: response(b'{"result": "inactive"}', kind="application/json"))
    assert await fed.provider("koboldcpp").models() == []


async def test_tokens_are_counted_with_the_template(pool: ClientPool) -> None:
    async with kobold() as server:
        provider = made(server.url, pool, options={"template": "alpaca"})
        assert isinstance(provider, CountsTokens)
        assert await provider.count(question("one two", system="Be terse.")) == 8
        [asked] = server.asked("/api/extra/tokencount")
        assert asked == {"prompt": "Be terse.\n\n### Instruction:\none two\n\n### Response:\n"}


@pytest.mark.parametrize(
    ("words", "sampling", "told"),
    [
        (100, Sampling(), False),
        (1900, Sampling(), False),
        (2100, Sampling(), True),
        (1900, Sampling(max_tokens=300), True),
        (100, Sampling(context_size=50), True),
        (100, Sampling(context_size=4096), False),
    ],
)
async def test_a_conversation_that_gets_cut_is_told(
    pool: ClientPool, words: int, sampling: Sampling, told: bool
) -> None:
    async with kobold(context=2048) as server:
        outcome = await listen(made(server.url, pool), question("word " * words, sampling=sampling))
        assert outcome.text == "Hello there."
        expected = ["KoboldCpp cuts the beginning: the conversation is longer than its context"]
        assert notices(outcome) == (expected if told else [])


async def test_a_short_question_costs_no_request_before_it(pool: ClientPool) -> None:
    async with kobold() as server:
        await listen(made(server.url, pool), question())
        assert server.requests[0].path == CHAT


async def test_what_it_cannot_set_is_told() -> None:
    fed = Fed(lambda _: response((DATA / "chat" / "synthetic-koboldcpp-text.sse").read_bytes()))
    provider = fed.provider("koboldcpp", options={"template": "chatml"})
    tool = Tool("f", "", {"type": "object"})
    outcome = await listen(provider, question(sampling=Sampling(frequency_penalty=1.0), tools=(tool,)))
    assert notices(outcome) == [
        "http://localhost:9 has no setting for frequency_penalty",
        "a prompt by options.template has no room for tools",
    ]


# What is sent


SETTINGS = Sampling(
    temperature=0.5, top_p=0.9, top_k=40, min_p=0.1, typical_p=0.8, repetition_penalty=1.1,
    presence_penalty=0.2, max_tokens=100, seed=7, stop=("END",), context_size=2048,
)  # fmt: skip
SHARED = {
    "temperature": 0.5, "top_p": 0.9, "top_k": 40, "min_p": 0.1, "typical": 0.8, "rep_pen": 1.1,
    "presence_penalty": 0.2, "max_length": 100, "max_context_length": 2048,
}  # fmt: skip


async def test_the_chat_route_gets_messages_and_settings_under_its_names() -> None:
    tool = Tool("f", "does f", {"type": "object"})
    request = question(system="Be terse.", sampling=SETTINGS, tools=(tool,), options={"mirostat": 2})
    assert await sent(request, options={"mirostat": 1}) == {
        "messages": [{"role": "system", "content": "Be terse."}, {"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": [
            {
                "type": "function",
                "function": {"name": "f", "description": "does f", "parameters": tool.parameters},
            }
        ],
        **SHARED,
        "max_tokens": 100,
        "seed": 7,
        "stop": ["END"],
        "mirostat": 2,
    }


async def test_the_native_route_gets_a_prompt_and_settings_under_its_names() -> None:
    request = question(sampling=SETTINGS, options={"grammar": "root ::= [a-z]", "template": "chatml"})
    assert await sent(request) == {
        "prompt": "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n",
        "images": [],
        "trim_stop": True,
        **SHARED,
        "sampler_seed": 7,
        "stop_sequence": ["END", "<|im_start|>user", "<|im_start|>assistant", "<|im_end|>"],
        "grammar": "root ::= [a-z]",
    }


async def test_pictures_go_beside_the_prompt_in_order() -> None:
    pictures = (Image(b"\x89PNG", "image/png"), Image(b"\xff\xd8", "image/jpeg"))
    message = Message(role="user", text="what?", parts=pictures)
    document = await sent(ChatRequest(model="", messages=(message,), options={"template": "gemma"}))
    assert document["images"] == ["iVBORw==", "/9g="]


def said(role: Role, text: str = "", *parts: Any) -> Message:
    return Message(role=role, text=text, parts=parts)


TALK = ChatRequest(
    model="",
    system="Be terse.",
    messages=(said("user", "one"), said("assistant", "two"), said("user", "three")),
)
PROMPTS = {
    "chatml": "<|im_start|>system\nBe terse.<|im_end|>\n<|im_start|>user\none<|im_end|>\n"
    "<|im_start|>assistant\ntwo<|im_end|>\n<|im_start|>user\nthree<|im_end|>\n<|im_start|>assistant\n",
    "llama3": "<|start_header_id|>system<|end_header_id|>\n\nBe terse.<|eot_id|>"
    "<|start_header_id|>user<|end_header_id|>\n\none<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\ntwo<|eot_id|>"
    "<|start_header_id|>user<|end_header_id|>\n\nthree<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
    "gemma": "<start_of_turn>user\nBe terse.\n\none<end_of_turn>\n<start_of_turn>model\ntwo<end_of_turn>\n"
    "<start_of_turn>user\nthree<end_of_turn>\n<start_of_turn>model\n",
    "mistral": "[INST] Be terse.\n\none [/INST] two</s>[INST] three [/INST]",
    "alpaca": "Be terse.\n\n### Instruction:\none\n\n### Response:\ntwo\n\n"
    "### Instruction:\nthree\n\n### Response:\n",
    "vicuna": "Be terse.\n\nUSER: one\nASSISTANT: two</s>\nUSER: three\nASSISTANT:",
}


def test_every_template_is_looked_at() -> None:
    assert PROMPTS.keys() == TEMPLATES.keys()


@pytest.mark.parametrize("name", PROMPTS)
async def test_a_template_makes_its_prompt(name: str) -> None:
    document = await sent(TALK, options={"template": name})
    assert document["prompt"] == PROMPTS[name]
    assert all(stop in PROMPTS[name] for stop in document["stop_sequence"])


async def test_a_table_is_a_template() -> None:
    """With the names of KoboldCpp's adapters, of which more exist than matter here."""
    table = {"user_start": "\nQ: ", "assistant_start": "\nA: ", "max_length": 7, "tools_start": "\nT: "}
    document = await sent(TALK, options={"template": table})
    assert document["prompt"] == "\nQ: Be terse.\n\none\nA: two\nQ: three\nA:"
    assert document["stop_sequence"] == ["Q:", "A:"]


@pytest.mark.parametrize(
    "value", ["chatmel", 3, [], {}, {"user_start": "a"}, {"user_start": 1, "assistant_start": ""}]
)
async def test_a_template_that_is_none_is_a_config_error(value: Any) -> None:
    fed = Fed(lambda _: response(b""))
    with pytest.raises(ConfigError) as caught:
        await listen(fed.provider("koboldcpp", options={"template": value}))
    assert caught.value.key == "options.template"
    assert not fed.requests


async def test_a_talk_that_began_with_another_provider_is_understood() -> None:
    messages = (
        said("assistant", "Welcome."),
        said("user", "weather?"),
        said("assistant", "", ToolCall("a", "get_weather", '{"city": "Paris"}')),
        said("tool", "", ToolResult("a", "sunny")),
    )
    request = ChatRequest(model="", system="Be terse.", messages=messages)
    document = await sent(request, options={"template": "mistral"})
    assert document["prompt"] == (
        ' Welcome.</s>[INST] Be terse.\n\nweather? [/INST] (called get_weather with {"city": "Paris"})</s>'
        "[INST] sunny [/INST]"
    )


# What comes


async def recorded(name: str) -> Outcome:
    return await play("koboldcpp", (DATA / "chat" / f"synthetic-koboldcpp-{name}.sse").read_bytes())


async def test_tokens_are_text() -> None:
    outcome = await recorded("text")
    assert outcome.text == "Café 日本 \u2028sep 🎉."
    assert outcome.events[-1] == Finished("complete")


async def test_a_tag_in_pieces_is_thinking() -> None:
    outcome = await recorded("think")
    assert (outcome.reasoning, outcome.text) == ("Let me see", "Answer 42")


async def test_a_cut_answer_says_so() -> None:
    outcome = await recorded("length")
    assert (outcome.text, outcome.events[-1]) == ("One two three", Finished("length"))


async def test_a_generation_that_failed_keeps_what_had_come() -> None:
    outcome = await recorded("error")
    assert outcome.text == "One two"
    assert isinstance(outcome.error, BrokenStream)


async def test_the_chat_route_calls_tools() -> None:
    outcome = await recorded("tools")
    assert outcome.calls == [("call_001", "get_weather", '{"city": "Paris"}'), ("call_002", "get_time", "{}")]
    assert outcome.events[-1] == Finished("tool_calls")


@pytest.mark.parametrize(
    ("reason", "ending"), [(0, "length"), (2, "complete"), ("2", "length"), (None, "length")]
)
async def test_a_stop_sequence_is_no_cut_whatever_the_stream_calls_it(reason: Any, ending: str) -> None:
    body = (DATA / "chat" / "synthetic-koboldcpp-length.sse").read_bytes()
    perf = json.dumps({**PERF, "stop_reason": reason}).encode()
    fed = Fed(
        lambda request: (
            response(perf, kind="application/json") if request.url.path.endswith("perf") else response(body)
        )
    )
    outcome = await listen(fed.provider("koboldcpp"))
    assert outcome.events[-1] == Finished(ending)  # type: ignore[arg-type]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.sampled_from(["token", "finish_reason", "choices", "usage", "index"]), JSON))
def test_no_document_breaks_the_reader(document: dict[str, Any]) -> None:
    reader = TokenReader()
    list(reader.read(document))
    list(reader.close())
    reader.finished()


@given(st.dictionaries(st.sampled_from([*PERF, "last_process"]), JSON))
def test_no_measurement_breaks_the_usage(perf: dict[str, Any]) -> None:
    assert TokenReader().measured(perf).input >= 0
