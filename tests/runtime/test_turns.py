"""What a turn is begun with: conversation, profile, model, system prompt, sampling."""

import pytest

from pluma_tui.core.chat import Image, Sampling
from pluma_tui.core.errors import ConfigError, StoreError, Unauthorized, UnknownConversation
from pluma_tui.core.events import ReasoningDelta, TextDelta
from pluma_tui.runtime.turns import BLANK, title
from pluma_tui.storage.memory import MemoryStore
from tests.runtime.scripted import DONE, Bench, bench


def roles(at: Bench) -> list[tuple[str, str]]:
    """What the last request carried."""
    return [(message.role, message.text) for message in at.script.requests[-1].messages]


async def test_a_conversation_goes_on(at: Bench):
    at.script.say(TextDelta("hello"), DONE, TextDelta("fine"), DONE)
    first = await at.ask("hi")
    second = await at.ask("how are you?", conversation=first.conversation.id)
    assert roles(at) == [("user", "hi"), ("assistant", "hello"), ("user", "how are you?")]
    assert second.conversation.id == first.conversation.id
    path = await at.store.path(first.conversation.id)
    assert [message.text for message in path] == ["hi", "hello", "how are you?", "fine"]
    conversation = await at.store.find("last")
    assert (conversation.title, conversation.profile, conversation.model) == ("hi", "home", "model-a")


async def test_a_conversation_that_is_not_there_is_told_and_nothing_is_stored(at: Bench):
    with pytest.raises(UnknownConversation):
        await at.begin(conversation="zzz")
    assert await at.store.conversations() == []


async def test_a_profile_that_is_not_there_is_told_and_nothing_is_stored(at: Bench):
    with pytest.raises(ConfigError):
        await at.begin(profile="zzz")
    assert await at.store.conversations() == []


@pytest.mark.parametrize("stopped", [False, True])
async def test_asking_again_after_a_failure_makes_a_sibling(at: Bench, stopped: bool):
    at.script.say(TextDelta("hello"), DONE)
    first = await at.ask("hi")
    if stopped:
        failed = await at.begin("and now?", conversation=first.conversation.id)
        failed.stop()
        await failed.wait()
    else:
        at.script.say(Unauthorized("wrong key"))
        failed = await at.ask("and now?", conversation=first.conversation.id)
    at.script.say(TextDelta("fine"), DONE)
    again = await at.ask("and now?", conversation=first.conversation.id)
    assert failed.question.parent == again.question.parent == first.id
    assert roles(at) == [("user", "hi"), ("assistant", "hello"), ("user", "and now?")]
    assert len(await at.store.tree(first.conversation.id)) == 6
    path = await at.store.path(first.conversation.id)
    assert [message.text for message in path] == ["hi", "hello", "and now?", "fine"]


async def test_a_question_follows_what_was_read_above_it_whatever_another_program_added(at: Bench):
    at.script.say(TextDelta("hello"), DONE, TextDelta("fine"), DONE, TextDelta("good"), DONE)
    first = await at.ask("hi")
    other = await at.ask("from elsewhere", conversation=first.conversation.id)
    mine = await at.ask("from here", conversation=first.conversation.id, after=first.id)
    assert other.question.parent == mine.question.parent == first.id
    assert roles(at) == [("user", "hi"), ("assistant", "hello"), ("user", "from here")]
    path = await at.store.path(first.conversation.id)
    assert [message.text for message in path] == ["hi", "hello", "from here", "good"]


async def test_a_first_question_that_failed_may_be_asked_again(at: Bench):
    at.script.say(Unauthorized("wrong key"), TextDelta("hello"), DONE)
    failed = await at.ask("hi")
    again = await at.ask("hi", conversation=failed.conversation.id)
    assert (failed.question.parent, again.question.parent) == (None, None)
    assert [message.text for message in await at.store.path(failed.conversation.id)] == ["hi", "hello"]


async def test_half_an_answer_stays_in_the_conversation(fast: Bench):
    fast.script.say(ReasoningDelta("hm"), TextDelta("half"), Unauthorized("no more"), TextDelta("x"), DONE)
    first = await fast.ask("hi")
    await fast.ask("go on", conversation=first.conversation.id)
    assert roles(fast) == [("user", "hi"), ("assistant", "half"), ("user", "go on")]


async def test_pictures_go_with_the_question_and_are_stored(at: Bench):
    picture = Image(b"\x89PNG", "image/png", "a.png")
    at.script.say(DONE)
    turn = await at.ask("what is it?", parts=(picture,))
    assert at.script.requests[-1].messages[-1].parts == (picture,)
    question, _ = await at.store.path(turn.conversation.id)
    assert question.parts == (picture,)


class TestProfileAndModel:
    async def test_a_new_conversation_begins_with_the_active_one(self, fast: Bench):
        fast.connections.use("other")
        fast.script.say(DONE)
        turn = await fast.ask()
        assert (turn.profile.name, turn.model) == ("other", "model-b")

    async def test_a_conversation_keeps_its_own(self, fast: Bench):
        fast.script.say(TextDelta("a"), DONE, DONE)
        first = await fast.ask(model="model-x")
        fast.connections.use("other")
        second = await fast.ask(conversation=first.conversation.id)
        assert (second.profile.name, second.model) == ("home", "model-x")

    async def test_another_profile_brings_its_own_model_and_is_kept(self, at: Bench):
        at.script.say(TextDelta("a"), DONE, DONE)
        first = await at.ask(model="model-x")
        second = await at.ask(conversation=first.conversation.id, profile="other")
        assert (second.profile.name, second.model) == ("other", "model-b")
        kept = await at.store.find(first.conversation.id)
        assert (kept.profile, kept.model) == ("other", "model-b")

    async def test_a_profile_that_is_gone_gives_way_to_the_active_one(self, fast: Bench):
        fast.script.say(TextDelta("a"), DONE, DONE)
        first = await fast.ask(model="model-x")
        await fast.store.update(first.conversation.id, profile="gone")
        second = await fast.ask(conversation=first.conversation.id)
        assert (second.profile.name, second.model) == ("home", "model-a")


