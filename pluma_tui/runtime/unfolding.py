"""How reasoning is shown: as the settings say, or as the person chose last, which is remembered."""

import contextlib
from pathlib import Path
from typing import Literal

import msgspec

from pluma_tui.files import atomic

FILE = "reading.json"
Reasoning = Literal["folded", "shown", "hidden"]


class _Chosen(msgspec.Struct):
    """`setting` is what the settings said then: when they say another thing, the choice is void."""

    setting: Reasoning
    reasoning: Reasoning


def shown(data: Path, setting: Reasoning) -> Reasoning:
    """The choice that was made last, else the setting. A file that cannot be read counts as none."""
    try:
        chosen = msgspec.json.decode((data / FILE).read_bytes(), type=_Chosen)
    except (OSError, msgspec.MsgspecError, UnicodeError):
        return setting
    return chosen.reasoning if chosen.setting == setting else setting


def choose(data: Path, setting: Reasoning, reasoning: Reasoning) -> None:
    """Remember a choice in the data folder. Where that cannot be, it holds as long as the program runs."""
    with contextlib.suppress(OSError):
        atomic.write(data / FILE, msgspec.json.encode(_Chosen(setting, reasoning)))
