"""Changes config.toml: one writer at a time, and nothing is written that would not load.

Comments, order and unknown tables survive; a byte order mark, line ends and the file's mode do, too. A
symbolic link is followed to the file it names.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pluma_tui.config import surgery
from pluma_tui.config.problems import Problem
from pluma_tui.config.read import Loaded, load, parse
from pluma_tui.core.errors import ConfigError
from pluma_tui.files import atomic
from pluma_tui.files.lock import locked

BOM = "\ufeff"
NEW_FILE = "schema = 1\n"
Change = Callable[[str], str]


def set_value(path: Path, key: tuple[str, ...], value: Any) -> bool:
    """Set one key. Returns whether the file changed. Raises ConfigError; the file is left alone then."""
    return change(path, lambda text: surgery.put(text, key, value))


def unset_value(path: Path, key: tuple[str, ...]) -> bool:
    """Take one key out. Returns whether it was there. Raises ConfigError."""
    return change(path, lambda text: surgery.take(text, key))


def change(path: Path, how: Change) -> bool:
    """Read the file, change its text, see that it loads no worse, and replace it; True if it changed.

    Raises ConfigError.
    """
    with _errors_in_words(path):
        target = path.resolve()
        with locked(target.parent):
            sweep(target)
            raw = target.read_bytes().decode("utf-8") if target.exists() else NEW_FILE
            mark = BOM if raw.startswith(BOM) else ""
            text = raw.removeprefix(BOM)
            before = parse(path, _plain(text), {})
            if not before.writable:
                raise before.problems[0].error(path)
            try:
                after = how(text)
            except ConfigError as error:
                raise Problem(error.message, error.key, hint=error.hint).error(path) from error
            _refuse_new_errors(before, parse(path, _plain(after), {}))
            if after == text and target.exists():
                return False
            atomic.write(target, (mark + after).encode())
            return True


def sweep(target: Path) -> None:
    """Remove what a writer that was killed left behind; the caller holds the lock."""
    for left in target.parent.glob(f".{target.name}.*.tmp"):
        left.unlink(missing_ok=True)


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n")


@contextlib.contextmanager
def _errors_in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeError:
        problems = load(path, {}).problems
        raise (problems[0] if problems else Problem("holds what UTF-8 cannot")).error(path) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be changed: {error.strerror}") from None


def _refuse_new_errors(before: Loaded, after: Loaded) -> None:
    """An error that was there before may stay: else a file with two of them could never be mended."""
    old = {(problem.key, problem.message) for problem in before.problems}
    for problem in after.problems:
        if problem.severity == "error" and (problem.key, problem.message) not in old:
            raise problem.error(after.path)