class TestRequest:
    @pytest.mark.parametrize(
        ("asked", "profile", "config", "sent"),
        [
            (None, "", "", ""),
            (None, "", "config's", "config's"),
            (None, "profile's", "config's", "profile's"),
            ("mine", "profile's", "config's", "mine"),
            ("", "profile's", "config's", ""),
        ],
    )
    async def test_the_nearest_system_prompt_counts(
        self, asked: str | None, profile: str, config: str, sent: str
    ):
        at = bench(MemoryStore(), default_system=config, system=profile)
        at.script.say(DONE)
        await at.ask(system=asked)
        assert at.script.requests[0].system == sent

    async def test_what_is_asked_for_goes_over_what_the_profile_says(self):
        at = bench(MemoryStore(), sampling=Sampling(temperature=0.7, seed=1), options={"a": 1, "b": 1})
        at.script.say(DONE)
        await at.ask(sampling=Sampling(temperature=0.0, max_tokens=5), options={"b": 2})
        (request,) = at.script.requests
        assert request.sampling == Sampling(temperature=0.0, seed=1, max_tokens=5)
        assert request.options == {"a": 1, "b": 2}


async def test_a_store_that_cannot_take_the_question_sends_nothing(monkeypatch: pytest.MonkeyPatch):
    at = bench(MemoryStore())

    async def fail(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(at.store, "add", fail)
    with pytest.raises(StoreError):
        await at.begin()
    assert at.script.requests == []
    assert at.turns.running() == []


async def test_turns_that_have_ended_are_let_go(fast: Bench):
    fast.script.say(*[DONE] * 3)
    for _ in range(3):
        await fast.ask()
    await fast.begin()
    assert len(fast.turns._running) == 1
    await fast.turns.aclose()


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("\n  \n  first line  \nsecond", "first line"),
        ("", ""),
        ("word " * 20, "word " * 11 + "word…"),
        ("x" * 100, "x" * 60 + "…"),
    ],
)
def test_a_title_is_the_first_line_that_says_something(text: str, made: str):
    assert title(text) == made


async def test_a_prompt_set_in_the_middle_is_stored_and_replaces_that_of_the_profile(at: Bench):
    at.script.say(TextDelta("a"), DONE, TextDelta("b"), DONE, TextDelta("c"), DONE)
    first = await at.ask("one")
    await at.ask("two", conversation=first.conversation.id, prompt="Be brief.")
    await at.ask("three", conversation=first.conversation.id)
    assert [request.system for request in at.script.requests[1:]] == ["Be brief.", "Be brief."]
    assert roles(at)[2:4] == [("user", "two"), ("assistant", "b")]
    path = await at.store.path(first.conversation.id)
    assert [message.role for message in path[2:4]] == ["system", "user"]


async def test_the_last_of_several_prompts_counts(at: Bench):
    at.script.say(TextDelta("a"), DONE, TextDelta("b"), DONE)
    first = await at.ask("one", prompt="Be brief.")
    await at.ask("two", conversation=first.conversation.id, prompt="Be long.")
    assert at.script.requests[-1].system == "Be long."


async def test_a_prompt_outlives_the_question_that_failed_after_it(at: Bench):
    at.script.say(Unauthorized("wrong key"), TextDelta("fine"), DONE)
    failed = await at.ask("one", prompt="Be brief.")
    await at.ask("two", conversation=failed.conversation.id)
    assert at.script.requests[-1].system == "Be brief."
    assert roles(at) == [("user", "two")]


async def test_a_question_is_answered_once_more_beside_the_answer_it_has(at: Bench):
    picture = Image(b"\x89PNG", "image/png", "cat.png")
    at.script.say(TextDelta("hello"), DONE, TextDelta("a cat"), DONE, TextDelta("a dog"), DONE)
    first = await at.ask("hi")
    old = await at.ask("what is it?", conversation=first.conversation.id, parts=(picture,))
    new = await at.begin("", conversation=first.conversation.id, again=old.question.id)
    await new.wait()
    assert at.script.requests[-1] == at.script.requests[-2]
    assert new.question == old.question
    assert len(await at.store.tree(first.conversation.id)) == 5
    path = await at.store.path(first.conversation.id)
    assert [message.text for message in path] == ["hi", "hello", "what is it?", "a dog"]


async def test_a_conversation_keeps_sampling_of_its_own_over_its_profile_s():
    at = bench(MemoryStore(), sampling=Sampling(temperature=0.7, top_k=40))
    at.script.say(TextDelta("a"), DONE, TextDelta("b"), DONE)
    first = await at.ask(own=Sampling(temperature=0.2))
    assert at.script.requests[-1].sampling == Sampling(temperature=0.2, top_k=40)
    await at.ask("and?", conversation=first.conversation.id, sampling=Sampling(top_k=1))
    assert at.script.requests[-1].sampling == Sampling(temperature=0.2, top_k=1)


async def test_a_blank_system_prompt_in_the_middle_is_none_at_all():
    at = bench(MemoryStore(), system="Be brief.")
    at.script.say(TextDelta("a"), DONE, TextDelta("b"), DONE)
    first = await at.ask(prompt="Be long.")
    assert at.script.requests[-1].system == "Be long."
    await at.ask("and?", conversation=first.conversation.id, prompt=BLANK)
    assert at.script.requests[-1].system == ""
