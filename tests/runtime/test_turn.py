"""One question and the answer to it: whatever happens, what came is stored and everybody is told."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from pluma_tui.core.chat import ChatRequest, ToolCall, Usage
from pluma_tui.core.errors import BrokenStream, StoreError, Unauthorized
from pluma_tui.core.events import (
    ChatEvent,
    Finished,
    Notice,
    OpaqueDelta,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    UsageUpdate,
)
from pluma_tui.runtime import turn as turn_module
from pluma_tui.runtime.turn import Turn
from pluma_tui.storage.memory import MemoryStore
from tests.runtime.scripted import DONE, END, Bench, bench, until


async def heard(turn: Turn, *, every: float = 0.0) -> list[ChatEvent]:
    async with asyncio.timeout(5):
        return [event async for batch in turn.listen(every=every) for event in batch]


def text_of(events: list[ChatEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


class TestStored:
    async def test_the_question_is_stored_before_it_is_sent(self, at: Bench):
        found = []

        async def stream(request: ChatRequest) -> AsyncIterator[ChatEvent]:
            found.extend(await at.store.path((await at.store.find("last")).id))
            yield DONE

        at.script.stream = stream
        await at.ask("What is pluma?")
        question, answer = found
        assert (question.role, question.text, question.ending) == ("user", "What is pluma?", None)
        assert (answer.role, answer.text, answer.ending) == ("assistant", "", None)
        assert answer.parent == question.id

    async def test_what_came_is_stored_while_it_comes(self, at: Bench, monkeypatch: pytest.MonkeyPatch):
        assert turn_module.CHECKPOINT <= 1
        monkeypatch.setattr(turn_module, "CHECKPOINT", 0.001)
        turn = await at.begin()
        for so_far, event in [("a", TextDelta("a")), ("ab", TextDelta("b")), ("ab", ReasoningDelta("why"))]:
            at.script.say(event)

            async def is_there(so_far: str = so_far, event: ChatEvent = event) -> bool:
                stored = await at.stored(turn)
                return stored.text == so_far and (stored.reasoning == "why") == isinstance(
                    event, ReasoningDelta
                )

            await until(is_there)
        assert (await at.stored(turn)).ending is None
        turn.stop()
        await turn.wait()

    async def test_nothing_is_written_while_nothing_comes(self, fast: Bench, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(turn_module, "CHECKPOINT", 0.0001)
        writes = []
        chances = 0
        sleep = asyncio.sleep

        async def counted(seconds: float) -> None:
            nonlocal chances
            chances += seconds == 0.0001
            await sleep(seconds)

        monkeypatch.setattr(asyncio, "sleep", counted)
        checkpoint = fast.store.checkpoint

        async def counting(message: str, text: str, reasoning: str) -> None:
            writes.append(text)
            await checkpoint(message, text, reasoning)

        monkeypatch.setattr(fast.store, "checkpoint", counting)
        turn = await fast.begin()
        fast.script.say(TextDelta("a"))
        await until(lambda: bool(writes))
        fast.script.say(Notice("by the way"))
        so_far = chances
        await until(lambda: chances > so_far + 20)
        assert writes == ["a"]
        turn.stop()
        await turn.wait()

    @pytest.mark.parametrize("ending", ["complete", "length", "refused", "tool_calls"])
    async def test_the_ending_is_stored(self, at: Bench, ending: str):
        usage = Usage(input=3, output=2, rate=7.5, first=0.5)
        at.script.say(
            ReasoningDelta("hm"), TextDelta("a"), TextDelta("b"), UsageUpdate(usage), Finished(ending)
        )
        turn = await at.ask()
        message = await turn.wait()
        assert (message.text, message.reasoning, message.ending, message.usage) == ("ab", "hm", ending, usage)
        assert (message.model, message.profile, message.error, turn.error) == ("model-a", "home", "", None)
        assert await at.stored(turn) == message

    async def test_tool_calls_and_what_has_to_go_back_are_stored(self, at: Bench):
        at.script.say(
            OpaqueDelta("openai", {"signature": "x"}),
            ToolCallDelta(1, "b", "second"),
            ToolCallDelta(0, "a", "first", '{"x"'),
            ToolCallDelta(0, arguments=":1}"),
            Finished("tool_calls"),
        )
        opaque, first, second = (await at.stored(await at.ask())).parts
        assert opaque.data == {"signature": "x"}
        assert (first, second) == (ToolCall("a", "first", '{"x":1}'), ToolCall("b", "second", ""))

    async def test_a_stream_that_breaks_keeps_what_came(self, at: Bench):
        at.script.say(TextDelta("half an ans"), BrokenStream("it broke"))
        turn = await at.ask()
        stored = await at.stored(turn)
        assert (stored.text, stored.ending, stored.error) == ("half an ans", "failed", "it broke")
        assert isinstance(turn.error, BrokenStream)

    async def test_a_stream_that_just_ends_is_a_broken_one(self, at: Bench):
        at.script.say(TextDelta("half"), END)
        turn = await at.ask()
        stored = await at.stored(turn)
        assert (stored.text, stored.ending) == ("half", "failed")
        assert isinstance(turn.error, BrokenStream)

    async def test_a_refusal_is_stored_with_its_words(self, at: Bench):
        at.script.say(Unauthorized("wrong key"))
        turn = await at.ask()
        assert ((await at.stored(turn)).error, type(turn.error)) == ("wrong key", Unauthorized)

    async def test_a_bug_in_a_provider_surfaces_and_what_came_is_stored(self, at: Bench):
        at.script.say(TextDelta("so far"), ZeroDivisionError("oops"))
        turn = await at.begin()
        events = await heard(turn)
        with pytest.raises(ZeroDivisionError):
            await turn.wait()
        stored = await at.stored(turn)
        assert (stored.text, stored.ending, stored.error) == ("so far", "failed", "a bug: ZeroDivisionError")
        assert (text_of(events), events[-1]) == ("so far", Finished("failed"))

    async def test_the_rate_is_measured_where_the_server_does_not_say(self, fast: Bench):
        fast.script.say(TextDelta("a"), TextDelta("b"), UsageUpdate(Usage(output=2)), DONE)
        usage = (await (await fast.ask()).wait()).usage
        assert usage is not None
        assert usage.rate > 0


class TestStop:
    async def test_stopping_closes_the_stream_and_keeps_what_came(self, at: Bench):
        turn = await at.begin()
        at.script.say(TextDelta("so far"))
        await until(lambda: turn.draft.pieces == 1)
        turn.stop()
        turn.stop()
        message = await turn.wait()
        assert (message.text, message.ending, message.error) == ("so far", "stopped", "")
        assert await at.stored(turn) == message
        assert (at.script.closed, turn.error, turn.done) == (1, None, True)

    async def test_stopping_at_once_is_stored_too(self, at: Bench):
        turn = await at.begin()
        turn.stop()
        assert (await turn.wait()).ending == "stopped"
        assert (await at.stored(turn)).ending == "stopped"
        assert await heard(turn) == [Finished("stopped")]
        assert at.script.requests == []

    async def test_stopping_what_has_ended_changes_nothing(self, at: Bench):
        at.script.say(TextDelta("a"), DONE)
        turn = await at.ask()
        turn.stop()
        assert (await turn.wait()).ending == "complete"

    async def test_an_error_on_the_way_out_does_not_hide_that_it_was_stopped(self, fast: Bench):
        async def stream(request):
            try:
                yield TextDelta("a")
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise BrokenStream("the connection was closed") from None

        fast.script.stream = stream
        turn = await fast.begin()
        await until(lambda: turn.draft.pieces == 1)
        turn.stop()
        message = await turn.wait()
        assert (message.ending, message.error, turn.error) == ("stopped", "", None)

    async def test_who_waits_and_leaves_does_not_stop_it(self, fast: Bench):
        turn = await fast.begin()
        waiting = asyncio.create_task(turn.wait())
        await until(lambda: bool(fast.script.requests))
        waiting.cancel()
        await asyncio.wait({waiting})
        fast.script.say(TextDelta("a"), DONE)
        assert (await turn.wait()).ending == "complete"

    async def test_closing_stops_and_stores_all(self, at: Bench):
        one, two = await at.begin("one"), await at.begin("two")
        at.script.say(TextDelta("x"), TextDelta("y"))
        await until(lambda: one.draft.pieces + two.draft.pieces == 2)
        assert set(at.turns.running()) == {one, two}
        await at.turns.aclose()
        assert [(await at.stored(turn)).ending for turn in (one, two)] == ["stopped", "stopped"]
        assert at.turns.running() == []

    async def test_a_program_that_ends_in_the_middle_stores_what_came(self, at: Bench):
        """As `asyncio.run` does it: every task is cancelled, and waited for."""
        turn = await at.begin()
        at.script.say(TextDelta("so far"))
        await until(lambda: turn.draft.pieces == 1)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        stored = await at.stored(turn)
        assert (stored.text, stored.ending) == ("so far", "stopped")


class TestListen:
    async def test_listeners_hear_everything_whenever_they_come(self, fast: Bench):
        turn = await fast.begin()
        early = asyncio.create_task(heard(turn))
        fast.script.say(TextDelta("a"), TextDelta("b"), Notice("by the way"))
        await until(lambda: turn.draft.noticed)
        middle = asyncio.create_task(heard(turn))
        fast.script.say(TextDelta("c"), DONE)
        await turn.wait()
        late = await heard(turn)
        for events in (await early, await middle, late):
            assert text_of(events) == "abc"
            assert Notice("by the way") in events
            assert events[-1] == DONE
        assert late == [TextDelta("ab"), Notice("by the way"), TextDelta("c"), DONE]

    async def test_a_slow_listener_gets_larger_batches_and_the_end_at_once(self, fast: Bench):
        turn = await fast.begin()
        batches = []

        async def listen() -> None:
            batches.extend([batch async for batch in turn.listen(every=3600)])

        listening = asyncio.create_task(listen())
        fast.script.say(TextDelta("a"))
        await until(lambda: turn.draft.pieces == 1)
        fast.script.say(
            *[TextDelta("b")] * 50, UsageUpdate(Usage(output=1)), UsageUpdate(Usage(output=2)), DONE
        )
        async with asyncio.timeout(5):
            await listening
        *first, last = [event for batch in batches for event in batch]
        assert text_of(first) == "a" + "b" * 50
        assert len(batches) <= 3
        assert [event for event in first if isinstance(event, UsageUpdate)] == [UsageUpdate(Usage(output=2))]
        assert last == DONE

    async def test_the_end_is_told_once_everything_is_stored(self, at: Bench):
        at.script.say(TextDelta("a"), DONE)
        turn = await at.begin()
        async for batch in turn.listen():
            if DONE in batch:
                assert (await at.stored(turn)).ending == "complete"

    async def test_a_listener_is_let_go_even_if_the_end_cannot_be_told(
        self, fast: Bench, monkeypatch: pytest.MonkeyPatch
    ):
        async def fail(message: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(fast.store, "finish", fail)
        fast.script.say(TextDelta("a"), DONE)
        turn = await fast.begin()
        assert text_of(await heard(turn)) == "a"
        with pytest.raises(ZeroDivisionError):
            await turn.wait()


class FullDisk(MemoryStore):
    """A store that cannot write for as long as it is `full`."""

    full = True

    async def checkpoint(self, message: str, text: str, reasoning: str) -> None:
        if self.full:
            raise StoreError("the disk is full")
        await super().checkpoint(message, text, reasoning)

    async def finish(self, message) -> None:
        if self.full:
            raise StoreError("the disk is full")
        await super().finish(message)


class TestStoreFails:
    async def test_at_the_end_the_answer_is_there_and_the_failure_is_told(self):
        at = bench(FullDisk())
        at.script.say(TextDelta("all of it"), DONE)
        turn = await at.begin()
        assert text_of(await heard(turn)) == "all of it"
        message = await turn.wait()
        assert (message.text, message.error) == ("all of it", "the disk is full")
        assert isinstance(turn.error, StoreError)

    async def test_in_the_middle_it_is_told_once_and_tried_again(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(turn_module, "CHECKPOINT", 0.001)
        at = bench(FullDisk())
        turn = await at.begin()
        at.script.say(TextDelta("a"))
        listening = asyncio.create_task(heard(turn))
        await until(lambda: any(isinstance(event, Notice) for event in turn._events))
        at.store.full = False
        await until(lambda: at.store._messages[turn.conversation.id][turn.id].text == "a")
        at.script.say(DONE)
        notices = [event.message for event in await listening if isinstance(event, Notice)]
        assert notices == ["What comes is not being stored: the disk is full"]
        assert (await turn.wait()).error == ""
