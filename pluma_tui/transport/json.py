"""Reading JSON from outside: quickly as a rule, leniently where that fails."""

import json
from typing import Any

import msgspec

MAX_VALUES = 1_000_000
"""Values in a document: the shortest ones take twenty times their length in memory, and more."""
_MAX_ODD_VALUES = 100_000  # in a document that has to be read leniently, which takes thrice as much
_SURELY_FEW = 1 << 18  # bytes: no more values in them than can be borne
_decode = msgspec.json.Decoder().decode


def is_crowded(data: str | bytes | bytearray, most: int = MAX_VALUES) -> bool:
    """Whether `data` may hold more than `most` values; it is not read for that."""
    if len(data) < _SURELY_FEW:
        return False
    if isinstance(data, str):
        return sum(data.count(mark) for mark in ",:[{") > most
    return sum(data.count(mark) for mark in b",:[{") > most


def read_json(data: str | bytes | bytearray) -> Any:
    """The value that `data` holds; its strings can be stored and sent on. Raises ValueError.

    Met in the wild and accepted: NaN, a byte order mark, halves of a surrogate pair (an emoji that was cut
    between two tokens), which become U+FFFD. Not accepted: so many values that they fill the memory.
    """
    if is_crowded(data):
        raise ValueError("holds too many values")
    try:
        return _decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        pass
    if is_crowded(data, _MAX_ODD_VALUES):
        raise ValueError("holds too many values for one that is not quite JSON")
    try:
        value = json.loads(data.removeprefix("\ufeff") if isinstance(data, str) else data)
        text = json.dumps(value, ensure_ascii=False)
        return json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
