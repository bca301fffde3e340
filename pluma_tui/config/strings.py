"""How a TOML string is written: the quoting that a person chose is kept where it can hold the new text."""

import re
from dataclasses import dataclass

_FIRST_QUOTES = re.compile(r"\"\"\"(?:\r?\n)?|'''(?:\r?\n)?|\"|'")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_ESCAPES = {"\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"'}


@dataclass(frozen=True)
class Quoting:
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
