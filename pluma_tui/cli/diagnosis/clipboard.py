"""The ways text can be copied."""

from collections.abc import Iterator, Mapping

from pluma_tui.cli.diagnosis.finding import Finding
from pluma_tui.terminal import programs
from pluma_tui.terminal.environment import over_ssh


def findings(environ: Mapping[str, str], setting: str) -> Iterator[Finding]:
    """What is there; `setting` is `ui.clipboard`."""
    found = programs.found(environ)
    ways = ["OSC 52, if the terminal takes it", *(["tmux's buffers"] if environ.get("TMUX") else []), *found]
    text = f"{', '.join(ways)}; ui.clipboard is {setting}"
    if setting == "command" and not found:
        hint = "Install wl-clipboard or xclip, or: pluma config set ui.clipboard auto"
        yield Finding("clipboard", "warning", "no program to copy with, and ui.clipboard is command", hint)
    elif over_ssh(environ):
        hint = "Over SSH only OSC 52 reaches your own machine." if found else ""
        yield Finding("clipboard", "ok", text, hint)
    elif not found and (environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")):
        program = "wl-clipboard" if environ.get("WAYLAND_DISPLAY") else "xclip"
        yield Finding("clipboard", "ok", text, f"If copying does nothing: install {program}.")
    else:
        yield Finding("clipboard", "ok", text)
