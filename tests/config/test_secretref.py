"""References to secrets as the config file says them."""

import pytest

from pluma_tui.config.secretref import secret_ref
from pluma_tui.core.profile import SecretRef

KEY = "sk-a-key-that-nobody-may-see"


@pytest.mark.parametrize(
    ("value", "ref"),
    [
        ("env:NAME", SecretRef("env", "NAME")),
        ("file:~/key", SecretRef("file", "~/key")),
        ("keyring:service/user/deep", SecretRef("keyring", "service/user/deep")),
        ("pass:chat/home", SecretRef("pass", "chat/home")),
        ("age:~/key.age", SecretRef("age", "~/key.age")),
        ("vault://secret/chat#key", SecretRef("vault", "secret/chat#key")),
        ("vault:secret/chat#key", SecretRef("vault", "secret/chat#key")),
        ("op://Private/OpenAI key/credential", SecretRef("op", "op://Private/OpenAI key/credential")),
        ("command:pass show 'a b'", SecretRef("command", ("pass", "show", "a b"))),
        ("plugin:name:ref", SecretRef("plugin", "name:ref")),
        ({"op": "op://a/b/c"}, SecretRef("op", "op://a/b/c")),
        ({"command": ["x"], "ttl": 9, "timeout": 1}, SecretRef("command", ("x",), {"ttl": 9, "timeout": 1})),
        ({"age": "f", "identity": "i", "ttl": "1h"}, SecretRef("age", "f", {"identity": "i", "ttl": "1h"})),
        (
            {"vault": "a/b", "role_id": "r", "secret_id": {"env": "S"}},
            SecretRef("vault", "a/b", {"role_id": "r", "secret_id": SecretRef("env", "S")}),
        ),
        (
            {"vault": "a/b", "role_id": "r", "secret_id": "file:~/id"},
            SecretRef("vault", "a/b", {"role_id": "r", "secret_id": SecretRef("file", "~/id")}),
        ),
        (KEY, SecretRef("literal", KEY)),
        ("https://x", SecretRef("literal", "https://x")),
    ],
)  # fmt: skip
def test_a_table_or_a_uri_says_where_the_secret_is(value: object, ref: SecretRef):
    assert secret_ref(value) == ref


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (3, "expected a string or a table"),
        ({}, "expected a table with one of"),
        ({"env": "A", "file": "B"}, "expected a table with one of"),
        ({"evn": KEY}, "expected a table with one of"),
        ({"env": ""}, "env: expected a string"),
        ({"env": [KEY]}, "env: expected a string"),
        ({"env": f"{KEY}\0"}, "env: holds a NUL character"),
        ({"keyring": KEY}, 'keyring: expected "service/user"'),
        ({"keyring": f"/{KEY}"}, 'keyring: expected "service/user"'),
        ("keyring:service/", 'keyring: expected "service/user"'),
        ({"op": KEY}, 'op: expected "op://vault/item/field"'),
        ({"pass": f"--{KEY}"}, "pass: expected the path of an entry"),
        ({"command": KEY}, "command: expected a list"),
        ({"command": []}, "command: expected a list"),
        ({"command": ["", KEY]}, "command: names no program"),
        ("command:pass 'show", "command: expected words"),
        ({"env": "A", "identity": KEY}, "env: identity is none of its options, which are: ttl"),
        ({"age": "f", "identiy": KEY}, "age: identiy is none of its options, which are: ttl, identity"),
        ({"age": "f", "identity": 3}, "identity: expected a string"),
        ({"command": ["x"], "timeout": "1m"}, "timeout: expected seconds"),
        ({"command": ["x"], "timeout": -1}, "timeout: expected seconds"),
        ({"command": ["x"], "timeout": True}, "timeout: expected seconds"),
        ({"command": ["x"], "ttl": 1.5}, "ttl: expected a time"),
        ({"vault": "a/b", "secret_id": KEY}, "secret_id: is a secret too"),
        ({"vault": "a/b", "secret_id": {"evn": KEY}}, "expected a table with one of"),
    ],
)
def test_what_is_wrong_is_told_and_not_repeated(value: object, words: str):
    with pytest.raises(ValueError) as caught:
        secret_ref(value)
    assert words in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_key_in_place_of_a_variables_name_is_not_shown():
    assert str(SecretRef("env", KEY)) == "env:(hidden)"
    assert str(SecretRef("env", "OPENAI_API_KEY")) == "env:OPENAI_API_KEY"
