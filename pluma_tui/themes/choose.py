"""Which theme the app wears."""

from collections.abc import Mapping
from pathlib import Path

from textual.theme import BUILTIN_THEMES, Theme

from pluma_tui.config.problems import did_you_mean
from pluma_tui.core.errors import ConfigError
from pluma_tui.core.text import clean_line
from pluma_tui.themes import files, own

AUTO = "auto"
Stamp = tuple[int, int] | None


def automatic(dark: bool | None, *, few_colours: bool, environ: Mapping[str, str]) -> Theme:
    """The theme that suits the terminal; `dark` is what it said of its background, None if nothing yet."""
    if few_colours:
        return own.SIXTEEN
    if dark is None:
        dark = hinted(environ)
    return own.LIGHT if dark is False else own.DARK


def hinted(environ: Mapping[str, str]) -> bool | None:
    """Whether the background is dark by COLORFGBG ("15;0": its last is the background); None without it."""
    last = environ.get("COLORFGBG", "").rpartition(";")[2]
    return (int(last) < 7 or int(last) == 8) if last.isdecimal() else None


class Wardrobe:
    """Finds the theme that `ui.theme` names, and sees when its file was saved again."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._file: Path | None = None
        self._stamp: Stamp = None

    def named(self, name: str) -> Theme:
        """The theme of that name; a file goes before a built-in one. Raises ConfigError."""
        found = files.found(self._data)
        self._file = found.get(name)
        if self._file is not None:
            self._stamp = _stamp(self._file)
            return files.read(self._file)
        known = {**BUILTIN_THEMES, **{theme.name: theme for theme in own.THEMES}}
        if name in known:
            return known[name]
        hint = did_you_mean(name, [AUTO, *known, *found]) or "pluma theme list names them."
        raise ConfigError(f'there is no theme "{clean_line(name, 60)}"', hint=hint, key="ui.theme")

    def saved_again(self) -> bool:
        """Whether the file of the theme in use has changed since it was read; costs one stat, or nothing."""
        return self._file is not None and _stamp(self._file) != self._stamp


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
