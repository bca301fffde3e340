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
from pluma_tui.core.models import ModelInfo, Price
from pluma_tui.providers.openai_models import read_models
from pluma_tui.providers.openai_request import body
from tests.providers.feeding import Fed, listen, response

OK = b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n'


def said(*parts: Any, text: str = "", role: Role = "user") -> list[Any]:
    """The messages that one message becomes."""
    message = Message(role=role, text=text, parts=parts)
    messages: list[Any] = body(ChatRequest(model="m", messages=(message,)), {})["messages"]
    return messages


def test_a_plain_conversation_is_plain_text_with_the_system_prompt_first() -> None:
    messages = (Message(role="user", text="hi"), Message(role="assistant", text="hello", reasoning="hm"))
    assert body(ChatRequest(model="m", messages=messages, system="Be terse."), {}) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be terse."},
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "hello"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_without_a_model_the_server_is_to_choose() -> None:
    assert "model" not in body(ChatRequest(model="", messages=()), {})


def test_a_picture_goes_as_a_data_url() -> None:
    assert said(Image(b"\x89PNG", "image/png"), text="what?") == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "what?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
            ],
        }
    ]


def test_a_file_is_told_by_name_in_a_fence_that_it_cannot_close() -> None:
    file = File("a.md", "````\ncode\n````")
    assert said(file, text="Explain:")[0]["content"] == (
        "Explain:\n\nFile a.md:\n`````\n````\ncode\n````\n`````"
    )


def test_calls_and_results_keep_their_ids() -> None:
    asked = said(ToolCall("a", "f", '{"x":1}'), ToolCall("b", "g", ""), role="assistant")
    assert asked == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
                {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ],
        }
    ]
    assert said(ToolResult("a", "1"), ToolResult("b", "2"), role="tool") == [
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
    ]


def test_what_another_dialect_wants_back_is_not_sent() -> None:
    assert said(Opaque("anthropic", {"signature": "x"}), text="hi") == [{"role": "user", "content": "hi"}]


def test_tools_are_told_as_functions() -> None:
    request = ChatRequest(model="m", messages=(), tools=(Tool("f", "does f", {"type": "object"}),))
    function = {"name": "f", "description": "does f", "parameters": {"type": "object"}}
    assert body(request, {})["tools"] == [{"type": "function", "function": function}]


def test_only_settings_that_were_made_are_sent() -> None:
    settings = Sampling(temperature=0.0, repetition_penalty=1.1, stop=("END",), context_size=4096)
    sent = body(ChatRequest(model="m", messages=(), sampling=settings), {})
    assert {name: value for name, value in sent.items() if name not in ("model", "messages", "stream")} == {
        "temperature": 0.0,
        "repeat_penalty": 1.1,
        "repetition_penalty": 1.1,
        "stop": ("END",),
        "stream_options": {"include_usage": True},
    }


def test_every_setting_but_the_context_size_has_a_name() -> None:
    numbers = dict.fromkeys(set(Sampling.__struct_fields__) - {"stop"}, 1)
    sent = body(ChatRequest(model="m", messages=(), sampling=Sampling(**numbers, stop=("x",))), {})
    assert set(Sampling.__struct_fields__) - set(sent) == {"context_size"}


async def test_options_of_a_request_win_over_those_of_the_profile() -> None:
    fed = Fed(lambda _: response(OK))
    provider = fed.provider("openai", options={"reasoning_effort": "low", "user": "me", "stream": False})
    await listen(provider, ChatRequest(model="m", messages=(), options={"reasoning_effort": "high"}))
    sent = json.loads(fed.requests[0].content)
    assert (sent["reasoning_effort"], sent["user"]) == ("high", "me")
    assert (sent["stream"], "stream_options" in sent) == (False, False)


