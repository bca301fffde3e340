"""The styles of the transcript, taken from the theme by component classes."""

from dataclasses import dataclass
from typing import Protocol

from rich.style import Style

from pluma_tui.widgets.transcript.entry import Role

NAMES = (
    "label", "faint", "user-bar", "system", "notice", "error", "heading", "strong", "link", "literal",
    "marker", "rule", "quote", "code", "code-label", "keyword", "string", "comment", "number", "name",
    "focus", "focus-hint", "hit", "hit-here",
)  # fmt: skip
_BARS: dict[str, str] = {"user": "user-bar", "error": "error"}
CLASSES = frozenset(f"transcript--{name}" for name in NAMES)

CSS = """
Transcript {
    height: 1fr;
    overflow: hidden hidden;
    scrollbar-size: 0 0;
    & .transcript--label { color: $text-muted; text-style: bold; }
    & .transcript--user-bar { color: $text-success; text-style: bold; }
    & .transcript--faint { color: $text-muted; }
    & .transcript--system { color: $text-muted; text-style: italic; }
    & .transcript--notice { color: $text-warning; }
    & .transcript--error { color: $text-error; }
    & .transcript--heading { color: $text-primary; text-style: bold; }
    & .transcript--strong { text-style: bold; }
    & .transcript--link { color: $text-primary; text-style: underline; }
    & .transcript--literal { color: $text-warning; }
    & .transcript--marker { color: $text-primary; }
    & .transcript--rule { color: $foreground 30%; }
    & .transcript--quote { color: $foreground 80%; text-style: italic; }
    & .transcript--code { background: $surface; }
    & .transcript--code-label { background: $surface; color: $text-muted; }
    & .transcript--keyword { background: $surface; color: $text-accent; }
    & .transcript--string { background: $surface; color: $text-success; }
    & .transcript--comment { background: $surface; color: $text-muted; text-style: italic; }
    & .transcript--number { background: $surface; color: $text-warning; }
    & .transcript--name { background: $surface; color: $text-primary; }
    & .transcript--focus { color: $accent; text-style: bold; }
    & .transcript--focus-hint { background: $surface; color: $text-accent; }
    & .transcript--hit { background: $warning 40%; color: $text; }
    & .transcript--hit-here { background: $warning; color: $background; text-style: bold; }
}
"""


class Themed(Protocol):
    """What has component styles: a widget."""

    def get_component_rich_style(self, *names: str, partial: bool = False) -> Style:
        """The style of a component class."""
        ...


@dataclass(frozen=True)
class Look:
    """All styles, complete with foreground and background; `base` is that of plain text.

    `links`: the terminal knows links (OSC 8), so that where they lead need not be written out.
    """

    base: Style
    styles: dict[str, Style]
    links: bool = True

    def __getitem__(self, name: str) -> Style:
        return self.styles[name]

    def bar(self, role: Role) -> Style | None:
        """The style of the bar at the left of what such a role says; None for no bar."""
        return self.styles[_BARS[role]] if role in _BARS else None

    def text(self, role: Role) -> Style:
        """The style of what such a role says."""
        return self.styles[role] if role in ("system", "notice", "error") else self.base

    def label(self, role: Role) -> Style:
        """The style of the name of who speaks."""
        return self.styles["user-bar" if role == "user" else "error" if role == "error" else "label"]


def plain_look() -> Look:
    """No styles at all."""
    return Look(Style.null(), dict.fromkeys(NAMES, Style.null()))


def look_of(widget: Themed, base: Style, *, links: bool) -> Look:
    """The styles that the theme gives by now."""
    return Look(base, {name: widget.get_component_rich_style(f"transcript--{name}") for name in NAMES}, links)
