"""Getting an answer out of a server that is loading, busy, or drops the line."""

import pytest

from pluma_tui.core.errors import (
    BrokenStream,
    ConnectionDropped,
    Loading,
    NotFound,
    Overloaded,
    PlumaError,
    RateLimited,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from pluma_tui.core.events import ChatEvent, Notice, ReasoningDelta, TextDelta, ToolCallDelta
from pluma_tui.core.models import ModelInfo
from pluma_tui.runtime import attempts
from pluma_tui.runtime.turn import Turn
from pluma_tui.storage.memory import MemoryStore
from tests.runtime.scripted import DONE, Bench, bench


async def notices(turn: Turn) -> list[str]:
    return [event.message async for batch in turn.listen() for event in batch if isinstance(event, Notice)]


@pytest.mark.parametrize("error", [ConnectionDropped("dropped"), RateLimited("slowly"), Overloaded("busy")])
async def test_what_may_pass_is_tried_three_times_again_and_told(fast: Bench, error: PlumaError):
    fast.script.say(error, error, error, TextDelta("at last"), DONE)
    turn = await fast.ask()
    assert (turn.draft.text(), turn.error, len(fast.script.requests)) == ("at last", None, 4)
    assert await notices(turn) == [f"Trying again in 0.1 s ({n} of 3): {error.message}" for n in (1, 2, 3)]


async def test_after_the_third_time_it_is_enough(fast: Bench):
    fast.script.say(*[Overloaded("busy")] * 5)
    turn = await fast.ask()
    assert (type(turn.error), len(fast.script.requests)) == (Overloaded, 4)


@pytest.mark.parametrize(
    "error", [Unauthorized("no"), NotFound("no"), Unreachable("no"), TimedOut("no"), BrokenStream("no")]
)
async def test_what_will_not_pass_is_not_tried_again(fast: Bench, error: PlumaError):
    fast.script.say(error)
    turn = await fast.ask()
    assert (turn.error, len(fast.script.requests)) == (error, 1)


@pytest.mark.parametrize("event", [TextDelta("a"), ReasoningDelta("a"), ToolCallDelta(0, "a")])
async def test_nothing_is_tried_again_once_output_has_come(fast: Bench, event: ChatEvent):
    fast.script.say(event, ConnectionDropped("dropped"))
    turn = await fast.ask()
    assert (type(turn.error), len(fast.script.requests)) == (ConnectionDropped, 1)


async def test_a_word_about_it_is_no_output(fast: Bench):
    fast.script.say(Notice("loading"), ConnectionDropped("dropped"), TextDelta("a"), DONE)
    assert (await fast.ask()).error is None


async def test_the_server_says_how_long_to_wait(fast: Bench):
    fast.script.say(RateLimited("slowly.", retry_after=0.25), TextDelta("a"), DONE)
    turn = await fast.ask()
    assert await notices(turn) == ["Trying again in 0.2 s (1 of 3): slowly."]


async def test_a_server_that_wants_too_much_patience_has_said_no(fast: Bench):
    fast.script.say(RateLimited("tomorrow", retry_after=attempts.PATIENCE + 1))
    turn = await fast.ask()
    assert (type(turn.error), len(fast.script.requests)) == (RateLimited, 1)


async def test_stopping_while_waiting_for_another_try(fast: Bench):
    fast.script.say(RateLimited("slowly", retry_after=100.0))
    turn = await fast.begin()
    async for _ in turn.listen():
        turn.stop()
    assert ((await turn.wait()).ending, turn.error) == ("stopped", None)


async def test_a_server_that_loads_is_asked_until_it_is_there_apart_from_the_retries(fast: Bench):
    fast.script.say(*[Loading("loading")] * 20, *[Overloaded("busy")] * 3, TextDelta("a"), DONE)
    turn = await fast.ask()
    assert (turn.error, len(fast.script.requests)) == (None, 24)
    told = await notices(turn)
    assert told[0] == "The server is loading its model…"
    assert len(told) == 4


async def test_a_server_that_loads_for_ever_is_given_up_after_the_first_event_timeout():
    at = bench(MemoryStore(), first_event_timeout=0.05)
    at.script.say(*[Loading("loading")] * 1000)
    turn = await at.ask()
    assert isinstance(turn.error, Loading)
    assert 1 < len(at.script.requests) < 1000


async def test_without_a_limit_it_may_load_for_as_long_as_it_likes():
    at = bench(MemoryStore(), first_event_timeout=0)
    at.script.say(*[Loading("loading")] * 50, TextDelta("a"), DONE)
    assert (await at.ask()).error is None


class TestModel:
    async def test_the_servers_first_answers_where_none_is_named(self):
        at = bench(MemoryStore(), model="")
        at.script.offered = [ModelInfo("first"), ModelInfo("second")]
        at.script.say(DONE)
        turn = await at.ask()
        assert (turn.model, at.script.requests[0].model) == ("first", "first")
        assert await notices(turn) == ["No model is set; the server's first of 2 answers: first"]
        assert (await turn.wait()).model == "first"
        assert (await at.store.find("last")).model == "first"

    async def test_the_only_one_goes_without_saying(self):
        at = bench(MemoryStore(), model="")
        at.script.say(DONE)
        turn = await at.ask()
        assert (turn.model, await notices(turn)) == ("model-a", [])

    @pytest.mark.parametrize("offered", [[], [NotFound("no list")]])
    async def test_a_server_without_a_list_is_asked_without_a_name(self, offered: list):
        at = bench(MemoryStore(), model="")
        at.script.offered = offered
        at.script.say(TextDelta("a"), DONE)
        turn = await at.ask()
        assert (turn.error, at.script.requests[0].model) == (None, "")

    async def test_a_list_that_fails_is_tried_again_like_an_answer(self):
        at = bench(MemoryStore(), model="")
        at.script.offered = [Loading("loading"), ConnectionDropped("dropped"), ModelInfo("there")]
        at.script.say(TextDelta("a"), DONE)
        turn = await at.ask()
        assert (turn.error, turn.model) == (None, "there")

    async def test_a_list_that_is_refused_is_the_answer(self):
        at = bench(MemoryStore(), model="")
        at.script.offered = [Unauthorized("wrong key")]
        assert isinstance((await at.ask()).error, Unauthorized)
