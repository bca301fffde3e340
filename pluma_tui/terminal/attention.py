"""Calling a person back to a window that is not in front: a bell, or a notification of the desktop.

OSC 9 came with iTerm2 (`OSC 9 ; text`), OSC 777 with urxvt (`OSC 777 ; notify ; title ; text`).
"""

import re
from collections.abc import Mapping

from pluma_tui.core.text import clean_line
from pluma_tui.terminal import tmux

BELL = "\x07"
_OSC_777 = re.compile("foot|ghostty|wezterm|rxvt", re.IGNORECASE)
_OSC_9 = re.compile("iterm|kitty", re.IGNORECASE)


def call(setting: str, environ: Mapping[str, str], name: str, text: str) -> str:
    """The sequence for `ui.bell`; empty where it is off. `name` is what the terminal calls itself."""
    named = " ".join((name, *(environ.get(one, "") for one in ("TERM", "TERM_PROGRAM", "LC_TERMINAL"))))
    way = _way(named) if setting == "auto" else setting
    if way == "off":
        return ""
    words = clean_line(text, 120).replace(";", ",")
    sequence = {"osc9": f"\x1b]9;{words}\x1b\\", "osc777": f"\x1b]777;notify;pluma;{words}\x1b\\"}.get(
        way, BELL
    )
    if environ.get("TMUX") and sequence != BELL:
        facts = tmux.ask(environ)
        return tmux.wrapped(sequence) if facts is not None and tmux.lets_through(facts) else BELL
    return sequence


def _way(named: str) -> str:
    if _OSC_777.search(named):
        return "osc777"
    return "osc9" if _OSC_9.search(named) else "bell"
