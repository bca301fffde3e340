"""Finds the line of a key, once something is wrong with it. Only imported then."""

from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError


class Lines:
    """The lines of a valid TOML text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def of(self, path: tuple[str, ...]) -> int:
        """The line (from 1) at which the key at `path` stands; that of its nearest table; or 0.

        The key is taken out of a copy: the first line that then differs is its own.
        """
        for end in range(len(path), 0, -1):
            line = self._first_difference(path[:end])
            if line:
                return line
        return 0

    def _first_difference(self, path: tuple[str, ...]) -> int:
        try:
            document = tomlkit.parse(self._text)
            before = document.as_string().split("\n")
            table: Any = document
            for name in path[:-1]:
                table = table[name]
            del table[path[-1]]
            after = document.as_string().split("\n")
        except (TOMLKitError, KeyError, TypeError):
            return 0
        for number, line in enumerate(before):
            if number >= len(after) or after[number] != line:
                return number + 1
        return 0