async def test_text_with_half_a_surrogate_pair_can_be_asked() -> None:
    fed = Fed(lambda _: response(OK))
    request = ChatRequest(model="m", messages=(Message(role="user", text="caf\udce9 é 日"),))
    assert (await listen(fed.provider("openai"), request)).error is None
    assert json.loads(fed.requests[0].content)["messages"][0]["content"] == "caf? é 日"


async def test_the_models_of_llamacpp_are_told_once_with_their_sizes() -> None:
    from tests.conftest import DATA

    _, _, document = (DATA / "chat" / "xl-models.http").read_bytes().partition(b"\r\n\r\n")
    fed = Fed(lambda _: response(document, kind="application/json"))
    [model] = await fed.provider("openai").models()
    assert model == ModelInfo("smollm2", "135M, Q4_1", context=2048, size=96_576_768)
    assert fed.requests[0].url == "http://localhost:9/v1/models"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"id": "m", "max_model_len": 4096}, ModelInfo("m", context=4096)),
        ({"id": "m", "name": "The M", "context_length": 8}, ModelInfo("m", label="The M", context=8)),
        (
            {"id": "m", "max_context_length": 9, "loaded_context_length": 7, "type": "vlm"},
            ModelInfo("m", context=7, traits=("vision",)),
        ),
        (
            {"id": "m", "architecture": {"input_modalities": ["text", "image"]}, "capabilities": ["vision"]},
            ModelInfo("m", traits=("vision",)),
        ),
        (
            {"id": "m", "capabilities": {"vision": False, "function_calling": True}},
            ModelInfo("m", traits=("tools",)),
        ),
        (
            {"id": "m", "supported_parameters": ["tools", "reasoning"]},
            ModelInfo("m", traits=("tools", "thinking")),
        ),
        (
            {"id": "m", "meta": None, "architecture": [], "capabilities": "x", "context_length": "8"},
            ModelInfo("m"),
        ),
    ],
)
def test_a_model_is_read_from_what_its_server_tells(entry: dict[str, Any], expected: ModelInfo) -> None:
    assert read_models({"object": "list", "data": [entry]}) == [expected]


def test_lists_of_any_shape_keep_their_order() -> None:
    entries = [{"id": "b"}, {"id": "a"}, {"id": "b"}, {"id": 3}, "x", {}]
    names = ["b", "a"]
    assert [model.id for model in read_models(entries)] == names
    assert [model.id for model in read_models({"data": entries})] == names
    assert [model.id for model in read_models({"models": entries})] == names
    for nonsense in (None, "x", 3, {}, {"data": "x"}, {"data": {}, "models": 3}):
        assert read_models(nonsense) == []


def test_llamacpp_tells_abilities_in_its_second_list() -> None:
    document = {
        "data": [{"id": "m"}],
        "models": [{"name": "m", "capabilities": ["completion", "multimodal"]}],
    }
    assert read_models(document) == [ModelInfo("m", traits=("vision",))]


def test_models_tell_their_price_size_and_longest_answer() -> None:
    listed = {
        "data": [
            {"id": "router/auto", "pricing": {"prompt": "-1", "completion": "-1"}},
            {
                "id": "big",
                "context_length": 200_000,
                "top_provider": {"max_completion_tokens": 64_000},
                "pricing": {"prompt": "0.000003", "completion": "0.000015", "input_cache_read": "0.0000003"},
            },
            {"id": "together", "pricing": {"hourly": 0, "input": 0.3, "output": 0.4}},
            {"id": "here", "state": "not-loaded", "meta": {"size": 366_000, "n_ctx": 2048}},
            {"id": "odd", "pricing": {"prompt": "free", "completion": None}, "meta": [], "top_provider": 3},
        ]
    }
    auto, big, together, here, odd = read_models(listed)
    assert auto.price == Price(0, 0)
    assert (big.context, big.output, big.price) == (200_000, 64_000, Price(3, 15, 0.3))
    assert together.price == Price(0.3, 0.4)
    assert (here.loaded, here.size, here.context) == (False, 366_000, 2048)
    assert odd.price == Price(0, 0)
