"""The JSON Schema of config.toml, so that editors can complete and check it."""

from typing import Any

import msgspec

from pluma_tui.config.schema import PROFILES, SECTIONS, Config
from pluma_tui.config.secretref import OPTIONS
from pluma_tui.core.chat import Sampling
from pluma_tui.core.profile import SECRET_KINDS, SecretRef


def json_schema() -> dict[str, Any]:
    """The schema as a document, made from the very types that the reader uses."""
    (_,), definitions = msgspec.json.schema_components(
        [Config], schema_hook=_hook, ref_template="#/$defs/{name}"
    )
    profiles: list[type] = [kind for kind, _ in PROFILES.values()]
    for profile in profiles:
        definitions[profile.__name__]["properties"].pop("name")  # the table's name, no key of it
    kinds: tuple[type, ...] = (Config, Sampling, *SECTIONS.values(), *profiles)
    for kind in kinds:
        definitions[kind.__name__]["additionalProperties"] = False
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **definitions.pop("Config"),
        "title": "pluma's config.toml",
        "$defs": definitions,
    }


def _hook(kind: type) -> dict[str, Any]:
    if kind is not SecretRef:
        raise NotImplementedError(kind)
    return {
        "description": "Where a secret is; a string is the secret itself, or a reference such as env:NAME.",
        "anyOf": [
            {"type": "string"},
            {"type": "object", "oneOf": [_reference(name) for name in SECRET_KINDS]},
        ],
    }


def _reference(kind: str) -> dict[str, Any]:
    """A table such as { file = "path" }, with what may stand beside it."""
    string = {"type": "string", "minLength": 1}
    what = {"type": "array", "items": {"type": "string"}, "minItems": 1} if kind == "command" else string
    beside: dict[str, Any] = dict.fromkeys(OPTIONS.get(kind, ()), string)
    beside |= {name: _SPECIAL[name] for name in beside if name in _SPECIAL}
    return {
        "properties": {kind: what, "ttl": {"type": ["string", "integer"]}, **beside},
        "required": [kind],
        "additionalProperties": kind == "plugin",
    }


_SPECIAL: dict[str, Any] = {
    "timeout": {"type": "number", "minimum": 0},
    "secret_id": {"type": ["string", "object"]},
}
