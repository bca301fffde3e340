"""How TOML values are written. The quoting that a person chose is kept where it can hold the new text."""

import re
from collections.abc import Mapping
from datetime import date, time
from typing import Any

import msgspec

_FIRST_QUOTES = re.compile(r"\"\"\"(?:\r?\n)?|'''(?:\r?\n)?|\"|'")
_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_ESCAPES = {"\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"'}


class Quoting(msgspec.Struct, frozen=True):
    """`opening` is the quotes a string begins with, and the line end right after them if there is one."""

    opening: str = '"'

    @classmethod
    def of(cls, raw: str) -> "Quoting":
        """The quoting of a value as it stands in a file; the plain one if it is no string."""
        match = _FIRST_QUOTES.match(raw)
        return cls(match[0]) if match else cls()

    def write(self, text: str, newline: str = "\n") -> str:
        """`text` as a TOML string. Quoting that cannot hold it gives way to the nearest that can."""
        quotes = self.opening.rstrip("\r\n")
        if quotes == "'" and not _CONTROL.search(text) and not set(text) & set("'\n"):
            return f"'{text}'"
        if quotes == "'''" and self._literal_holds(text):
            return f"{self.opening}{text.replace(chr(10), newline)}'''"
        if quotes == '"""':
            return f'{self.opening}{_several_lines(text, newline, bool(self.opening[3:]))}"""'
        return f'"{_one_line(text)}"'

    def _literal_holds(self, text: str) -> bool:
        """A first line end would be dropped by who reads it; quotes at the end would end it early."""
        begins_well = bool(self.opening[3:]) or not text.startswith("\n")
        return begins_well and not _CONTROL.search(text) and "'''" not in text and not text.endswith("'")


def written(value: Any, quoting: Quoting | None = None, newline: str = "\n") -> str:
    """A value as TOML, on one line unless `quoting` is of several."""
    if isinstance(value, str):
        return (quoting or Quoting()).write(value, newline)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        inner = ", ".join(f"{written_key(key)} = {written(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(written, value))}]"
    return value.isoformat() if isinstance(value, date | time) else repr(value)


def written_key(name: str) -> str:
    """One part of a key, quoted where need be."""
    return name if _BARE.match(name) else Quoting().write(name)


def _one_line(text: str) -> str:
    return "".join(_escaped(char) if char in _ESCAPES or _CONTROL.match(char) else char for char in text)


def _several_lines(text: str, newline: str, opened: bool) -> str:
    if text.startswith("\n") and not opened:
        text = "\n" + text  # the first line end is dropped by who reads it
    out = re.sub(r"\\|[\x00-\x08\x0b-\x1f\x7f]", lambda match: _escaped(match[0]), text)
    out = out.replace('"""', '""\\"')
    if out.endswith('"'):
        out = out[:-1] + '\\"'
    return out.replace("\n", newline)


def _escaped(char: str) -> str:
    return _ESCAPES.get(char) or f"\\u{ord(char):04X}"
