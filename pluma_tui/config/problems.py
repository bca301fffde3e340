"""What is wrong with a config file, one value a problem: collected, never raised by the reader."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from pluma_tui.config.strings import written_key
from pluma_tui.core.errors import ConfigError
from pluma_tui.files.paths import shown


class Problem(msgspec.Struct, frozen=True):
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
        words = self._words(path)
        stop = "" if words.endswith(("?", "!", ".")) else "."
        return f"{words}{stop} {self.hint}" if self.hint else words

    def error(self, path: Path) -> ConfigError:
        """The problem as something a command can fail with."""
        return ConfigError(self._words(path), hint=self.hint, key=self.key, line=self.line)

    def _words(self, path: Path) -> str:
        where = f"{shown(path)}:{self.line}" if self.line else shown(path)
        return ": ".join(part for part in (where, self.key, self.message) if part)


def dotted(path: Iterable[str]) -> str:
    """The names of tables and a key as TOML writes them: joined by dots, quoted where need be."""
    return ".".join(map(written_key, path))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint if `name` is near to one that is known, else empty."""
    import difflib  # only a mistake pays for it

    near = difflib.get_close_matches(name, list(known), 1)
    return f'Did you mean "{near[0]}"?' if near else ""
