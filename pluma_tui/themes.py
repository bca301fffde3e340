"""pluma's own two themes: calm, with one accent, and readable at 256 colours."""

from textual.theme import Theme

THEMES = (
    Theme(
        name="pluma-dark",
        primary="#7aa2c8",
        secondary="#9d8bb5",
        accent="#d7a65f",
        warning="#d7a65f",
        error="#d9737a",
        success="#87b379",
        foreground="#d4d4d0",
        background="#16181c",
        surface="#1b1e23",
        panel="#22262c",
        dark=True,
    ),
    Theme(
        name="pluma-light",
        primary="#2f6690",
        secondary="#6b5591",
        accent="#9a5b00",
        warning="#9a5b00",
        error="#b3313b",
        success="#3c7a35",
        foreground="#25282c",
        background="#fbfaf7",
        surface="#f4f2ed",
        panel="#e9e6df",
        dark=False,
    ),
)
DEFAULT = THEMES[0].name
