"""A provider for tests, in a hurry, and the workflows that they send."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from pluma_tui.core.images import ImageRequest
from pluma_tui.core.profile import ImageProfile, SecretRef
from pluma_tui.imaging.comfy import Comfy
from pluma_tui.imaging.comfy_job import Pace
from pluma_tui.transport.http import ClientPool
from tests.imaging.conformance import Outcome, listen
from tests.servers.comfy import ComfyServer

HURRIED = Pace(
    poll=0.02, queue=0.02, silence=5.0, patience=0.3, handshake=5.0, reconnect=0.02, farewell=5.0, rescue=5.0
)
CAT = ImageRequest(prompt="a cat", steps=3, seed=7)

# As ComfyUI exports its own first example.
PLAIN: dict[str, Any] = {
    "3": {"class_type": "KSampler", "inputs": {
        "seed": 156680208700286, "steps": 4, "cfg": 8, "sampler_name": "euler", "scheduler": "normal",
        "denoise": 1, "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0],
        "latent_image": ["5", 0]}},
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "tiny.safetensors"},
          "_meta": {"title": "Load Checkpoint"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 512, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a bottle", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "text, watermark", "clip": ["4", 1]}},
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "ComfyUI", "images": ["8", 0]},
          "_meta": {"title": "Save Image"}},
}  # fmt: skip
# A picture that needs no model is saved; then the sampler of PLAIN begins, which can be held.
TWO_ENDS: dict[str, Any] = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 48, "batch_size": 1, "color": 7}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "first"}},
    **PLAIN,
}


def changed(graph: dict[str, Any], **inputs: dict[str, Any]) -> dict[str, Any]:
    """A copy of a graph with other inputs: ``n3={"steps": 1}`` for node 3."""
    copy = json.loads(json.dumps(graph))
    for node, values in inputs.items():
        copy[node[1:]]["inputs"] |= values
    return copy


def written(folder: Path, graph: Any, name: str = "mine") -> str:
    """The path of a file that holds the workflow."""
    path = folder / f"{name}.json"
    path.write_text(json.dumps(graph))
    return str(path)


async def secret(ref: SecretRef, *, newer_than: float = 0.0) -> str:
    """What a reference stands for, in these tests."""
    return "a-key"


@asynccontextmanager
async def provider(url: str, *, pace: Pace = HURRIED, **settings: Any) -> AsyncIterator[Comfy]:
    """A provider on a client of its own."""
    pool = ClientPool()
    profile = ImageProfile(name="box", kind="comfy", base_url=url, **settings)
    try:
        yield Comfy(profile, pool.client(profile, secret=secret), pace=pace)
    finally:
        await pool.aclose()


async def drawn(server: ComfyServer, request: ImageRequest = CAT, **settings: Any) -> Outcome:
    """What comes of one request."""
    async with provider(server.url, **settings) as box:
        return await listen(box, request)


def another(server: ComfyServer) -> httpx.AsyncClient:
    """Another program at the same server."""
    return httpx.AsyncClient(base_url=server.url)


def sent(server: ComfyServer) -> dict[str, Any]:
    """The graph of the last job."""
    graph: dict[str, Any] = server.prompts[-1]["prompt"]
    return graph
