"""Hostile text from `tests/data/nasty-text.json`, and what must hold of all that reaches a terminal."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).with_name("data") / "nasty-text.json"

FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but for tab and newline, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # text that runs the other way
    "\u200b\u2060-\u2064\u3164\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff"  # what nobody sees
    "\u2028\u2029\ud800-\udfff\U0010eeee]"  # line breaks that are none, surrogates, kitty's placeholder
)


@dataclass(frozen=True)
class Nasty:
    """One text; `visible` is what a person should see of it, None where nothing is said of that."""

    id: str
    text: str
    visible: str | None


def all_of_it() -> list[Nasty]:
    rows = json.loads(_FILE.read_text("utf-8"))
    return [Nasty(row["id"], row["text"] * row["repeat"], row["expect_visible"]) for row in rows]
