"""What the tmux around us says, and how a sequence gets through it."""

import subprocess
from collections.abc import Mapping

OFF = ("", "0", "off")
"""How tmux says that a switch is off."""
_TIME_LIMIT = 2.0  # seconds
_FACTS = (
    "version",
    "client_termname",
    "client_termfeatures",
    "allow-passthrough",
    "set-clipboard",
    "extended-keys",
    "default-terminal",
    "escape-time",
)


def ask(environ: Mapping[str, str]) -> dict[str, str] | None:
    """What the tmux around us says of its settings and its terminal; None if it says nothing, or is none."""
    if not environ.get("TMUX"):
        return None
    form = "\n".join(f"#{{{name}}}" for name in _FACTS)
    pane = environ.get("TMUX_PANE", "")
    argv = ["tmux", "display-message", "-p", *(["-t", pane] if pane else []), form]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=_TIME_LIMIT, env=dict(environ), check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    lines = done.stdout.decode("utf-8", "replace").split("\n")
    return dict(zip(_FACTS, lines, strict=False)) if len(lines) >= len(_FACTS) else None


def lets_through(facts: Mapping[str, str]) -> bool:
    """Whether it passes on what is wrapped (`allow-passthrough`)."""
    return facts["allow-passthrough"] not in OFF


def wrapped(sequence: str) -> str:
    """A sequence for the terminal around tmux; only where `lets_through`."""
    doubled = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"
