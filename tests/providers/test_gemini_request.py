import json
from typing import Any

import httpx
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
from pluma_tui.core.events import Finished, Notice, OpaqueDelta
from pluma_tui.core.models import ModelInfo
from pluma_tui.providers.base import CountsTokens
from pluma_tui.providers.gemini_request import body
from pluma_tui.transport.http import ClientPool
from tests.conftest import DATA
from tests.providers.feeding import KEY, QUESTION, Fed, listen, make_provider, response

OK = b'data: {"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}]}\n\n'


def sent(*messages: Message, options: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return body(ChatRequest(model="m", messages=messages, **more), options or {})


def turns(*messages: Message) -> list[Any]:
    found: list[Any] = sent(*messages)["contents"]
    return found


def user(text: str, *parts: Any) -> Message:
    return Message(role="user", text=text, parts=parts)


def model(text: str, *parts: Any) -> Message:
    return Message(role="assistant", text=text, parts=parts)


def test_a_plain_conversation_has_two_sides_and_an_instruction() -> None:
    assert sent(user("hi"), model("hello"), user("and?"), system="Be terse.") == {
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}]},
            {"role": "model", "parts": [{"text": "hello"}]},
            {"role": "user", "parts": [{"text": "and?"}]},
        ],
        "systemInstruction": {"parts": [{"text": "Be terse."}]},
        "generationConfig": {"thinkingConfig": {"includeThoughts": True}},
    }


def test_turns_alternate_whatever_the_conversation_is() -> None:
    system = Message(role="system", text="Rhyme.")
    found = sent(user("a"), system, user("b"), model(""), model("c"), model("d"))
    assert found["contents"] == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
        {"role": "model", "parts": [{"text": "c"}, {"text": "d"}]},
    ]
    assert found["systemInstruction"] == {"parts": [{"text": "Rhyme."}]}


def test_pictures_and_files_go_with_the_words() -> None:
    [turn] = turns(user("what?", File("a.md", "code"), Image(b"\x89PNG", "image/png")))
    assert turn["parts"] == [
        {"text": "what?\n\nFile a.md:\n```\ncode\n```"},
        {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}},
    ]


def test_calls_are_objects_and_results_have_the_names_of_their_functions() -> None:
    calls = ToolCall("a", "f", '{"x":1}'), ToolCall("b", "g", '{"cut'), ToolCall("c", "h", "[]")
    results = ToolResult("a", "1"), ToolResult("b", "broken", error=True)
    assert turns(model("", *calls), Message(role="tool", parts=results)) == [
        {
            "role": "model",
            "parts": [
                {"functionCall": {"id": "a", "name": "f", "args": {"x": 1}}},
                {"functionCall": {"id": "b", "name": "g", "args": {}}},
                {"functionCall": {"id": "c", "name": "h", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "a", "name": "f", "response": {"result": "1"}}},
                {"functionResponse": {"id": "b", "name": "g", "response": {"error": "broken"}}},
            ],
        },
    ]


def test_a_signature_goes_back_with_its_own_call() -> None:
    kept = Opaque("gemini", {"thoughtSignature": "s", "call": 1})
    [turn] = turns(model("", kept, ToolCall("a", "f", ""), ToolCall("b", "g", "")))
    assert [part.get("thoughtSignature") for part in turn["parts"]] == [None, "s"]


@pytest.mark.parametrize(
    ("place", "parts"),
    [
        ({"start": 2, "end": 4}, [{"text": "he"}, {"text": "ll", "thoughtSignature": "s"}, {"text": "o"}]),
        ({"start": 5}, [{"text": "hello"}, {"text": "", "thoughtSignature": "s"}]),
        ({"start": 0, "end": 5}, [{"text": "hello", "thoughtSignature": "s"}]),
        ({"start": 9, "end": 12}, [{"text": "hello"}, {"text": "", "thoughtSignature": "s"}]),
    ],
)
def test_a_signature_goes_back_with_its_own_piece_of_text(place: dict[str, int], parts: list[Any]) -> None:
    [turn] = turns(model("hello", Opaque("gemini", {"thoughtSignature": "s", **place})))
    assert turn["parts"] == parts


