import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluma_tui.core.chat import (
    Conversation,
    File,
    Image,
    Message,
    Opaque,
    Part,
    ToolCall,
    ToolResult,
    Usage,
)
from pluma_tui.core.errors import UsageError
from pluma_tui.storage import jsontext
from pluma_tui.storage.export import document
from pluma_tui.storage.imports import read
from pluma_tui.storage.markdown import markdown

SIMPLE = {
    "format": "pluma-conversation",
    "version": 1,
    "title": "T",
    "messages": [{"role": "user", "text": "Hi"}, {"role": "assistant", "text": "Hello"}],
}


def packed(**changes: Any) -> bytes:
    return json.dumps({**SIMPLE, **changes}).encode()


def with_messages(*messages: Any) -> bytes:
    return packed(messages=[{"role": "user", **one} if isinstance(one, dict) else one for one in messages])


def path_of(data: bytes) -> str | None:
    return read(data)[0].head


# A high surrogate right before a low one has no spelling of its own in JSON: both escapes are one character.
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
texts = st.text(st.characters(exclude_categories=()), max_size=12).filter(lambda t: not _PAIR.search(t))
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
unknown = st.dictionaries(texts.map("x-".__add__), anything, max_size=2)
parts: st.SearchStrategy[Part] = st.one_of(
    st.builds(Image, st.binary(max_size=9), texts, texts),
    st.builds(File, texts, texts),
    st.builds(ToolCall, texts, texts, texts),
    st.builds(ToolResult, texts, texts, st.booleans()),
    st.builds(Opaque, st.just("anthropic"), unknown),
)
times = st.just("") | st.datetimes().map(lambda t: t.isoformat() + "Z")


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Conversation, list[Message]]:
    """Any tree with any text in it, parents first, and any of its messages as the head, or none."""
    ids = draw(st.lists(texts.filter(bool), unique=True, max_size=6))
    messages = [
        Message(
            id=id_,
            parent=draw(st.sampled_from([None, *ids[:number]])),
            role=draw(st.sampled_from(["system", "user", "assistant", "tool"])),
            text=draw(texts),
            reasoning=draw(texts),
            parts=draw(st.lists(parts, max_size=2).map(tuple)),
            created=draw(times),
            model=draw(texts),
            profile=draw(texts),
            ending=draw(st.sampled_from([None, "complete", "length", "stopped", "failed"])),
            error=draw(texts),
            usage=draw(st.none() | st.builds(Usage, st.integers(), rate=st.floats(0, 1e9))),
            extra=draw(unknown),
        )
        for number, id_ in enumerate(ids)
    ]
    conversation = Conversation(
        id="abc",
        title=draw(texts),
        created="2026-01-01T00:00:00.000Z",
        updated="2026-01-02T00:00:00.000Z",
        profile=draw(texts),
        model=draw(texts),
        head=draw(st.sampled_from([None, *ids])),
        extra=draw(unknown),
    )
    return conversation, messages


@settings(deadline=None)
@given(conversations())
def test_any_conversation_survives_the_way_out_and_in(
    whole: tuple[Conversation, list[Message]],
) -> None:
    data = jsontext.dumps(document(*whole))
    assert read(data) == whole
    data.decode("utf-8")


@settings(deadline=None)
@given(conversations())
def test_any_conversation_can_be_read_by_people(whole: tuple[Conversation, list[Message]]) -> None:
    conversation, messages = whole
    text = markdown(conversation, messages)
    assert text.startswith("# ")
    for message in messages:
        assert message.text.strip() in text


def test_the_shortest_file_is_a_line() -> None:
    conversation, (question, answer) = read(packed())
    assert (conversation.title, conversation.id, conversation.created) == ("T", "", "")
    assert (question.role, question.text, question.parent) == ("user", "Hi", None)
    assert (answer.role, answer.text, answer.parent) == ("assistant", "Hello", question.id)
    assert conversation.head == answer.id != question.id


