"""Files by a few letters of their names, from the current folder down."""

import os
import re
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from pluma_tui.files.paths import expanded

MOST = 20_000  # entries that are looked at
PATIENCE = 2.0  # seconds: of a slow disk, what was found by then
_PROGRAM = "git"


def below(folder: Path) -> list[str]:
    """The files below `folder`, relative to it: as git lists them, without what is ignored; else by walking.

    Of walked folders the hidden ones are left out. At most `MOST`, in at most about `PATIENCE` seconds.
    """
    return _listed(folder) or list(_walked(folder))


def beside(query: str) -> list[str]:
    """For a path that leads out of the current folder: what is in the folder that it names, as it names it.

    Folders end in a slash.
    """
    head = query[: query.rfind("/") + 1]
    try:
        with os.scandir(expanded(head or "/")) as entries:
            found = [entry for entry, _ in zip(entries, range(MOST), strict=False)]
        return sorted(head + entry.name + ("/" if entry.is_dir() else "") for entry in found)
    except (OSError, ValueError):
        return []


def leads_out(query: str) -> bool:
    """Whether a path begins outside of the current folder."""
    return query.startswith(("/", "~/", "../"))


def best(names: Sequence[str], query: str, most: int) -> list[str]:
    """At most `most` names that hold the letters of `query` in their order, the likeliest first.

    Hidden files only if the query has a dot that asks for them.
    """
    letters = query.lower()
    wanted = re.compile(".*?".join(map(re.escape, letters)), re.DOTALL)
    hidden, typed = _is_hidden(query), query.rfind("/") + 1
    found = [
        name for name in names if wanted.search(name.lower()) and (hidden or not _is_hidden(name[typed:]))
    ]
    return sorted(found, key=lambda name: _rank(name, letters))[:most]


def _rank(name: str, letters: str) -> tuple[int, int, str]:
    low = name.lower()
    base = low.rstrip("/").rpartition("/")[2]
    wanted = letters.rpartition("/")[2] if low.startswith(letters) else letters
    order = (low == letters, base.startswith(wanted), wanted in base, letters in low)
    return (next((place for place, holds in enumerate(order) if holds), len(order)), len(name), name)


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") and part != ".." for part in name.split("/"))


def _listed(folder: Path) -> list[str]:
    """By git, if this is a work tree. Its own settings run no program of the tree's."""
    if not shutil.which(_PROGRAM):
        return []
    command = [_PROGRAM, "-c", "core.fsmonitor=false", "ls-files", "-z", "-co", "--exclude-standard"]
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return []
    names = done.stdout.split(b"\0", MOST)[:MOST]
    return [os.fsdecode(name) for name in dict.fromkeys(names) if name]


def _walked(folder: Path) -> Iterator[str]:
    """Near ones first; links to folders are not followed."""
    until = time.monotonic() + PATIENCE
    folders, looked_at = deque([folder]), 0
    while folders and looked_at < MOST and time.monotonic() < until:
        try:
            with os.scandir(folders.popleft()) as entries:
                for entry in entries:
                    looked_at += 1
                    if entry.is_dir(follow_symlinks=False):
                        if not entry.name.startswith("."):
                            folders.append(Path(entry.path))
                    elif entry.is_file():
                        yield os.path.relpath(entry.path, folder)
                    if looked_at >= MOST:
                        break
        except OSError:
            continue
