"""pluma's own themes: calm, with one accent; two of high contrast, and two of the terminal's own colours."""

from textual.theme import Theme

DARK = Theme(
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
)
LIGHT = Theme(
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
)
CONTRAST_DARK = Theme(
    name="pluma-contrast-dark",
    primary="#8fd3ff",
    secondary="#e0b8ff",
    accent="#ffd75f",
    warning="#ffd75f",
    error="#ff9a9a",
    success="#9aff9a",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1c1c1c",
    dark=True,
    variables={"text-muted": "#d8d8d8"},
)
CONTRAST_LIGHT = Theme(
    name="pluma-contrast-light",
    primary="#003e8a",
    secondary="#4a0080",
    accent="#6b3a00",
    warning="#6b3a00",
    error="#8a0000",
    success="#004d00",
    foreground="#000000",
    background="#ffffff",
    surface="#ffffff",
    panel="#e8e8e8",
    dark=False,
    variables={"text-muted": "#2a2a2a"},
)

# Of the sixteen colours of a terminal only these are read on dark and on light grounds alike. Grey is none
# of them: bright black is the background itself in some palettes. What is chosen in a list is underlined, for
# Textual's lists take no `reverse`, and this theme serves where there is no colour at all, too.
_ANSI = {
    "ansi-background": "ansi_default",
    "ansi-foreground": "ansi_default",
    "text-muted": "ansi_default",
    "foreground-muted": "ansi_default",
    "block-cursor-foreground": "ansi_default",
    "block-cursor-background": "ansi_default",
    "block-cursor-text-style": "bold underline",
    "block-cursor-blurred-foreground": "ansi_default",
    "block-cursor-blurred-background": "ansi_default",
    "block-cursor-blurred-text-style": "bold underline",
    "border": "ansi_cyan",
    "scrollbar": "ansi_cyan",
    "scrollbar-background": "ansi_default",
}
SIXTEEN = Theme(
    name="pluma-16",
    primary="ansi_cyan",
    secondary="ansi_magenta",
    accent="ansi_green",
    warning="ansi_magenta",
    error="ansi_red",
    success="ansi_green",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    ansi=True,
    variables=_ANSI,
)
THEMES = (DARK, LIGHT, CONTRAST_DARK, CONTRAST_LIGHT, SIXTEEN)
DEFAULT = DARK.name