def test_every_field_of_a_message_is_read_and_written() -> None:
    message = {
        "id": "m1", "parent": None, "role": "assistant", "text": "t", "created": "2026-01-01T00:00:00Z",
        "model": "m", "profile": "p", "reasoning": "r", "ending": "length",
        "usage": {"input": 1, "output": 2, "reasoning": 3, "cached": 4, "rate": 5.0,
                  "first": 0.5, "context": 9, "cost": 0.25, "mood": "good"},
        "parts": [
            {"type": "image", "data": "AP8=", "media_type": "image/png", "name": "n", "alt": "a cat"},
            {"type": "hologram", "beams": [1, 2]},
        ],
        "mood": {"good": [True, None]},
    }  # fmt: skip
    data = packed(messages=[message], origin={"app": "x"}, profile="home")
    conversation, messages = read(data)
    assert messages[0].parts[0] == Image(b"\x00\xff", "image/png", "n")
    assert messages[0].usage == Usage(1, 2, 3, 4, 5.0, 0.5, 9, 0.25)
    assert conversation.profile == "home"
    written = document(conversation, messages)
    assert written["messages"] == [message]
    assert written["origin"] == {"app": "x"}
    assert read(jsontext.dumps(written)) == (conversation, messages)


def test_null_is_the_same_as_nothing() -> None:
    (message,) = read(with_messages(dict.fromkeys(["id", "parent", "model", "usage", "parts", "chosen"])))[1]
    assert message.id and message == Message(role="user", id=message.id)


def test_lone_surrogates_survive() -> None:
    raw = rb'{"format":"pluma-conversation","version":1,"messages":[{"role":"user","text":"a\ud800b"}]}'
    conversation, messages = read(raw)
    assert messages[0].text == "a\ud800b"
    assert rb'"a\ud800b"' in jsontext.dumps(document(conversation, messages))


def test_what_a_terminal_would_act_on_is_escaped_in_json() -> None:
    out = jsontext.dumps(["\x1b[2J \x9b2J \u202e \x7f", "漢字"]).decode()
    assert "漢字" in out
    assert json.loads(out)[0] == "\x1b[2J \x9b2J \u202e \x7f"
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", out)


@pytest.mark.parametrize(
    ("messages", "head"),
    [
        ([{"id": "q"}, {"id": "a", "parent": "q"}, {"id": "b", "parent": "q"}], "b"),
        ([{"id": "q"}, {"id": "a", "parent": "q", "chosen": True}, {"id": "b", "parent": "q"}], "a"),
        ([{"id": "q"}, {"id": "a", "parent": "q"}, {"id": "b", "parent": "q", "chosen": False}], None),
        (
            [
                {"id": "q"}, {"id": "a", "parent": "q"}, {"id": "aa", "parent": "a", "chosen": True},
                {"id": "b", "parent": "q"},
            ],
            "aa",
        ),
        ([{"id": "p", "parent": None, "chosen": True}, {"id": "q", "parent": None, "chosen": False}], "p"),
        ([{"id": "p", "parent": None}, {"id": "q", "parent": None}], "q"),
        ([{"id": "a", "parent": "q"}, {"id": "q"}], "a"),
        ([], None),
    ],
    ids=["last", "chosen", "none chosen", "chosen below", "two roots", "a line", "parent later", "empty"],
)  # fmt: skip
def test_the_chosen_path(messages: list[Any], head: str | None) -> None:
    if head is None and messages:
        head = "q"  # the way ends where nothing further is chosen
    assert path_of(with_messages(*messages)) == head


