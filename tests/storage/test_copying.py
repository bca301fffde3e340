from msgspec.structs import replace

from pluma_tui.core.chat import Conversation, Message
from pluma_tui.storage.base import Store
from pluma_tui.storage.copying import copy_in

WHOLE = Conversation(id="one", title="T", head="a")
MESSAGES = [
    Message(role="user", id="q", text="Hi"),
    Message(role="assistant", id="a", parent="q", text="Hello"),
    Message(role="assistant", id="b", parent="q", text="Good day"),
]


async def test_ids_are_kept_where_they_are_free(store: Store) -> None:
    assert await copy_in(store, WHOLE, MESSAGES) == ("one", "new")
    assert await store.tree("one") == MESSAGES
    assert (await store.find("one")).head == "a"


async def test_the_same_conversation_is_not_stored_twice(store: Store) -> None:
    await copy_in(store, WHOLE, MESSAGES)
    assert await copy_in(store, WHOLE, MESSAGES) == ("one", "known")
    without_ids = [
        replace(one, id=f"new-{one.id}", parent=one.parent and f"new-{one.parent}") for one in MESSAGES
    ]
    assert await copy_in(store, replace(WHOLE, head="new-a"), without_ids) == ("one", "known")
    assert len(await store.conversations()) == 1


async def test_another_conversation_of_that_id_gets_new_ids(store: Store) -> None:
    await copy_in(store, WHOLE, MESSAGES)
    changes: list[tuple[Conversation, list[Message]]] = [
        (replace(WHOLE, title="U"), MESSAGES),
        (replace(WHOLE, head="b"), MESSAGES),
        (WHOLE, MESSAGES[:2]),
        (WHOLE, [*MESSAGES[:2], replace(MESSAGES[2], parent=None)]),
        (WHOLE, [*MESSAGES[:2], replace(MESSAGES[2], text="else")]),
        (replace(WHOLE, created="2020-01-01T00:00:00Z"), MESSAGES),
    ]
    for conversation, messages in changes:
        copied = await copy_in(store, conversation, messages)
        assert copied.how == "renamed"
        tree = await store.tree(copied.id)
        assert [one.text for one in tree] == [one.text for one in messages]
        assert tree[1].parent == tree[0].id != "q"
        head = (await store.find(copied.id)).head
        assert head in {one.id for one in tree}
    assert await store.tree("one") == MESSAGES


async def test_a_conversation_without_an_id_gets_one_and_its_taken_messages_new_ones(store: Store) -> None:
    await copy_in(store, replace(WHOLE, head="q"), MESSAGES[:1])
    copied = await copy_in(store, replace(WHOLE, id="", head="b"), MESSAGES)
    assert copied.how == "new" and copied.id != "one"
    tree = await store.tree(copied.id)
    assert [one.id for one in tree[1:]] == ["a", "b"]
    assert tree[0].id != "q" and tree[1].parent == tree[0].id
    assert (await store.find(copied.id)).head == "b"


async def test_an_id_that_only_begins_another_is_free(store: Store) -> None:
    await store.create(Conversation(id="onetwo"))
    assert await copy_in(store, WHOLE, MESSAGES) == ("one", "new")
