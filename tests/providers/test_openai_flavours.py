"""Servers that differ in what they take: by their address, by name, or as their own refusal tells."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from pluma_tui.core.chat import ChatRequest, Message, Sampling
from pluma_tui.core.errors import ConfigError, Refused
from pluma_tui.core.events import Finished, Notice
from pluma_tui.core.profile import ConnectionProfile, SecretRef
from pluma_tui.providers import registry
from pluma_tui.providers.base import Provider
from pluma_tui.providers.openai_flavours import FLAVOURS
from pluma_tui.transport.http import ClientPool
from tests.providers.feeding import Fed, listen, response
from tests.servers import sse

ALL = Sampling(
    temperature=0.5, top_p=0.9, top_k=40, min_p=0.1, typical_p=0.8, repetition_penalty=1.1,
    frequency_penalty=0.2, presence_penalty=0.3, max_tokens=20, seed=7, stop=("x",),
)  # fmt: skip
REQUEST = ChatRequest(
    model="m", system="Be brief.", messages=(Message(role="user", text="hi"),), sampling=ALL
)
ANSWER = sse.whole("fine")


class Picky:
    """A server that takes `known` fields only, and says so in its own words, `say`."""

    def __init__(self, known: set[str], say: Callable[[list[str]], Any], status: int = 400) -> None:
        self.bodies: list[dict[str, Any]] = []
        self._known = known | {"model", "messages", "stream"}
        self._say = say
        self._status = status

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.bodies.append(body)
        strange = [name for name in body if name not in self._known]
        if not strange:
            return response(ANSWER)
        error = json.dumps(self._say(strange)).encode()
        return response(error, status=self._status, kind="application/json")


def one_at_a_time(strange: list[str]) -> Any:
    return {"error": {"message": f"Unrecognized request argument supplied: {strange[0]}"}}


def all_at_once(strange: list[str]) -> Any:
    extra = [{"loc": ["body", name], "msg": "Extra inputs are not permitted"} for name in strange]
    return {"detail": extra}


@pytest.mark.parametrize(("say", "status"), [(one_at_a_time, 400), (all_at_once, 422)])
async def test_settings_that_a_server_refuses_are_left_out_and_told(say: Any, status: int) -> None:
    server = Picky({"temperature", "top_p", "max_completion_tokens", "stop", "seed"}, say, status)
    outcome = await listen(Fed(server).provider("openai"), REQUEST)
    assert outcome.text == "fine"
    assert isinstance(outcome.events[-1], Finished)
    told = " ".join(event.message for event in outcome.events if isinstance(event, Notice))
    for name in ("top_k", "min_p", "typical_p", "frequency_penalty", "presence_penalty"):
        assert name in told
    assert "stream_options" not in told
    assert server.bodies[-1]["max_completion_tokens"] == 20


async def test_what_a_server_refuses_for_good_is_its_last_word() -> None:
    server = Picky({"temperature"}, lambda _: {"error": {"message": "top_k is unknown, whatever it is"}})
    request = ChatRequest(model="m", messages=REQUEST.messages, sampling=Sampling(top_k=1, top_p=0.5))
    outcome = await listen(Fed(server).provider("openai"), request)
    assert isinstance(outcome.error, Refused)
    assert len(server.bodies) == 2


async def test_a_refusal_of_something_else_is_not_tried_again() -> None:
    server = Picky(set(), lambda _: {"error": {"message": "messages must alternate, and stop there"}})
    outcome = await listen(Fed(server).provider("openai"), REQUEST)
    assert isinstance(outcome.error, Refused)
    assert len(server.bodies) == 1


async def sent(**options: Any) -> tuple[dict[str, Any], str]:
    """The body that a profile with these options sends, and what was told."""
    bodies: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return response(ANSWER)

    outcome = await listen(Fed(answer).provider("openai", options=options), REQUEST)
    assert outcome.error is None
    notices = [event.message for event in outcome.events if isinstance(event, Notice)]
    return bodies[0], " ".join(notices)


async def test_a_named_flavour_says_things_its_own_way() -> None:
    body, told = await sent(flavour="openai")
    assert body["messages"][0] == {"role": "developer", "content": "Be brief."}
    assert body["max_completion_tokens"] == 20
    assert not {"max_tokens", "top_k", "repeat_penalty", "flavour"} & set(body)
    assert "top_k, min_p, typical_p, repetition_penalty" in told


async def test_a_setting_with_one_of_two_names_left_is_not_called_lost() -> None:
    body, told = await sent(flavour="lmstudio")
    assert body["repeat_penalty"] == 1.1
    assert "repetition_penalty" not in body
    assert not told


async def test_mistral_calls_the_seed_by_another_name() -> None:
    body, _ = await sent(flavour="mistral")
    assert body["random_seed"] == 7
    assert "seed" not in body


def provider(base_url: str, **options: Any) -> Provider:
    plugin = registry.load("openai")
    profile = ConnectionProfile(compat="openai", base_url=base_url, options=options)

    async def secret(_: SecretRef, *, newer_than: float = 0.0) -> str:
        return ""

    return plugin.factory(profile, ClientPool().client(profile, secret=secret, default_path="/v1"))


@pytest.mark.parametrize(
    ("base_url", "name"),
    [
        ("https://api.openai.com", "openai"),
        ("https://me.openai.azure.com/openai/v1", "azure"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.deepseek.com", "deepseek"),
        ("https://api.groq.com/openai/v1", "groq"),
    ],
)
def test_a_known_host_is_told_by_its_address(base_url: str, name: str) -> None:
    assert provider(base_url)._flavour is FLAVOURS[name]  # type: ignore[attr-defined]


def test_another_host_that_has_a_known_name_in_it_is_none() -> None:
    assert provider("https://api.openai.com.example.org")._flavour not in FLAVOURS.values()  # type: ignore[attr-defined]


def test_a_flavour_that_is_none_is_told_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r'no flavour "vlm"') as caught:
        provider("http://localhost", flavour="vlm")
    assert "vllm" in caught.value.hint
    assert caught.value.key == "options.flavour"


async def test_lm_studio_tells_more_in_a_list_of_its_own() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/v0/models":
            document: Any = {"data": [{"id": "m", "type": "vlm", "loaded_context_length": 4096}]}
        else:
            document = {"data": [{"id": "m"}]}
        return response(json.dumps(document).encode(), kind="application/json")

    [model] = await Fed(answer).provider("openai", options={"flavour": "lmstudio"}).models()
    assert (model.context, model.traits) == (4096, ("vision",))


async def test_an_old_lm_studio_without_that_list_has_the_plain_one() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/v0/models":
            words: Any = {"error": "Unexpected endpoint or method. (GET /api/v0/models)"}
        else:
            words = {"data": [{"id": "m"}]}
        return response(json.dumps(words).encode(), kind="application/json")

    [model] = await Fed(answer).provider("openai", options={"flavour": "lmstudio"}).models()
    assert model.id == "m"


async def test_a_flavour_may_be_named_for_one_question() -> None:
    bodies: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return response(ANSWER)

    for options in ({"flavour": "mistral"}, {}):
        request = ChatRequest(
            model="m", messages=REQUEST.messages, sampling=Sampling(seed=7), options=dict(options)
        )
        await listen(Fed(answer).provider("openai"), request)
    assert [("random_seed" in body, "seed" in body) for body in bodies] == [(True, False), (False, True)]