def test_a_deep_tree_is_no_trouble() -> None:
    line = [{"id": str(n), "parent": str(n - 1) if n else None} for n in range(5000)]
    conversation, messages = read(with_messages(*reversed(line)))
    assert conversation.head == "4999"
    assert [message.id for message in messages] == [str(n) for n in range(5000)]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not valid JSON: Expecting value"),
        (b"[]", '"format": "pluma-conversation"'),
        (b'{"a": \xff}', "byte 7 is not UTF-8"),
        (b"[" * 100_000, "nested"),
        (b"[" * 101 + b"1" + b"]" * 101, "nested more than 100 deep"),
        (packed(x=float("nan")), "NaN is no number"),
        (packed().replace(b'"T"', b"1e999"), "1e999 is too large"),
        (packed(x=1).replace(b": 1,", b": " + b"9" * 5000 + b",", 1), "no conversation"),
        (packed(format="other"), '"format"'),
        (packed(version=2), "newer pluma (version 2; this one reads 1)"),
        (packed(version="1"), "version: must be 1"),
        (packed(version=True), "version: must be 1"),
        (packed(version=0), "version: must be 1"),
        (packed(messages={}), "messages: must be a list"),
        (packed(messages=[1]), "message 1 must be a table"),
        (packed(title=3), 'title: Expected "str", got "int"'),
        (packed(id="last"), "id: must be"),
        (packed(id="-rf"), "id: must be"),
        (packed(id="a\nb"), "id: must be"),
        (packed(updated="yesterday"), "updated: must be a moment"),
        (packed(messages=[{"text": "x"}]), "message 1, role: is missing"),
        (with_messages({}, {"role": "robot"}), "message 2, role: Invalid enum value 'robot'"),
        (with_messages({"role": "\ud800"}), "message 1, role: is no such word"),
        (with_messages({"text": 1}), "message 1, text: Expected"),
        (with_messages({"id": ""}), "message 1, id: must not be empty"),
        (with_messages({"id": "a"}, {}, {"id": "a"}), 'message 3, id: "a" is the id of message 1 too'),
        (with_messages({"id": "a"}, {"parent": "b"}), 'message 2, parent: "b" is no message'),
        (with_messages({}, {"id": "a", "parent": "a"}), "message 2, parent: goes round"),
        (
            with_messages({"id": "a", "parent": "b"}, {"id": "b", "parent": "a"}),
            "message 1, parent: goes round",
        ),
        (with_messages({"ending": "boom"}), "message 1, ending: Invalid"),
        (with_messages({"chosen": 1}), "message 1, chosen: Expected"),
        (with_messages({"usage": {"input": "1"}}), "message 1, usage.input: Expected"),
        (with_messages({"parts": {}}), "message 1, parts: must be a list"),
        (with_messages({"parts": [3]}), "message 1, parts[0]: Expected"),
        (with_messages({"parts": [{"type": "file", "name": "n"}]}), "message 1, parts[0]: Object missing"),
        (
            with_messages({"parts": [{"type": "image", "media_type": "x", "data": "%"}]}),
            "message 1, parts[0].data: Invalid base64",
        ),
        (with_messages({"created": "2026-13-01T00:00:00Z"}), "message 1, created: must be a moment"),
        (with_messages({"created": "2026-01-01T00:00:00"}), "message 1, created: must be a moment"),
        (with_messages({"created": "0001-01-01T00:00:00+05:00"}), "message 1, created: must be a moment"),
    ],
)
def test_a_wrong_file_is_told_with_message_and_field(data: bytes, words: str) -> None:
    with pytest.raises(UsageError) as problem:
        read(data)
    assert words in problem.value.message


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00.120Z", "2026-01-01T00:00:00.120Z"),
        ("2026-01-01t02:00:00+02:00", "2026-01-01T00:00:00Z"),
        ("2026-01-01 00:00:00z", "2026-01-01T00:00:00Z"),
    ],
)
def test_moments_are_kept_in_utc(given_: str, kept: str) -> None:
    assert read(with_messages({"created": given_}))[1][0].created == kept


def test_a_file_with_a_byte_order_mark_is_read() -> None:
    assert read(b"\xef\xbb\xbf" + packed())[0].title == "T"


def test_markdown_tells_what_the_conversation_is_made_of() -> None:
    path = [
        Message(role="user", id="q", text="Look", parts=(Image(b"1234", "image/png", "cat.png"),)),
        Message(
            role="assistant", id="a", parent="q", text="Fine", reasoning="One\n\nTwo", model="m",
            ending="failed", error="cut",
            parts=(File("x.md", "```\ncode\n```"), ToolCall("1", "look_up", '{"a": 1}')),
        ),
    ]  # fmt: skip
    assert markdown(Conversation(id="abc", title="A\ntitle", profile="home"), path) == (
        "# A title\n\n*home · abc*\n\n"
        "## You\n\nLook\n\n*Picture: cat.png (image/png, 4 bytes)*\n\n"
        "## Assistant (m)\n\n> One\n>\n> Two\n\nFine\n\n*File: x.md*\n\n````\n```\ncode\n```\n````\n\n"
        '*Calls look_up:*\n\n```json\n{"a": 1}\n```\n\n*(broken off: cut)*\n'
    )
