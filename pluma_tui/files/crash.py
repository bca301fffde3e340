"""What a bug leaves behind: where it happened, and nothing of what was said.

Neither an exception's words nor any variable is written down: both may hold a conversation or a key.
"""

import contextlib
import os
import platform
import traceback
from pathlib import Path

from pluma_tui import __version__
from pluma_tui.core.ids import now
from pluma_tui.files.paths import private_dir, shown


def keep(error: BaseException, log: Path) -> str:
    """Add a report to the log file (0600); returns one line for the person. Never raises."""
    where = "the report could not be written"
    with contextlib.suppress(OSError):
        private_dir(log.parent)
        handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "a", encoding="utf-8") as file:
            file.write(report(error))
        where = f"where it happened is in {shown(log)}"
    return f"pluma: this is a bug in pluma ({type(error).__name__}); {where}, without anything you wrote."


def report(error: BaseException) -> str:
    """The chain of exceptions by type, each with its frames: file, line, function."""
    lines = [f"{now()} pluma {__version__}, Python {platform.python_version()}, {platform.system()}"]
    at: BaseException | None = error
    while at is not None:
        lines.append(f"{type(at).__module__}.{type(at).__qualname__}")
        lines += [f"  {f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(at.__traceback__)]
        at = at.__cause__ or at.__context__
    return "\n".join(lines) + "\n\n"
