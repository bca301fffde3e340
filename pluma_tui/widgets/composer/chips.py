"""Large pastes as chips: "[pasted 1: 212 lines]" stands in the text for what was pasted."""

import re

from pluma_tui.core.text import clean
from pluma_tui.core.written import Written

LARGE = 4000  # characters, or
TALL = 40  # lines: a paste above either is shown as one chip


class Chips:
    """The chips of one composer, and what they stand for."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def folded(self, text: str) -> str:
        """`text`, or a chip for it: laying out a megabyte would take the text area seconds."""
        lines = text.count("\n") + 1
        if len(text) <= LARGE and lines <= TALL:
            return text
        return self._chip(text)

    def written(self, text: str) -> Written:
        """A composer's text together with what its chips stand for."""
        return Written(text, {chip: whole for chip, whole in self._known.items() if chip in text})

    def taken(self, written: Written) -> str:
        """The text of something written before; its chips get names that are free here."""
        if not written.chips:
            return self.folded(clean(written.text))
        chips = {old: self._chip(clean(whole)) for old, whole in written.chips.items()}
        return re.sub("|".join(map(re.escape, chips)), lambda old: chips[old[0]], clean(written.text))

    def ends(self, line: str) -> int:
        """How many characters at the end of `line` are a chip."""
        return next((len(chip) for chip in self._known if line.endswith(chip)), 0)

    def forget(self) -> None:
        """What was written is gone; the next chip is the first one again."""
        self._known = {}

    def _chip(self, text: str) -> str:
        for chip, whole in self._known.items():
            if whole == text:
                return chip
        lines = text.count("\n") + 1
        size = f"{lines} lines" if lines > 1 else f"{len(text)} characters"
        chip = f"[pasted {len(self._known) + 1}: {size}]"
        self._known[chip] = text
        return chip
