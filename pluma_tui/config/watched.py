"""The settings of a running program: read once, and again when the file has changed."""

import os
from collections.abc import Mapping
from pathlib import Path

from pluma_tui.config.problems import Problem
from pluma_tui.config.read import load
from pluma_tui.config.schema import Config

Stamp = tuple[int, int, int]


class Settings:
    """What is in force. A file that got worse changes nothing; its problems are told instead."""

    def __init__(self, path: Path, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self._stamp = _stamp(path)
        self.loaded = load(path, self._environ)

    @property
    def config(self) -> Config:
        """The settings in force."""
        return self.loaded.config

    def refresh(self) -> tuple[Problem, ...] | None:
        """Look at the file: None if it is as it was; else what is wrong with it, nothing if all is well.

        Costs one `stat` as long as nothing changes.
        """
        stamp = _stamp(self.loaded.path)
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        loaded = load(self.loaded.path, self._environ)
        errors = tuple(problem for problem in loaded.problems if problem.severity == "error")
        if not errors:
            self.loaded = loaded
        return errors


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
