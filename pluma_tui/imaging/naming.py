"""What pictures are called: a template, filled in with what is known of a picture.

No word of a server's gets into a name but its seed, and what a person wrote is reduced to letters and digits.
"""

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from pathlib import PurePath

from pluma_tui.config.template import FIELD, check

_SLUG = 40  # characters
_PART = 120  # bytes of a folder's or a file's name; systems take 255, and ours get longer by an ending


def fields(*, prompt: str, seed: int | None, profile: str, at: datetime) -> dict[str, str]:
    """What a template may name: a value for each of its `NAMES`. `at` is in the person's own time zone."""
    return {
        "date": f"{at:%Y-%m-%d}",
        "time": f"{at:%H%M%S}",
        "seed": "" if seed is None else str(seed),
        "slug": slug(prompt),
        "profile": profile,
    }


def fill(template: str, values: Mapping[str, str]) -> PurePath:
    """The path that a template makes, relative and without an ending. Raises ConfigError.

    What is not known falls out, with the one separator before it.
    """
    check(template)
    text = FIELD.sub(lambda match: match[1] + values[match[2]] if values[match[2]] else "", template)
    return PurePath(*(_shortened(part.strip(" .-_")) or "picture" for part in text.split("/")))


def slug(prompt: str) -> str:
    """The beginning of a prompt as one lower-case word of letters, digits and hyphens, in any script."""
    text = unicodedata.normalize("NFC", prompt[: _SLUG * 8]).lower()
    words = "".join(char if unicodedata.category(char)[0] in "LNM" else " " for char in text).split()
    kept = ""
    for word in words:
        longer = f"{kept}-{word}" if kept else word
        if len(longer) > _SLUG:
            break
        kept = longer
    return _shortened(kept or "".join(words[:1])[:_SLUG]) or "picture"


def _shortened(part: str) -> str:
    return part.encode("utf-8", "ignore")[:_PART].decode("utf-8", "ignore")
