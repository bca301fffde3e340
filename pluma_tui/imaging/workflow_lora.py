"""Laying adapters over the model of a workflow: loader nodes between the model and whoever uses it."""

from collections.abc import Sequence
from typing import Any

from pluma_tui.core.images import Lora
from pluma_tui.imaging.workflow import Graph, link
from pluma_tui.imaging.workflow_find import find

_MODEL, _CLIP = 0, 1  # the outputs of a checkpoint's loader


def add_loras(graph: Graph, loras: Sequence[Lora]) -> bool:
    """Put the adapters into `graph`, in their order; whether there was a model to lay them over."""
    found = find(graph).places.get("model", ())
    loaders = [slot for slot in found if slot.input in ("ckpt_name", "unet_name")]
    for slot in loaders:
        _chain(graph, slot.node, loras, with_clip=slot.input == "ckpt_name")
    return bool(loaders)


def _chain(graph: Graph, loader: str, loras: Sequence[Lora], *, with_clip: bool) -> None:
    users = list(graph.items())
    model: list[Any] = [loader, _MODEL]
    clip: list[Any] = [loader, _CLIP]
    for lora in loras:
        node = _free_id(graph)
        inputs: dict[str, Any] = {"lora_name": lora.name, "strength_model": lora.weight, "model": model}
        if with_clip:
            inputs |= {"strength_clip": lora.weight, "clip": clip}
        kind = "LoraLoader" if with_clip else "LoraLoaderModelOnly"
        graph[node] = {"class_type": kind, "inputs": inputs, "_meta": {"title": f"LoRA {lora.name}"}}
        model, clip = [node, _MODEL], [node, _CLIP]
    for _, content in users:
        for name, value in content["inputs"].items():
            if link(value) == loader and value[1] == _MODEL:
                content["inputs"][name] = list(model)
            elif link(value) == loader and value[1] == _CLIP and with_clip:
                content["inputs"][name] = list(clip)


def _free_id(graph: Graph) -> str:
    number = 1
    while f"lora-{number}" in graph:
        number += 1
    return f"lora-{number}"
