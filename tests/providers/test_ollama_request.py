"""What Ollama is sent, and that a server as strict as the real one takes it."""

import json
from typing import Any

import pytest

from pluma_tui.core.chat import (
    ChatRequest,
    File,
    Image,
    Message,
    Opaque,
    Role,
    Sampling,
    Tool,
    ToolCall,
    ToolResult,
)
from pluma_tui.core.errors import Refused
from pluma_tui.providers.ollama_request import SAMPLING, body
from pluma_tui.transport.http import ClientPool
from tests.providers.feeding import Fed, Outcome, listen, make_provider, response
from tests.servers.ollama import Model, OllamaServer, ollama_server

OK = b'{"message":{"role":"assistant","content":"a"},"done":true}\n'
WEATHER = Tool(
    "get_weather", "The weather of a town", {"type": "object", "properties": {"city": {"type": "string"}}}
)


def said(*parts: Any, text: str = "", reasoning: str = "", role: Role = "user") -> list[Any]:
    """The messages that one message becomes."""
    message = Message(role=role, text=text, reasoning=reasoning, parts=parts)
    messages: list[Any] = body(ChatRequest(model="m", messages=(message,)), {})["messages"]
    return messages


async def ask(server: OllamaServer, request: ChatRequest, **profile: Any) -> Outcome:
    pool = ClientPool()
    outcome = await listen(make_provider("ollama", server.url, pool, **profile), request)
    await pool.aclose()
    return outcome


def test_a_plain_conversation_with_the_system_prompt_first() -> None:
    messages = (Message(role="user", text="hi"), Message(role="assistant", text="hello", reasoning="hm"))
    assert body(ChatRequest(model="m", messages=messages, system="Be terse."), {}) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be terse."},
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "hello"},
        ],
        "stream": True,
        "options": {},
    }


def test_pictures_go_as_bare_base64_beside_the_text() -> None:
    assert said(Image(b"\x89PNG", "image/png"), Image(b"\xff\xd8", "image/jpeg"), text="what?") == [
        {"role": "user", "content": "what?", "images": ["iVBORw==", "/9g="]}
    ]


def test_a_file_is_part_of_the_text() -> None:
    assert said(File("a.txt", "x"), text="Read:")[0]["content"] == "Read:\n\nFile a.txt:\n```\nx\n```"


def test_calls_go_back_as_objects_with_what_led_to_them_and_results_by_name() -> None:
    messages = (
        Message(
            role="assistant",
            reasoning="Both.",
            parts=(ToolCall("a", "f", '{"x": [1]}'), ToolCall("b", "g", "")),
        ),
        Message(role="tool", parts=(ToolResult("a", "1"), ToolResult("b", "2"), ToolResult("lost", "3"))),
    )
    assert body(ChatRequest(model="m", messages=messages), {})["messages"] == [
        {
            "role": "assistant",
            "content": "",
            "thinking": "Both.",
            "tool_calls": [
                {"id": "a", "function": {"name": "f", "arguments": {"x": [1]}}},
                {"id": "b", "function": {"name": "g", "arguments": {}}},
            ],
        },
        {"role": "tool", "content": "1", "tool_call_id": "a", "tool_name": "f"},
        {"role": "tool", "content": "2", "tool_call_id": "b", "tool_name": "g"},
        {"role": "tool", "content": "3", "tool_call_id": "lost"},
    ]


@pytest.mark.parametrize("cut", ['{"city": "Lon', "[1]", "null", "\udce9", "[" * 5000])
def test_arguments_that_are_no_object_are_left_out(cut: str) -> None:
    (message,) = said(ToolCall("a", "f", cut), role="assistant")
    assert message["tool_calls"] == [{"id": "a", "function": {"name": "f", "arguments": {}}}]


def test_a_result_among_a_persons_words_comes_before_them() -> None:
    assert said(ToolResult("a", "1"), text="And?") == [
        {"role": "tool", "content": "1", "tool_call_id": "a"},
        {"role": "user", "content": "And?"},
    ]


