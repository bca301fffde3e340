"""What Ollama checks in a request, in the words of Go's decoder and of its own api/types.go.

Fields that it does not know are passed over; null is as good as nothing.
"""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
Check = Callable[[Any], "str | None"]


@dataclass(frozen=True)
class Struct:
    """A Go struct; each field is a type: the name of a plain one, a list of one, a struct, or a check."""

    name: str
    fields: Json = field(default_factory=dict)


def _duration(value: Any) -> str | None:
    if isinstance(value, str):
        if re.fullmatch(r"[+-]?(\d+(\.\d*)?(ns|us|ms|s|m|h))+", value) or value == "0":
            return None
        missing = re.fullmatch(r"[+-]?[\d.]+", value)
        return f'time: {"missing unit in" if missing else "invalid"} duration "{value}"'
    return None if _kind(value) == "number" else f"Unsupported type: '{_kind(value)}'"


def _think(value: Any) -> str | None:
    words = '"high", "medium", "low"'
    if isinstance(value, bool) or value in ("high", "medium", "low"):
        return None
    if isinstance(value, str):
        return f'invalid think value: "{value}" (must be {words}, true, or false)'
    return f"think must be a boolean or string ({words}, true, or false)"


def _bytes(value: Any) -> str | None:
    if not isinstance(value, str):
        return f"json: cannot unmarshal {_kind(value)} into Go value of type []uint8"
    wrong = re.search(r"[^A-Za-z0-9+/=]", value)
    if wrong:
        return f"illegal base64 data at input byte {wrong.start()}"
    try:
        base64.b64decode(value, validate=True)
    except ValueError:
        return f"illegal base64 data at input byte {len(value)}"
    return None


_MAP = "map[string]interface {}"
_ARGUMENTS = Struct("ToolCallFunctionArguments")
_CALL = Struct(
    "ToolCall",
    {"id": "string", "function": Struct("ToolCallFunction", {"name": "string", "arguments": _ARGUMENTS})},
)
_MESSAGE = Struct(
    "Message",
    {
        "role": "string",
        "content": "string",
        "thinking": "string",
        "images": [_bytes],
        "tool_calls": [_CALL],
        "tool_name": "string",
        "tool_call_id": "string",
    },
)
_PARAMETERS = Struct("ToolFunctionParameters", {"type": "string", "required": ["string"], "properties": _MAP})
_FUNCTION = Struct("ToolFunction", {"name": "string", "description": "string", "parameters": _PARAMETERS})
_TOOL = Struct("Tool", {"type": "string", "function": _FUNCTION})
_COMMON = {"model": "string", "stream": "bool", "keep_alive": _duration, "options": _MAP, "think": _think}

CHAT = Struct("ChatRequest", {**_COMMON, "messages": [_MESSAGE], "tools": [_TOOL], "truncate": "bool"})
GENERATE = Struct("GenerateRequest", {**_COMMON, "prompt": "string", "images": [_bytes]})
SHOW = Struct("ShowRequest", {"model": "string", "verbose": "bool", "options": _MAP})
PULL = Struct("PullRequest", {"model": "string", "insecure": "bool", "stream": "bool"})
DELETE = Struct("DeleteRequest", {"model": "string"})

_OPTIONS = {
    "integer": "num_ctx num_batch num_gpu main_gpu num_thread num_keep seed num_predict top_k repeat_last_n",
    "float32": "top_p min_p typical_p temperature repeat_penalty presence_penalty frequency_penalty",
    "boolean": "use_mmap",
    "array": "stop",
}
_KINDS = {"integer": "number", "float32": "number", "boolean": "bool", "array": "array"}


def wrong(value: Any, struct: Struct) -> str | None:
    """Why `value` cannot be decoded as `struct`, None if it can."""
    if value is not None and not isinstance(value, dict):
        return f"json: cannot unmarshal {_kind(value)} into Go value of type api.{struct.name}"
    return _wrong(value, struct, struct.name)


def wrong_option(options: Json | None) -> str | None:
    """Why an option cannot be used; those that the server does not know are passed over."""
    for wanted, names in _OPTIONS.items():
        for name in names.split():
            value = (options or {}).get(name)
            if value is not None and _kind(value) != _KINDS[wanted]:
                return f'option "{name}" must be of type {wanted}'
    return None


def _wrong(value: Any, kind: Any, path: str) -> str | None:
    if value is None:
        return None
    if callable(kind):
        why: str | None = kind(value)
        return why
    if isinstance(kind, list) and isinstance(value, list):
        return next((found for item in value if (found := _wrong(item, kind[0], path))), None)
    if isinstance(kind, Struct) and isinstance(value, dict):
        within = ((value.get(name), of, f"{path}.{name}") for name, of in kind.fields.items())
        return next((found for inner in within if (found := _wrong(*inner))), None)
    if kind == _kind(value) or (kind == _MAP and isinstance(value, dict)):
        return None
    return f"json: cannot unmarshal {_kind(value)} into Go struct field {path} of type {_type(kind)}"


def _kind(value: Any) -> str:
    """What Go's decoder calls a JSON value."""
    kinds: tuple[tuple[Any, str], ...] = ((bool, "bool"), (int | float, "number"), (str, "string"))
    found = (name for kind, name in kinds if isinstance(value, kind))
    return next(found, "array" if isinstance(value, list) else "object")


def _type(kind: Any) -> str:
    if isinstance(kind, list):
        return "[]" + ("api.ImageData" if kind == [_bytes] else _type(kind[0]))
    return f"api.{kind.name}" if isinstance(kind, Struct) else str(kind)
