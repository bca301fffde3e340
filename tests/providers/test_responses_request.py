import json
from typing import Any

import pytest

from pluma_tui.core.chat import (
    ChatRequest,
    File,
    Image,
    Message,
    Opaque,
    Sampling,
    Tool,
    ToolCall,
    ToolResult,
)
from pluma_tui.core.errors import ConfigError, Refused
from pluma_tui.core.events import Notice
from pluma_tui.providers.responses_request import body
from tests.conftest import DATA
from tests.providers.feeding import Fed, listen, response

SERVER = "http://localhost:9/v1"
OK = b'data: {"type": "response.completed", "response": {"status": "completed"}}\n\n'
ASKED = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
SAID = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hello"}]}


def sent(*messages: Message, options: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return body(ChatRequest(model="m", messages=messages, **more), options or {}, SERVER)


def items(*messages: Message, **options: Any) -> list[Any]:
    found: list[Any] = sent(*messages, options=options)["input"]
    return found


def kept(item: dict[str, Any], text: int = 0, calls: int = 0, server: str = SERVER) -> Opaque:
    return Opaque("openai-responses", {"server": server, "text": text, "calls": calls, "item": item})


def thought(name: str) -> dict[str, Any]:
    return {"id": name, "type": "reasoning", "summary": [], "encrypted_content": f"secret of {name}"}


def test_a_plain_conversation_is_a_list_of_messages_that_the_server_is_not_to_store() -> None:
    messages = Message(role="user", text="hi"), Message(role="assistant", text="hello", reasoning="hm")
    assert sent(*messages, system="Be terse.") == {
        "model": "m",
        "instructions": "Be terse.",
        "input": [ASKED, SAID],
        "stream": True,
        "store": False,
        "include": ["reasoning.encrypted_content"],
    }


def test_without_a_model_the_server_is_to_choose() -> None:
    assert "model" not in body(ChatRequest(model="", messages=()), {}, SERVER)


def test_pictures_and_files_go_with_the_words() -> None:
    parts = File("a.md", "code"), Image(b"\x89PNG", "image/png")
    [message] = items(Message(role="user", text="what?", parts=parts))
    assert message["content"] == [
        {"type": "input_text", "text": "what?\n\nFile a.md:\n```\ncode\n```"},
        {"type": "input_image", "image_url": "data:image/png;base64,iVBORw==", "detail": "auto"},
    ]


def test_calls_and_results_are_items_of_their_own() -> None:
    calls = ToolCall("a", "f", '{"x":1}'), ToolCall("b", "g", "")
    results = ToolResult("a", "1"), ToolResult("b", "2")
    assert items(
        Message(role="assistant", text="hello", parts=calls), Message(role="tool", parts=results)
    ) == [
        SAID,
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": '{"x":1}'},
        {"type": "function_call", "call_id": "b", "name": "g", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "1"},
        {"type": "function_call_output", "call_id": "b", "output": "2"},
    ]


def test_thinking_goes_back_unchanged_to_where_it_was() -> None:
    parts = (kept(thought("r0")), kept(thought("r1"), 5, 1), ToolCall("a", "f", ""), ToolCall("b", "g", ""))
    found = items(Message(role="assistant", text="hello", parts=parts))
    assert [item.get("id") or item.get("call_id") or item["role"] for item in found] == [
        "r0", "assistant", "a", "r1", "b",
    ]  # fmt: skip
    assert found[0] == thought("r0")


@pytest.mark.parametrize(
    "foreign",
    [
        Opaque("anthropic", {"item": thought("r")}),
        kept(thought("r"), server="https://other.example/v1"),
        Opaque("openai-responses", {"server": SERVER, "text": -1, "calls": "x", "item": None}),
    ],
)
def test_what_is_not_this_servers_is_not_sent(foreign: Opaque) -> None:
    assert items(Message(role="assistant", text="hello", parts=(foreign,))) == [SAID]


def test_thinking_that_nothing_follows_is_not_sent() -> None:
    assert items(Message(role="assistant", parts=(kept(thought("r")),))) == []
    assert items(Message(role="assistant", text="hello", parts=(kept(thought("r"), 5),))) == [SAID]


def test_a_search_that_nothing_follows_is_sent() -> None:
    search = {"id": "ws", "type": "web_search_call"}
    assert items(Message(role="assistant", text="hello", parts=(kept(search, 5),))) == [SAID, search]


def test_thinking_that_is_only_an_id_is_sent_to_who_has_stored_it() -> None:
    message = Message(role="assistant", text="hello", parts=(kept({"type": "reasoning", "id": "r"}),))
    assert items(message) == [SAID]
    assert items(message, store=True) == [{"type": "reasoning", "id": "r"}, SAID]


def test_llamacpps_thinking_goes_back_as_text() -> None:
    item = {
        "type": "reasoning",
        "content": [{"type": "reasoning_text", "text": "hm"}],
        "encrypted_content": "",
    }
    assert items(Message(role="assistant", text="hello", parts=(kept(item),))) == [item, SAID]


def test_tools_are_flat_and_stand_before_those_of_the_server() -> None:
    tools = (Tool("f", "does f", {"type": "object"}),)
    assert sent(tools=tools, options={"tools": [{"type": "web_search"}]})["tools"] == [
        {
            "type": "function",
            "strict": False,
            "name": "f",
            "description": "does f",
            "parameters": {"type": "object"},
        },
        {"type": "web_search"},
    ]


def test_settings_go_under_the_names_of_this_api() -> None:
    found = sent(sampling=Sampling(temperature=0.5, top_p=0.9, max_tokens=64))
    assert (found["temperature"], found["top_p"], found["max_output_tokens"]) == (0.5, 0.9, 64)


async def test_settings_without_a_name_are_told() -> None:
    fed = Fed(lambda _: response(OK))
    request = ChatRequest(model="m", messages=(), sampling=Sampling(top_k=4, stop=("x",)))
    outcome = await listen(fed.provider("openai-responses"), request)
    assert outcome.events[0] == Notice(f"{SERVER} has no setting for top_k, stop")


def test_the_ways_to_think_are_one_table() -> None:
    options = {"reasoning": {"summary": "auto", "effort": "low"}, "reasoning_effort": "high"}
    found = sent(options=options)
    assert found["reasoning"] == {"summary": "auto", "effort": "high"}
    assert "reasoning_effort" not in found


def test_a_server_that_stores_is_not_asked_for_encrypted_thinking() -> None:
    found = sent(options={"store": True, "text": {"verbosity": "low"}})
    assert (found["store"], found["text"], "include" in found) == (True, {"verbosity": "low"}, False)


@pytest.mark.parametrize(
    "options", [{"tools": "web_search"}, {"reasoning": "high", "reasoning_effort": "low"}]
)
def test_an_option_of_the_wrong_kind_is_told(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"options\.(tools must be a list|reasoning must be a table)"):
        sent(options=options)


async def test_options_of_a_request_win_over_those_of_the_profile() -> None:
    fed = Fed(lambda _: response(OK))
    provider = fed.provider("openai-responses", options={"reasoning_effort": "low", "user": "me"})
    await listen(provider, ChatRequest(model="m", messages=(), options={"reasoning_effort": "high"}))
    found = json.loads(fed.requests[0].content)
    assert (found["reasoning"], found["user"]) == ({"effort": "high"}, "me")
    assert fed.requests[0].url == f"{SERVER}/responses"


REFUSALS = [
    "Encrypted content is not supported with this model.",
    "The encrypted content gAAA could not be verified.",
]


@pytest.mark.parametrize("words", REFUSALS)
async def test_a_model_that_cannot_take_its_thinking_back_is_asked_without(words: str) -> None:
    no = json.dumps({"error": {"message": words}}).encode()
    answers = iter([response(no, status=400, kind="application/json"), response(OK)])
    fed = Fed(lambda _: next(answers))
    message = Message(role="assistant", text="hello", parts=(kept(thought("r")),))
    outcome = await listen(fed.provider("openai-responses"), ChatRequest(model="m", messages=(message,)))
    assert outcome.error is None
    first, second = (json.loads(request.content) for request in fed.requests)
    assert (first["input"], second["input"]) == ([thought("r"), SAID], [SAID])
    assert "include" not in second
    assert outcome.events[0] == Notice("the server does not take encrypted thinking: it answers without")


async def test_a_setting_that_a_model_refuses_is_left_out() -> None:
    no = b'{"error": {"message": "Unsupported parameter: \'temperature\' is not supported with this model."}}'
    answers = iter([response(no, status=400, kind="application/json"), response(OK)])
    fed = Fed(lambda _: next(answers))
    request = ChatRequest(model="m", messages=(), sampling=Sampling(temperature=0.1))
    outcome = await listen(fed.provider("openai-responses"), request)
    assert outcome.events[0] == Notice("the server does not take temperature: it answers without")
    assert "temperature" not in json.loads(fed.requests[1].content)


async def test_a_refusal_that_cannot_be_helped_is_an_error_after_one_request() -> None:
    fed = Fed(lambda _: response(b'{"error": {"message": "no"}}', status=400, kind="application/json"))
    assert isinstance((await listen(fed.provider("openai-responses"))).error, Refused)
    assert len(fed.requests) == 1


async def test_models_are_listed_as_for_the_other_api() -> None:
    _, _, document = (DATA / "chat" / "xl-models.http").read_bytes().partition(b"\r\n\r\n")
    fed = Fed(lambda _: response(document, kind="application/json"))
    [model] = await fed.provider("openai-responses").models()
    assert (model.id, model.context) == ("smollm2", 2048)
