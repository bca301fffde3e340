"""Editing the config file in a person's own editor: on a copy, kept only if it loads."""

import subprocess
import tempfile
from pathlib import Path

from pluma_tui.cli import output
from pluma_tui.config import edit
from pluma_tui.config.read import parse
from pluma_tui.core.errors import ConfigError, UsageError
from pluma_tui.files import editor, paths


def edit_config(path: Path) -> int:
    """Open a copy, and take it if it loads; else say why and offer to go on. Returns the exit code."""
    command = editor.command()
    before = path.read_bytes() if path.exists() else edit.NEW_FILE.encode()
    with tempfile.TemporaryDirectory(prefix="pluma-") as folder:  # 0700, as all temporary folders are
        copy = Path(folder) / "config.toml"
        copy.write_bytes(before)
        while True:
            if subprocess.run([*command, str(copy)], check=False).returncode:
                raise UsageError(f"{command[0]} ended with an error; nothing was changed")
            error = _take(path, before, copy.read_bytes())
            if error is None:
                return 0
            output.failure(error)
            if input("Edit again? [Y/n] ").strip().lower().startswith("n"):
                output.say(f"pluma: {paths.shown(path)} is as it was.")
                return error.exit_code


def _take(path: Path, before: bytes, after: bytes) -> ConfigError | None:
    """Put the edited file in place; the error if it does not load, or the file has changed meanwhile."""
    if after == before:
        output.say("pluma: nothing was changed.")
        return None
    try:
        text = after.decode("utf-8")
    except UnicodeDecodeError:
        return ConfigError("what was edited is not UTF-8")
    for problem in parse(path, text.removeprefix(edit.BOM).replace("\r\n", "\n"), {}).problems:
        if problem.severity == "error":
            return problem.error(path)

    def replace(current: str) -> str:
        if path.exists() and current != before.decode("utf-8").removeprefix(edit.BOM):
            raise ConfigError("was changed by somebody else meanwhile")
        return text.removeprefix(edit.BOM)

    try:
        edit.change(path, replace)
    except ConfigError as error:
        return error
    return None
