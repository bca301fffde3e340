"""One thing that was looked at."""

from typing import Literal

import msgspec


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was seen. `hint` says what to do, empty if nothing needs to be done."""

    topic: str
    state: Literal["ok", "warning", "error"]
    text: str
    hint: str = ""
