"""Programs that copy, as a system has them."""

import shutil
from collections.abc import Mapping

# Program, the variable without which it has nothing to copy to, and its arguments.
_PROGRAMS = {
    "wl-copy": ("WAYLAND_DISPLAY", ()),
    "xclip": ("DISPLAY", ("-selection", "clipboard")),
    "xsel": ("DISPLAY", ("--clipboard", "--input")),
    "pbcopy": ("", ()),
    "clip.exe": ("", ()),
    "termux-clipboard-set": ("", ()),
}


def found(environ: Mapping[str, str]) -> list[str]:
    """The programs that are installed and have something to copy to."""
    path = environ.get("PATH")
    return [
        name
        for name, (needed, _) in _PROGRAMS.items()
        if (not needed or environ.get(needed)) and shutil.which(name, path=path)
    ]


def argv(program: str) -> list[str]:
    """The command that copies its standard input."""
    return [program, *_PROGRAMS[program][1]]


def encoded(program: str, text: str) -> bytes:
    """The text as the program wants it; Windows' own wants UTF-16."""
    return text.encode("utf-16" if program == "clip.exe" else "utf-8", "replace")
