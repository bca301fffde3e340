"""Which editor a person wants."""

import os
import shlex
import shutil

from pluma_tui.core.errors import UsageError


def command() -> list[str]:
    """The words that start it: $VISUAL, $EDITOR, or what is usually there. Raises UsageError."""
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if named:
        return _split(named)
    for name in ("sensible-editor", "nano", "vi"):
        if shutil.which(name):
            return [name]
    raise UsageError("no editor was found", hint="Say which: export EDITOR=nano")


def _split(named: str) -> list[str]:
    try:
        return shlex.split(named)
    except ValueError:
        raise UsageError(f"$VISUAL or $EDITOR cannot be understood: {named}") from None
