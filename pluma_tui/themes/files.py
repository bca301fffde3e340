"""Themes in files: `<data>/themes/NAME.toml`, described in docs/themes.md."""

import dataclasses
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textual.color import Color, ColorParseError
from textual.theme import BUILTIN_THEMES, Theme

from pluma_tui.config.problems import did_you_mean
from pluma_tui.core.errors import ConfigError
from pluma_tui.core.text import clean_line
from pluma_tui.files.paths import shown
from pluma_tui.themes import own

COLOURS = (
    "primary", "secondary", "accent", "warning", "error", "success", "foreground", "background", "surface",
    "panel",
)  # fmt: skip
MUTED = "muted"
_KEYS = ("based_on", "dark", "colors")
_MOST = 100_000  # bytes: no theme is longer


def folder(data: Path) -> Path:
    """Where theme files are."""
    return data / "themes"


def found(data: Path) -> dict[str, Path]:
    """The theme files by name; none if the folder is not there or cannot be read."""
    try:
        files = sorted(folder(data).glob("*.toml"))
    except OSError:
        return {}
    return {path.stem: path for path in files if path.is_file() and not path.name.startswith(".")}


def read(path: Path) -> Theme:
    """The theme in a file. Raises ConfigError with file, line and what is wrong."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST).decode("utf-8")
        rows = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{shown(path)} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{shown(path)}: this is no TOML: {clean_line(str(error))}") from None
    return _Reader(path, text).theme(rows)


class _Reader:
    """Reads the rows of one file, and knows where they stand in it."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()

    def theme(self, rows: Mapping[str, Any]) -> Theme:
        for key in rows:
            self._known(key, _KEYS)
        dark = self._typed(rows, "dark", bool, None)
        base = self._base(self._typed(rows, "based_on", str, None), dark)
        colours = self._typed(rows, "colors", dict, {})
        for key, value in colours.items():
            self._known(key, (*COLOURS, MUTED))
            self._is_colour(key, value)
        named = {key: value for key, value in colours.items() if key != MUTED}
        variables = {"text-muted": colours[MUTED]} if MUTED in colours else {}
        return dataclasses.replace(
            base,
            name=self._path.stem,
            dark=base.dark if dark is None else dark,
            variables={**base.variables, **variables},
            **named,
        )

    def _base(self, name: str | None, dark: bool | None) -> Theme:
        known = {**BUILTIN_THEMES, **{theme.name: theme for theme in own.THEMES}}
        if name is None:
            return own.LIGHT if dark is False else own.DARK
        if name not in known:
            raise self._wrong(
                "based_on", f'there is no theme "{clean_line(name, 60)}"', did_you_mean(name, known)
            )
        return known[name]

    def _typed(self, rows: Mapping[str, Any], key: str, kind: type, default: Any) -> Any:
        value = rows.get(key, default)
        if key in rows and not isinstance(value, kind):
            words = {bool: "true or false", str: "a text in quotes", dict: "a table"}[kind]
            raise self._wrong(key, f"must be {words}")
        return value

    def _known(self, key: str, known: tuple[str, ...]) -> None:
        if key not in known:
            raise self._wrong(
                key, "is not known here", did_you_mean(key, known) or f"Known: {', '.join(known)}."
            )

    def _is_colour(self, key: str, value: object) -> None:
        try:
            Color.parse(value if isinstance(value, str) else "")
        except ColorParseError:
            raise self._wrong(
                key, "is no colour", 'A colour is "#rrggbb", or a name such as "teal".'
            ) from None

    def _wrong(self, key: str, words: str, hint: str = "") -> ConfigError:
        start = re.compile(rf'\s*\[?["\']?{re.escape(key)}["\']?\s*[=\]]')
        line = next((number for number, row in enumerate(self._lines, 1) if start.match(row)), 0)
        where = f"{shown(self._path)}:{line}" if line else shown(self._path)
        return ConfigError(f"{where}: {clean_line(key, 60)}: {words}", hint=hint, key=key, line=line)
