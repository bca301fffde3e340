"""pluma's own themes can be read: their contrast, by the rule of WCAG."""

import pytest
from textual.color import Color
from textual.theme import Theme

from pluma_tui.themes import own

TEXTS = (
    "foreground",
    "text-muted",
    "text-primary",
    "text-accent",
    "text-warning",
    "text-error",
    "text-success",
)
GROUNDS = ("background", "surface", "panel")


def contrast(front: Color, ground: Color) -> float:
    lighter, darker = sorted((_luminance(front), _luminance(ground)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Color) -> float:
    parts = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def shown(value: str, ground: Color) -> Color:
    """A colour of the theme as it stands on a ground: "auto 60%" is the ground's own contrast, mixed in."""
    if value.startswith("auto"):
        return ground + ground.get_contrast_text(float(value.split()[1].rstrip("%")) / 100)
    return ground + Color.parse(value)


@pytest.mark.parametrize("theme", [one for one in own.THEMES if not one.ansi], ids=lambda one: one.name)
@pytest.mark.parametrize("ground", GROUNDS)
def test_every_text_can_be_read(theme: Theme, ground: str) -> None:
    colours = theme.to_color_system().generate()
    least = 7.0 if "contrast" in theme.name else 4.5
    below = Color.parse(colours[ground])
    found = {name: contrast(shown({**colours, **theme.variables}[name], below), below) for name in TEXTS}
    assert {name: ratio for name, ratio in found.items() if ratio < least} == {}


def test_the_sixteen_colours_are_the_terminals_own() -> None:
    theme = own.SIXTEEN
    named = (
        theme.primary,
        theme.accent,
        theme.error,
        theme.background,
        theme.foreground,
        *theme.variables.values(),
    )
    assert [value for value in named if "#" in str(value)] == []
