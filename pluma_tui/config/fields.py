"""Settings as fields of a form: what each takes, in words, and what a person writes in it as a value."""

import tomllib
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta

from pluma_tui.config import keys
from pluma_tui.config.read import plain_words
from pluma_tui.config.schema import decode_hook
from pluma_tui.config.strings import written
from pluma_tui.core.errors import ConfigError
from pluma_tui.core.profile import SecretRef


class Field(msgspec.Struct, frozen=True):
    """A setting that a form shows. `kind` is its whole type, `bare` that without bounds and None.

    `restart`: a change counts from the next start on.
    """

    name: str
    kind: Any
    bare: Any
    default: Any = None
    help: str = ""
    bounds: str = ""
    choices: tuple[str, ...] = ()
    restart: bool = False

    @property
    def takes(self) -> str:
        """What may be written, in a few words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        return f"{_NAMES.get(get_origin(self.bare) or self.bare, 'any value')}{self.bounds}"


_NAMES: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    tuple: 'a list such as ["a", "b"]',
    dict: 'a table such as { name = "value" }',
    SecretRef: "a reference, or the key itself, which is then kept elsewhere",
}


def fields_of(kind: type[msgspec.Struct], *, without: tuple[str, ...] = ()) -> list[Field]:
    """The fields of a table, in their order."""
    found = msgspec.structs.fields(kind)
    return [field(item.name, item.type, _default(item)) for item in found if item.name not in without]


def _default(item: msgspec.structs.FieldInfo) -> Any:
    if item.default_factory is not msgspec.NODEFAULT:
        return item.default_factory()
    return None if item.default is msgspec.NODEFAULT else item.default


def field(name: str, kind: Any, default: Any = None, help: str = "") -> Field:
    """A field of that type; what its type says of it is its help."""
    bare, metas = _unwrapped(kind)
    words = next((meta.description for meta in metas if meta.description), help)
    bounds = "".join(_bounds(meta) for meta in metas)
    choices = tuple(get_args(bare)) if get_origin(bare) is Literal else ()
    restart = any((meta.extra or {}).get("restart") for meta in metas)
    return Field(name, kind, bare, default, words, bounds, choices, restart)


def _unwrapped(kind: Any) -> tuple[Any, list[Meta]]:
    """The type without what is said about it, and without None."""
    if get_origin(kind) is Annotated:
        inner, *metas = get_args(kind)
        bare, more = _unwrapped(inner)
        return bare, [*(meta for meta in metas if isinstance(meta, Meta)), *more]
    if get_origin(kind) in (Union, UnionType):
        options = [one for one in get_args(kind) if one is not NoneType]
        return _unwrapped(options[0]) if len(options) == 1 else (kind, [])
    return kind, []


def _bounds(meta: Meta) -> str:
    if meta.ge is not None and meta.le is not None:
        return f" from {meta.ge} to {meta.le}"
    return f", {meta.ge} or more" if meta.ge is not None else ""


def value_of(field: Field, text: str) -> Any:
    """What a person wrote in a field, as it goes into the file. Raises ConfigError, in plain words."""
    value = _read(field, text)
    try:
        msgspec.convert(value, field.kind, dec_hook=decode_hook)
    except msgspec.ValidationError as error:
        if field.bare is SecretRef:
            raise ConfigError(str(error).split(" - at ")[0]) from None
        raise ConfigError(plain_words(error, field.bare, value)) from None
    return value


def _read(field: Field, text: str) -> Any:
    text = text if field.bare is str else text.strip()
    if field.bare is SecretRef:
        return _toml(text) if text.startswith("{") else text
    value = keys.value_of(text, field.bare)
    is_list = get_origin(field.bare) in (tuple, list)
    return [value] if is_list and isinstance(value, str) else value


def _toml(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        raise ConfigError('is no table such as { env = "NAME" }') from None


def text_of(value: Any) -> str:
    """A value as a person would write it in a field; empty for None."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, Mapping | list | tuple) and not value:
        return ""
    return written(value)
