"""JSON that keeps any text: lone surrogates go out as escapes and come back.

The standard library's reader and writer, made strict: no NaN, no number beyond what a float can hold,
no nesting that another reader would give up on. (msgspec's JSON is faster, and refuses surrogates.)
"""

import json
import math
import re
from typing import Any

DEPTH = 100
"""How deep lists and tables may stand in each other."""

# Lone surrogates have no UTF-8. The others are characters a terminal may act on; JSON escapes only those
# below the space by itself. Outside of strings JSON is plain ASCII, so that every match stands in a string.
_ESCAPED = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def dumps(value: Any) -> bytes:
    """`value` as indented JSON in UTF-8 that ends in a newline, and is safe to look at in a terminal."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return f"{_ESCAPED.sub(_escape, text)}\n".encode()


def loads(data: bytes) -> Any:
    """The value of a JSON document in UTF-8. Raises ValueError with words for people."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is not UTF-8") from error
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_float)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        ) from error
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    _check_depth(value)
    return value


_TOO_DEEP = f"is nested more than {DEPTH} deep"


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def _refuse(constant: str) -> None:
    raise ValueError(f"not valid JSON: {constant} is no number")


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"the number {digits[:40]} is too large")
    return number


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEPTH + 1):
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inner += one.values()
            elif isinstance(one, list):
                inner += one
        level = inner
    if level:
        raise ValueError(_TOO_DEEP)
