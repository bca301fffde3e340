"""What a person has written and not sent yet."""

import re

import msgspec


class Written(msgspec.Struct, frozen=True, omit_defaults=True):
    """A text as it stands in the composer. `chips` says what the chips in it stand for."""

    text: str = ""
    chips: dict[str, str] = {}

    @property
    def whole(self) -> str:
        """The text to send: every chip replaced by what it stands for."""
        chips = "|".join(map(re.escape, self.chips))
        return re.sub(chips, lambda chip: self.chips[chip[0]], self.text) if chips else self.text


class Unsent(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that a conversation's window holds and no store has yet, oldest first.

    `system` is a system prompt that goes with the next question.
    """

    draft: Written = Written()
    waiting: tuple[Written, ...] = ()
    system: str = ""