async def test_what_was_said_goes_back_as_it_was_said() -> None:
    fed = Fed(lambda _: response((DATA / "chat" / "synthetic-gemini-tools.sse").read_bytes()))
    outcome = await listen(fed.provider("gemini"))
    kept = [Opaque(event.dialect, event.data) for event in outcome.events if isinstance(event, OpaqueDelta)]
    calls = [ToolCall(*call) for call in outcome.calls]
    [turn] = turns(model(outcome.text, *kept, *calls))
    rome = {"id": "AdVRaMmDCYekqtsPrb_-iAw-1", "name": "get_weather", "args": {"city": "Rome"}}
    assert turn["parts"] == [
        {"text": "Let me look."},
        {
            "functionCall": {"id": "abc123", "name": "get_weather", "args": {"city": "Paris"}},
            "thoughtSignature": "c2lnbmF0dXJlIG9mIGEgY2FsbA==",
        },
        {"functionCall": rome},
    ]


def test_what_another_dialect_wants_back_is_not_sent() -> None:
    foreign = Opaque("openai-responses", {"start": 2, "thoughtSignature": "s", "call": 0})
    assert turns(model("hello", foreign, ToolCall("a", "f", "{}")))[0]["parts"] == [
        {"text": "hello"},
        {"functionCall": {"id": "a", "name": "f", "args": {}}},
    ]


def test_tools_are_declared_by_their_json_schema_before_those_of_the_server() -> None:
    tool = Tool("f", "does f", {"type": "object"})
    assert sent(tools=(tool,), options={"tools": [{"google_search": {}}]})["tools"] == [
        {
            "functionDeclarations": [
                {"name": "f", "description": "does f", "parametersJsonSchema": {"type": "object"}}
            ]
        },
        {"google_search": {}},
    ]


def test_settings_go_under_geminis_names() -> None:
    settings = Sampling(temperature=0.0, top_p=0.9, top_k=4, max_tokens=64, seed=7, stop=("END",))
    found = sent(sampling=settings)["generationConfig"]
    del found["thinkingConfig"]
    assert found == {
        "temperature": 0.0,
        "topP": 0.9,
        "topK": 4,
        "maxOutputTokens": 64,
        "seed": 7,
        "stopSequences": ("END",),
    }


async def test_settings_without_a_name_are_told() -> None:
    fed = Fed(lambda _: response(OK))
    request = ChatRequest(model="m", messages=(), sampling=Sampling(min_p=0.1, context_size=5))
    outcome = await listen(fed.provider("gemini"), request)
    assert outcome.events[0] == Notice("Gemini has no setting for min_p, context_size")


@pytest.mark.parametrize(
    ("wanted", "config"),
    [
        (True, {"includeThoughts": True}),
        (False, {"thinkingBudget": 0}),
        (0, {"thinkingBudget": 0}),
        (-1, {"includeThoughts": True, "thinkingBudget": -1}),
        ("low", {"includeThoughts": True, "thinkingLevel": "low"}),
        ({"includeThoughts": False, "thinkingBudget": 9}, {"includeThoughts": False, "thinkingBudget": 9}),
    ],
)
def test_thinking_may_be_said_in_several_ways(wanted: Any, config: dict[str, Any]) -> None:
    found = sent(options={"thinking": wanted})
    assert found["generationConfig"]["thinkingConfig"] == config
    assert "thinking" not in found


def test_options_go_in_as_they_are() -> None:
    safety = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    options = {"safetySettings": safety, "generationConfig": {"responseMimeType": "application/json"}}
    found = sent(options=options, sampling=Sampling(seed=1))
    assert found["safetySettings"] == safety
    assert found["generationConfig"]["responseMimeType"] == "application/json"
    assert found["generationConfig"]["seed"] == 1


@pytest.mark.parametrize("options", [{"tools": {}}, {"generationConfig": []}, {"thinking": [1]}])
def test_an_option_of_the_wrong_kind_is_told(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"options\.\w+ must be"):
        sent(options=options)


# Where it is asked


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("gemini-x", "/v1beta/models/gemini-x:streamGenerateContent"),
        ("models/gemini-x", "/v1beta/models/gemini-x:streamGenerateContent"),
        ("tunedModels/mine", "/v1beta/tunedModels/mine:streamGenerateContent"),
        ("a?b#c", "/v1beta/models/a%3Fb%23c:streamGenerateContent"),
    ],
)
async def test_a_model_is_a_path(name: str, path: str) -> None:
    fed = Fed(lambda _: response(OK))
    await listen(fed.provider("gemini"), ChatRequest(model=name, messages=()))
    [request] = fed.requests
    assert request.url.raw_path.decode() == f"{path}?alt=sse"
    assert request.headers["x-goog-api-key"] == KEY
    assert "authorization" not in request.headers


