"""Reading JSON from outside: quickly as a rule, leniently where that fails."""

import json
from typing import Any

import msgspec

_decode = msgspec.json.Decoder().decode


def read_json(data: str | bytes | bytearray) -> Any:
    """The value that `data` holds; its strings can be stored and sent on. Raises ValueError.

    Met in the wild and accepted: NaN, a byte order mark, halves of a surrogate pair (an emoji that was cut
    between two tokens), which become U+FFFD.
    """
    try:
        return _decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        pass
    try:
        value = json.loads(data.removeprefix("\ufeff") if isinstance(data, str) else data)
        text = json.dumps(value, ensure_ascii=False)
        return json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
