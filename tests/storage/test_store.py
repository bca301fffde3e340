"""What every store promises."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pluma_tui.core.chat import (
    Conversation,
    File,
    Image,
    Message,
    Opaque,
    ToolCall,
    ToolResult,
    Usage,
)
from pluma_tui.core.errors import StoreError, UnknownConversation
from pluma_tui.core.ids import new_id
from pluma_tui.storage.base import Store

HOSTILE = "a\x00b \ud800 \udfff\ud800 \x1b[2J \u2028 ü 漢字 👩‍👩‍👧"


def said(id_: str, parent: str | None = None, **fields: object) -> Message:
    return Message(role="user", id=id_, parent=parent, **fields)  # type: ignore[arg-type]


async def begun(store: Store, *messages: Message, id_: str = "one") -> str:
    await store.create(Conversation(id=id_))
    await store.add(id_, *messages)
    return id_


async def test_a_new_conversation_gets_its_times_and_has_no_messages(store: Store) -> None:
    await store.create(Conversation(id="one", title="T", profile="home", model="m", head="nothing"))
    found = await store.find("one")
    assert found.created == found.updated != ""
    assert (found.title, found.profile, found.model, found.head, found.messages) == (
        "T", "home", "m", None, 0,
    )  # fmt: skip
    assert await store.tree("one") == await store.path("one") == []


async def test_everything_in_a_message_comes_back(store: Store) -> None:
    question = said("q", created="2026-01-01T00:00:00Z", parts=(Image(b"\x00\xff", "image/png", "p"),))
    answer = Message(
        role="assistant", id="a", parent="q", text=HOSTILE, reasoning=HOSTILE, model="m", profile="p",
        created="2026-01-01T00:00:01Z", ending="failed", error=HOSTILE, usage=Usage(1, 2, 3, 4, 5.5),
        parts=(
            File(HOSTILE, HOSTILE), ToolCall("c", "f", '{"x": "\ud800'), ToolResult("c", HOSTILE, True),
            Opaque("anthropic", {"signature": HOSTILE, "n": [1, None, 10**30, {"y": 0.5}]}),
        ),
        extra={"unknown": [HOSTILE, {HOSTILE: 1}]},
    )  # fmt: skip
    await begun(store, question, answer)
    assert await store.tree("one") == [question, answer]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=())))
async def test_any_text_comes_back(store: Store, text: str) -> None:
    one, id_ = new_id(), new_id()
    message = said(id_, text=text, reasoning=text, error=text, extra={text: text})
    await store.create(Conversation(id=one, title=text, extra={"x": text}))
    await store.add(one, message)
    found = await store.find(one)
    assert (found.title, found.extra) == (text, {"x": text})
    assert await store.tree(one) == [message]


async def test_the_path_is_the_chosen_branch_and_the_tree_is_all(store: Store) -> None:
    await begun(store, said("q"), said("a", "q"), said("b", "q"), said("bb", "b"))
    assert [m.id for m in await store.path("one")] == ["q", "b", "bb"]
    await store.update("one", head="a")
    assert [m.id for m in await store.path("one")] == ["q", "a"]
    assert [m.id for m in await store.tree("one")] == ["q", "a", "b", "bb"]
    assert (await store.find("one")).messages == 4


async def test_adding_makes_the_last_message_the_head_and_the_conversation_newest(store: Store) -> None:
    await store.create(Conversation(id="one", updated="2026-01-01T00:00:00.000Z"))
    await store.create(Conversation(id="two", updated="2026-01-02T00:00:00.000Z"))
    assert (await store.find("last")).id == "two"
    await store.add("one", said("q"), said("a", "q"))
    found = await store.find("last")
    assert (found.id, found.head) == ("one", "a")


async def test_finishing_an_answer_makes_the_conversation_newest(store: Store) -> None:
    await store.insert(Conversation(id="one", updated="2026-01-01T00:00:00.000Z"), [said("q")])
    await store.create(Conversation(id="two", updated="2026-01-02T00:00:00.000Z"))
    await store.checkpoint("q", "so far", "")
    assert (await store.find("last")).id == "two"
    await store.finish(said("q", text="done", ending="complete"))
    assert (await store.find("last")).id == "one"


async def test_conversations_are_listed_newest_first_by_pages(store: Store) -> None:
    for number in range(5):
        await store.create(Conversation(id=f"c{number}", updated="2026-01-01T00:00:00.000Z"))
    await store.create(Conversation(id="old", updated="2025-01-01T00:00:00.000Z"))
    ids = [found.id for found in await store.conversations()]
    assert ids == ["c4", "c3", "c2", "c1", "c0", "old"]
    page = await store.conversations(limit=2, offset=3)
    assert [found.id for found in page] == ["c1", "c0"]
    assert await store.conversations(limit=0) == []
    assert len(await store.conversations(offset=4)) == 2


async def test_a_conversation_is_found_by_the_beginning_of_its_id(store: Store) -> None:
    for id_ in ("abc", "abcd", "abx", "z%"):
        await store.create(Conversation(id=id_))
    assert (await store.find("abcd")).id == "abcd"
    assert (await store.find("abc")).id == "abc"  # whole, though it begins another
    assert (await store.find("z")).id == "z%"
    with pytest.raises(UnknownConversation, match="more than one") as problem:
        await store.find("ab")
    assert "abx" in problem.value.hint


@pytest.mark.parametrize("name", ["", "nope", "%", "_", "last", "\ud800", "a\x00b"])
async def test_a_name_that_no_conversation_has_is_told(store: Store, name: str) -> None:
    if name != "last":
        await store.create(Conversation(id="abc"))
    with pytest.raises(UnknownConversation):
        await store.find(name)


async def test_what_does_not_concern_a_missing_conversation_is_told(store: Store) -> None:
    for call in (
        store.update("x", title="t"), store.delete("x"), store.add("x", said("m")), store.tree("x"),
        store.path("x"),
    ):  # fmt: skip
        with pytest.raises(UnknownConversation):
            await call


async def test_update_changes_what_is_given_only(store: Store) -> None:
    await begun(store, said("q"))
    before = await store.find("one")
    await store.update("one", title="T")
    await store.update("one", profile="p", model="m")
    after = await store.find("one")
    assert (after.title, after.profile, after.model) == ("T", "p", "m")
    assert (after.head, after.created, after.updated) == (before.head, before.created, before.updated)


async def test_extra_fields_are_replaced_as_a_whole(store: Store) -> None:
    await begun(store, said("q"))
    await store.update("one", extra={"sampling": {"seed": 7}, "odd": "\ud800"})
    assert (await store.find("one")).extra == {"sampling": {"seed": 7}, "odd": "\ud800"}
    await store.update("one", extra={})
    assert (await store.find("one")).extra == {}


async def test_an_answer_grows_by_checkpoints_and_is_finished(store: Store) -> None:
    await begun(store, said("q"), Message(role="assistant", id="a", parent="q", model="m"))
    await store.checkpoint("a", "Hel", "thin")
    assert [(m.text, m.reasoning, m.ending) for m in await store.tree("one")][1] == ("Hel", "thin", None)
    final = Message(role="assistant", id="a", parent="q", text="Hello", ending="complete", model="m")
    await store.finish(final)
    assert (await store.tree("one"))[1] == final
    await store.checkpoint("a", "late", "late")
    assert (await store.tree("one"))[1] == final


async def test_finishing_does_not_move_a_message(store: Store) -> None:
    await begun(store, said("q"), said("a", "q"), said("b", "q"))
    await store.finish(said("a", "b", text="done", ending="stopped"))
    tree = await store.tree("one")
    assert [(m.id, m.parent) for m in tree] == [("q", None), ("a", "q"), ("b", "q")]
    assert tree[1].text == "done"


async def test_a_message_that_is_not_stored_is_told(store: Store) -> None:
    await begun(store)
    for call in (
        store.checkpoint("x", "", ""), store.finish(said("x")), store.update("one", head="x"),
    ):  # fmt: skip
        with pytest.raises(StoreError, match='"x" is not stored'):
            await call


@pytest.mark.parametrize(
    "messages",
    [
        [said("n", "nowhere")],
        [said("n", "m"), said("m", "q")],
        [said("n"), said("n")],
        [said("")],
        [said("n"), said("q")],
        [said("n"), said("p", "other")],
        [said("other")],
    ],
    ids=["no parent", "parent after it", "twice", "no id", "id taken", "parent elsewhere", "id elsewhere"],
)
async def test_messages_that_fit_no_tree_are_refused_as_a_whole(
    store: Store, messages: list[Message]
) -> None:
    await begun(store, said("other"), id_="two")
    await begun(store, said("q"))
    with pytest.raises(StoreError):
        await store.add("one", *messages)
    assert [m.id for m in await store.tree("one")] == ["q"]
    assert (await store.find("one")).head == "q"


async def test_a_deleted_conversation_takes_its_messages_along(store: Store) -> None:
    await begun(store, said("q"), id_="one")
    await begun(store, said("p"), id_="two")
    await store.delete("one")
    assert [found.id for found in await store.conversations()] == ["two"]
    assert await store.taken(["q", "p"]) == {"p"}
    await begun(store, said("q"), id_="one")


async def test_a_whole_conversation_is_inserted_as_it_is(store: Store) -> None:
    whole = Conversation(
        id="one", title="T", created="2020-01-01T00:00:00Z", updated="2020-01-02T00:00:00Z", head="a",
        profile="p", model="m", extra={"x": 1}, messages=3,
    )  # fmt: skip
    messages = [said("one"), said("a", "one"), said("b", "one")]
    await store.insert(whole, messages)
    assert await store.find("one") == whole
    assert await store.tree("one") == messages
    assert [m.id for m in await store.path("one")] == ["one", "a"]


async def test_a_conversation_that_cannot_be_inserted_leaves_nothing_behind(store: Store) -> None:
    await begun(store, said("q"))
    for whole, messages in (
        (Conversation(id="one"), []),
        (Conversation(id="two"), [said("p"), said("q")]),
        (Conversation(id="two"), [said("p", "q")]),
        (Conversation(id="two", head="q"), [said("p")]),
    ):
        with pytest.raises(StoreError):
            await store.insert(whole, messages)
    assert [found.id for found in await store.conversations()] == ["one"]
    assert await store.taken(["p", "q"]) == {"q"}


async def test_closing_twice_is_fine(store: Store) -> None:
    await store.create(Conversation(id="one"))
    await store.close()
    await store.close()


async def test_what_people_asked_comes_last_first_from_all_conversations(store: Store) -> None:
    await begun(store, said("q1", text="first"), Message(role="assistant", id="a1", parent="q1", text="no"))
    await begun(store, said("q2", text=HOSTILE), id_="two")
    assert await store.prompts(limit=5) == [HOSTILE, "first"]
    assert await store.prompts(limit=1) == [HOSTILE]
    await store.delete("two")
    assert await store.prompts(limit=5) == ["first"]
