"""What a conversation says over the sampling of its profile.

It is kept in the conversation's `extra`, and so in its exported file too, as "sampling".
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from pluma_tui.core.chat import Sampling

_KEY = "sampling"


def sampling_of(extra: Mapping[str, Any]) -> Sampling:
    """What is kept there. A file may have brought anything: what is no sampling says nothing."""
    try:
        return msgspec.convert(extra.get(_KEY, {}), Sampling)
    except msgspec.ValidationError:
        return Sampling()


def with_sampling(extra: Mapping[str, Any], sampling: Sampling) -> dict[str, Any]:
    """`extra` with that kept in it, and all else in it as it was."""
    rest = {key: value for key, value in extra.items() if key != _KEY}
    said = msgspec.json.decode(msgspec.json.encode(sampling))  # lists, as a file has them
    return rest | ({_KEY: said} if said else {})