def test_what_another_dialect_wants_back_is_not_sent() -> None:
    assert said(Opaque("anthropic", {"signature": "x"}), text="hi") == [{"role": "user", "content": "hi"}]


def test_tools_are_told_as_functions() -> None:
    request = ChatRequest(model="m", messages=(), tools=(WEATHER,))
    function = {
        "name": "get_weather",
        "description": "The weather of a town",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    }
    assert body(request, {})["tools"] == [{"type": "function", "function": function}]


def test_settings_go_under_ollamas_names_into_the_options() -> None:
    settings = Sampling(
        temperature=0.0, repetition_penalty=1.1, max_tokens=64, stop=("END",), context_size=8192
    )
    assert body(ChatRequest(model="m", messages=(), sampling=settings), {})["options"] == {
        "temperature": 0.0,
        "repeat_penalty": 1.1,
        "num_predict": 64,
        "stop": ("END",),
        "num_ctx": 8192,
    }


def test_every_setting_has_a_name() -> None:
    assert set(SAMPLING) == set(Sampling.__struct_fields__)


def test_options_stand_where_the_server_looks_for_them_and_win() -> None:
    options = {"think": "low", "keep_alive": "1h", "format": "json", "truncate": False}
    inside = {"num_gpu": 0, "mirostat": 2, "num_ctx": 512, "of_tomorrow": 1}
    sampling = Sampling(context_size=4096, seed=1)
    sent = body(ChatRequest(model="m", messages=(), sampling=sampling), options | inside)
    assert {name: value for name, value in sent.items() if name not in ("model", "messages", "stream")} == {
        **options,
        "options": {"seed": 1, **inside},
    }


async def test_options_of_a_request_win_over_those_of_the_profile() -> None:
    fed = Fed(lambda _: response(OK, kind="application/x-ndjson"))
    provider = fed.provider("ollama", options={"think": False, "num_thread": 4})
    await listen(provider, ChatRequest(model="m", messages=(), options={"think": True}))
    sent = json.loads(fed.requests[0].content)
    assert (sent["think"], sent["options"]) == (True, {"num_thread": 4})
    assert fed.requests[0].url == "http://localhost:9/api/chat"


async def test_a_strict_server_takes_all_of_it() -> None:
    messages = (
        Message(role="user", text="look", parts=(Image(b"\x89PNG\r\n\x1a\n", "image/png"),)),
        Message(role="assistant", reasoning="hm", parts=(ToolCall("a", "get_weather", '{"city": "Oslo"}'),)),
        Message(role="tool", parts=(ToolResult("a", "rain"),)),
    )
    numbers = dict.fromkeys(set(Sampling.__struct_fields__) - {"stop"}, 1)
    request = ChatRequest(
        model="m",
        messages=messages,
        system="Be terse.",
        tools=(WEATHER,),
        sampling=Sampling(**numbers, stop=("x",)),
        options={"think": True, "keep_alive": "5m", "format": {"type": "object"}, "use_mmap": True},
    )
    able = Model("tools", capabilities=("completion", "tools", "thinking", "vision"))
    async with ollama_server(models={"m:latest": able}) as server:
        outcome = await ask(server, request)
    assert outcome.error is None
    assert [name for _, name, _ in outcome.calls] == ["get_weather", "get_weather"]
    assert server.loaded == {"m:latest": 1}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"think": 3}, "think must be a boolean or string"),
        ({"keep_alive": "5"}, 'time: missing unit in duration "5"'),
        ({"keep_alive": [1]}, "Unsupported type"),
        ({"num_ctx": "8k"}, 'option "num_ctx" must be of type integer'),
        (
            {"truncate": 1},
            "json: cannot unmarshal number into Go struct field ChatRequest.truncate of type bool",
        ),
    ],
)
async def test_a_wrong_value_is_told_in_the_servers_words(options: dict[str, Any], words: str) -> None:
    request = ChatRequest(model="m", messages=(Message(role="user", text="hi"),), options=options)
    async with ollama_server(models={"m:latest": Model()}) as server:
        outcome = await ask(server, request)
    assert isinstance(outcome.error, Refused)
    assert words in outcome.error.message
    assert not outcome.error.retryable