@pytest.mark.parametrize("base", ["", "http://localhost:9", "http://localhost:9/v1beta/"])
async def test_the_base_url_may_be_written_in_any_way(base: str) -> None:
    asked: list[httpx.URL] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return response(OK)

    pool = ClientPool(transport=httpx.MockTransport(handler))
    await listen(make_provider("gemini", base, pool))
    host = base.partition("/v1beta")[0].rstrip("/") or "https://generativelanguage.googleapis.com"
    assert asked == [httpx.URL(f"{host}/v1beta/models/m:streamGenerateContent?alt=sse")]


async def test_without_a_model_nothing_is_asked() -> None:
    fed = Fed(lambda _: response(OK))
    with pytest.raises(ConfigError, match="no model"):
        await listen(fed.provider("gemini"), ChatRequest(model="", messages=()))
    assert not fed.requests


def no(words: str) -> httpx.Response:
    error = {"error": {"code": 400, "message": words, "status": "INVALID_ARGUMENT"}}
    return response(json.dumps(error).encode(), status=400, kind="application/json")


REFUSALS = [
    "Thinking is not enabled for models/gemini-2.0-flash-preview-image-generation",
    "Thinking_config.include_thoughts is only enabled when thinking is enabled.",
]


@pytest.mark.parametrize("words", REFUSALS)
async def test_a_model_that_cannot_think_is_asked_without_a_word_about_it(words: str) -> None:
    answers = iter([no(words), response(OK)])
    fed = Fed(lambda _: next(answers))
    outcome = await listen(fed.provider("gemini"))
    assert outcome.text == "a"
    assert outcome.events[-1] == Finished("complete")
    assert "thinkingConfig" not in json.loads(fed.requests[1].content)["generationConfig"]


async def test_a_model_that_cannot_think_as_it_was_asked_to_says_so() -> None:
    fed = Fed(lambda _: no(REFUSALS[0]))
    outcome = await listen(fed.provider("gemini", options={"thinking": "high"}))
    assert isinstance(outcome.error, Refused)
    assert len(fed.requests) == 1


# What else it can do


async def test_models_come_page_by_page_and_only_those_that_answer() -> None:
    first = {
        "models": [
            {
                "name": "models/gemini-x",
                "displayName": "Gemini X",
                "inputTokenLimit": 1048576,
                "outputTokenLimit": 65536,
                "supportedGenerationMethods": ["generateContent", "countTokens"],
                "thinking": True,
            },
            {"name": "models/embedding-001", "supportedGenerationMethods": ["embedContent"]},
        ],
        "nextPageToken": "a/b=",
    }
    second = {"models": [{"name": "models/gemma", "thinking": "yes"}, {"displayName": "nameless"}, 7]}
    pages = iter([first, second])
    fed = Fed(lambda _: response(json.dumps(next(pages)).encode(), kind="application/json"))
    assert await fed.provider("gemini").models() == [
        ModelInfo("gemini-x", "Gemini X", 1048576, ("thinking",), 65536),
        ModelInfo("gemma"),
    ]
    assert [request.url.raw_path.decode() for request in fed.requests] == [
        "/v1beta/models?pageSize=1000",
        "/v1beta/models?pageSize=1000&pageToken=a%2Fb%3D",
    ]


@pytest.mark.parametrize("document", [{}, [], {"models": {}}, {"models": [{"name": None}]}, "x"])
async def test_a_strange_list_of_models_is_none(document: Any) -> None:
    fed = Fed(lambda _: response(json.dumps(document).encode(), kind="application/json"))
    assert await fed.provider("gemini").models() == []


async def test_a_list_without_an_end_is_left() -> None:
    page = json.dumps({"models": [], "nextPageToken": "again"}).encode()
    fed = Fed(lambda _: response(page, kind="application/json"))
    assert await fed.provider("gemini").models() == []
    assert len(fed.requests) == 50


async def test_tokens_are_counted_with_instruction_and_tools() -> None:
    fed = Fed(lambda _: response(b'{"totalTokens": 31}', kind="application/json"))
    provider = fed.provider("gemini")
    assert isinstance(provider, CountsTokens)
    request = ChatRequest(model="m", messages=QUESTION.messages, system="s", tools=(Tool("f", "", {}),))
    assert await provider.count(request) == 31
    [asked] = fed.requests
    assert asked.url.path == "/v1beta/models/m:countTokens"
    question = json.loads(asked.content)["generateContentRequest"]
    assert question["model"] == "models/m"
    assert {"contents", "systemInstruction", "tools"} <= set(question)
