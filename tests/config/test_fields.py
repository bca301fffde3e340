"""What a form says of a setting, and what it makes of what is written there."""

from typing import Any

import msgspec
import pytest

from pluma_tui.config import keys
from pluma_tui.config.fields import Field, fields_of, text_of, value_of
from pluma_tui.config.schema import PROFILES, SECTIONS
from pluma_tui.core.chat import Sampling
from pluma_tui.core.errors import ConfigError

CHAT, IMAGES = (kind for kind, _ in PROFILES.values())
ALL: dict[str, type[msgspec.Struct]] = {
    "ui": SECTIONS["ui"],
    "storage": SECTIONS["storage"],
    "profile": CHAT,
    "image": IMAGES,
    "sampling": Sampling,
}


def named(key: str) -> Field:
    table, name = key.split(".")
    return next(field for field in fields_of(ALL[table]) if field.name == name)


def test_every_setting_says_what_it_is_for() -> None:
    inner = ("name", "profiles", "sampling", "options")
    kinds: tuple[type[msgspec.Struct], ...] = (*SECTIONS.values(), CHAT, IMAGES, Sampling)
    for kind in kinds:
        assert [field.name for field in fields_of(kind, without=inner) if not field.help] == []


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("ui.mouse", "true or false"),
        ("ui.frame_rate", "a whole number from 1 to 60"),
        ("ui.reasoning", "one of folded, shown, hidden"),
        ("profile.timeout", "a number, 0 or more"),
        ("sampling.temperature", "a number"),
        ("sampling.stop", 'a list such as ["a", "b"]'),
        ("profile.headers", 'a table such as { name = "value" }'),
    ],
)
def test_it_says_what_may_be_written(key: str, words: str) -> None:
    assert named(key).takes == words


def test_it_says_what_counts_from_the_next_start_on() -> None:
    assert [key for key in ("ui.mouse", "storage.url", "ui.theme") if named(key).restart] == [
        "ui.mouse",
        "storage.url",
    ]


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("ui.mouse", "false", False),
        ("ui.frame_rate", " 8 ", 8),
        ("ui.theme", " 8 ", " 8 "),
        ("profile.timeout", "1.5", 1.5),
        ("profile.timeout", "2", 2),
        ("sampling.stop", "###", ["###"]),
        ("sampling.stop", '["a", "b"]', ["a", "b"]),
        ("profile.headers", '{ X-A = "b" }', {"X-A": "b"}),
        ("profile.api_key", "env:NAME", "env:NAME"),
        ("profile.api_key", '{ env = "NAME" }', {"env": "NAME"}),
        ("profile.api_key", "12345", "12345"),
    ],
)
def test_what_is_written_is_a_value(key: str, text: str, value: Any) -> None:
    made = value_of(named(key), text)
    assert (made, type(made)) == (value, type(value))


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("ui.mouse", "maybe", "expected true or false, got a string"),
        ("ui.frame_rate", "99", "expected a whole number <= 60"),
        ("ui.reasoning", "fold", 'must be one of folded, shown, hidden. Did you mean "folded"?'),
        ("sampling.top_k", "1.5", "expected a whole number, got a number"),
        ("sampling.temperature", "warm", "expected a number, got a string"),
        ("profile.timeout", "-1", "expected a number >= 0.0"),
        ("profile.api_key", "{ nv = 1 }", "expected a table with one of: env, file, command"),
        ("profile.api_key", "{ env =", "is no table"),
        ("profile.api_key", "keyring:x", 'keyring: expected "service/user"'),
    ],
)
def test_what_will_not_do_is_told_in_words(key: str, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        value_of(named(key), text)
    assert caught.value.message.startswith(words)


def test_a_key_that_is_refused_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        value_of(named("profile.api_key"), "{ sk-secret")
    assert "sk-secret" not in caught.value.message


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (0.7, "0.7"),
        (60.0, "60"),
        (True, "true"),
        ("a b", "a b"),
        (("x",), '["x"]'),
        ({}, ""),
        ({"a": 1}, "{ a = 1 }"),
    ],
)
def test_a_value_stands_in_a_field_as_one_would_write_it(value: Any, text: str) -> None:
    assert text_of(value) == text


def test_a_key_of_a_table_that_is_described_still_has_its_type() -> None:
    assert keys.type_of(("chat", "profiles", "home", "headers", "X-A")) is str
