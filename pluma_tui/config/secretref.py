"""A secret's reference as config.toml says it: a table, a URI string, or the value itself."""

import shlex
from typing import Any, cast

from pluma_tui.core.profile import SECRET_KINDS, SecretKind, SecretRef

OPTIONS: dict[str, tuple[str, ...]] = {
    "age": ("identity",),
    "command": ("timeout",),
    "vault": (
        "address", "mount", "namespace", "role_id", "secret_id", "ca_file", "client_cert", "client_key",
    ),
}  # fmt: skip
"""What may stand beside a kind, other than `ttl`. `secret_id` is a reference itself."""


def secret_ref(value: Any) -> SecretRef:
    """The reference that `value` says. Raises ValueError with words for people, which repeat no value."""
    if isinstance(value, str):
        return _from_text(value)
    if not isinstance(value, dict):
        raise ValueError('expected a string or a table such as { env = "NAME" }')
    named = [key for key in value if key in SECRET_KINDS]
    if len(named) != 1:
        raise ValueError(f"expected a table with one of: {', '.join(SECRET_KINDS)}")
    kind = cast(SecretKind, named[0])
    more = {key: item for key, item in value.items() if key != kind}
    return SecretRef(kind, _what(kind, value[kind]), _options(kind, more))


def _from_text(text: str) -> SecretRef:
    kind, _, rest = text.partition(":")
    if not rest or kind not in SECRET_KINDS:
        return SecretRef("literal", text)
    if kind == "op":
        return secret_ref({kind: text})
    if kind != "command":
        return secret_ref({kind: rest.removeprefix("//") if kind == "vault" else rest})
    try:
        return secret_ref({kind: shlex.split(rest)})
    except ValueError:
        raise ValueError('command: expected words such as "command:pass show x"') from None


def _what(kind: str, value: Any) -> str | tuple[str, ...]:
    if kind == "command":
        if not isinstance(value, list) or not value or not all(isinstance(word, str) for word in value):
            raise ValueError('command: expected a list such as ["pass", "show", "x"]')
        if not value[0]:
            raise ValueError("command: names no program")
    elif not isinstance(value, str) or not value:
        raise ValueError(f"{kind}: expected a string")
    if "\0" in "".join(value):
        raise ValueError(f"{kind}: holds a NUL character")
    _check_form(kind, value)
    return tuple(value) if isinstance(value, list) else str(value)


def _check_form(kind: str, value: Any) -> None:
    """What the sources take for granted."""
    if kind == "keyring" and not all(value.partition("/")):
        raise ValueError('keyring: expected "service/user"')
    if kind == "op" and not value.startswith("op://"):
        raise ValueError('op: expected "op://vault/item/field"')
    if kind == "pass" and value.startswith("-"):
        raise ValueError("pass: expected the path of an entry")


def _options(kind: str, more: dict[str, Any]) -> dict[str, Any]:
    known = ("ttl", *OPTIONS.get(kind, ()))
    if kind == "plugin":
        return more
    for name, value in more.items():
        if name not in known:
            raise ValueError(f"{kind}: {name} is none of its options, which are: {', '.join(known)}")
        if name == "timeout":
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
                raise ValueError("timeout: expected seconds")
        elif name == "ttl":
            if isinstance(value, bool) or not isinstance(value, str | int):
                raise ValueError('ttl: expected a time such as "1h"')
        elif name == "secret_id":
            more = {**more, name: _inner(value)}
        elif not isinstance(value, str):
            raise ValueError(f"{name}: expected a string")
    return more


def _inner(value: Any) -> SecretRef:
    inner = secret_ref(value)
    if inner.kind == "literal":
        raise ValueError('secret_id: is a secret too; expected a reference such as { env = "NAME" }')
    return inner
