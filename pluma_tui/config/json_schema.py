"""The JSON Schema of config.toml, so that editors can complete and check it."""

from typing import Any

import msgspec

from pluma_tui.config.schema import PROFILES, SECTIONS, Config
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
    properties: dict[str, Any] = {name: {"type": "string"} for name in SECRET_KINDS}
    properties["command"] = {"type": "array", "items": {"type": "string"}, "minItems": 1}
    tables = [{"required": [name]} for name in SECRET_KINDS]
    return {
        "description": "Where a secret is; a string is the secret itself, or a reference such as env:NAME.",
        "anyOf": [{"type": "string"}, {"type": "object", "properties": properties, "oneOf": tables}],
    }
