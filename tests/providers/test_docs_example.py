"""The provider in docs/providers.md is one: it passes what the built-in ones pass."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pluma_tui.core.chat import ChatRequest, Message, Sampling
from pluma_tui.core.events import Notice
from pluma_tui.providers import register_provider, registry
from tests.providers import conformance
from tests.providers.feeding import Fed, listen, response

DOCS = Path(__file__).parents[2] / "docs" / "providers.md"
ANSWER = b'data: {"word": "Polly "}\n\ndata: {"word": "wants"}\n\ndata: {"end": true}\n\n'
KIND = "text/event-stream"


@pytest.fixture(autouse=True)
def parrot() -> Iterator[None]:
    """Registered as a program would, from the text of the page alone."""
    [example] = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(example, names)
    register_provider("parrot", names["PLUGIN"])  # type: ignore[arg-type]
    yield
    registry._added.pop("parrot")


async def test_it_talks() -> None:
    outcome = await conformance.play("parrot", ANSWER)
    assert (outcome.text, outcome.error) == ("Polly wants", None)


async def test_it_does_what_every_dialect_must() -> None:
    conformance.ends_once(await conformance.play("parrot", ANSWER))
    await conformance.survives_every_cut("parrot", ANSWER, kind=KIND)
    await conformance.does_not_mind_pieces("parrot", ANSWER, kind=KIND)
    await conformance.closes_when_stopped("parrot", ANSWER, kind=KIND)
    await conformance.keeps_the_secret("parrot", 401, '{"error": "no such key: {key}"}')


async def test_it_says_which_settings_it_has_no_name_for() -> None:
    fed = Fed(lambda _: response(ANSWER))
    request = ChatRequest(
        model="", messages=(Message(role="user", text="hi"),), sampling=Sampling(temperature=1, top_k=3)
    )
    outcome = await listen(fed.provider("parrot"), request)
    assert outcome.events[0] == Notice("a parrot has no setting for top_k")
    assert fed.requests[0].content == b'{"say": "hi", "heat": 1}'


async def test_it_lists_its_models() -> None:
    assert [model.id for model in await Fed(lambda _: response(b"")).provider("parrot").models()] == [
        "parrot"
    ]
