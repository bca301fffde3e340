"""What is wrong with a config file, one value a problem: collected, never raised by the reader."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pluma_tui.core.errors import ConfigError
from pluma_tui.files.paths import shown


@dataclass(frozen=True)
class Problem:
    """`key` is the dotted path ("" for the whole file), `line` counts from 1 (0: unknown).

    A warning is worth telling; with an error, the value was left out and its default stands.
    """

    message: str
    key: str = ""
    line: int = 0
    hint: str = ""
    severity: Literal["error", "warning"] = "error"

    def text(self, path: Path) -> str:
        """One line for people: file, line, key, what is wrong, what to do."""
        where = f"{shown(path)}:{self.line}" if self.line else shown(path)
        words = ": ".join(part for part in (where, self.key, self.message) if part)
        return f"{words}. {self.hint}" if self.hint else words

    def error(self, path: Path) -> ConfigError:
        """The problem as something a command can fail with."""
        where = f"{shown(path)}:{self.line}" if self.line else shown(path)
        message = ": ".join(part for part in (where, self.key, self.message) if part)
        return ConfigError(message, hint=self.hint, key=self.key, line=self.line)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint if `name` is near to one that is known, else empty."""
    near = difflib.get_close_matches(name, list(known), 1)
    return f'Did you mean "{near[0]}"?' if near else ""
