"""Finding out what the nodes of a workflow are for: from the samplers back along the links.

A sampler is told by what it is linked to, not by its class, so that those of custom nodes are found as well.
"""

from collections.abc import Callable, Iterator
from typing import Any

from pluma_tui.imaging.workflow import About, Graph, Slot, link

_TEXTS = ("text", "text_g", "text_l", "t5xxl", "clip_l", "clip_g", "prompt", "string", "value")
_SEEDS = ("seed", "noise_seed", "value", "int", "number")
_NUMBERS = ("value", "int", "float", "number")
_CHECKPOINTS = ("ckpt_name", "unet_name")
_SIDE = {"positive": "negative", "negative": "positive"}
# What leads from a conditioning to something else than its text.
_NO_TEXT = {
    "clip", "model", "vae", "control_net", "image", "images", "pixels", "latent", "latent_image", "samples",
    "mask", "noise", "sampler", "sigmas", "style_model", "clip_vision", "clip_vision_output",
}  # fmt: skip
_LATENT = ("samples", "latent_image", "latent", "latents", "pixels", "image", "images", "mask")

Found = dict[str, tuple[Slot, ...]]


def find(graph: Graph) -> About:
    """Where each value goes, as far as the graph tells."""
    samplers = [node for node in graph if _is_sampler(graph, node)]
    # The pass that begins with noise or a picture; later ones work on its result.
    base = [node for node in samplers if not _passed(graph, node, samplers)] or samplers[:1]
    places: dict[str, list[Slot]] = {}

    def add(name: str, slots: Iterator[Slot]) -> None:
        for slot in slots:
            if slot not in places.setdefault(name, []):
                places[name].append(slot)

    for node in samplers:
        for side, name in (("positive", "prompt"), ("negative", "negative_prompt")):
            add(name, _side_texts(graph, node, side))
        add("seed", _values(graph, node, ("seed", "noise_seed"), ("noise",), _SEEDS))
        add("sampler", _values(graph, node, ("sampler_name",), ("sampler",)))
        add("scheduler", _values(graph, node, ("scheduler",), ("sigmas",)))
        add("cfg", _cfg(graph, node))
        add("model", _loaders(graph, node))
    for node in base:
        if "end_at_step" not in graph[node]["inputs"]:  # steps that are shared out among samplers stay
            add("steps", _values(graph, node, ("steps",), ("sigmas",), _NUMBERS))
        add("denoise", _values(graph, node, ("denoise",), ("sigmas",), _NUMBERS))
        for name, input_ in (
            ("width", "width"),
            ("height", "height"),
            ("batch", "batch_size"),
            ("batch", "amount"),
        ):
            add(name, _latent(graph, node, input_))
        add("init_image", _pictures(graph, node))
    add("mask", (Slot(node, "image") for node in graph if graph[node]["class_type"] == "LoadImageMask"))
    add("vae", _of_class(graph, "vae_name"))
    add("clip_skip", _of_class(graph, "stop_at_clip_layer"))
    if not samplers:
        add("init_image", (Slot(node, "image") for node in graph if graph[node]["class_type"] == "LoadImage"))
    both = set(places["prompt"]) if "prompt" in places else set()
    places["negative_prompt"] = [slot for slot in places.get("negative_prompt", []) if slot not in both]
    return About(places={name: tuple(slots) for name, slots in places.items() if slots})


def _is_sampler(graph: Graph, node: str) -> bool:
    inputs = graph[node]["inputs"]
    linked = {name for name, value in inputs.items() if link(value) in graph}
    guided = (
        "guider" in linked
        or {"positive", "negative"} <= linked
        or ("positive" in linked and "seed" in inputs)
    )
    latent = bool(linked & {"latent_image", "latent", "samples", "latents"})
    return guided and latent and bool(inputs.keys() & {"seed", "noise_seed", "noise"})


def _passed(graph: Graph, node: str, samplers: list[str]) -> bool:
    """Whether the latent of this sampler comes from another one."""
    others = set(samplers) - {node}
    return any(found in others for found in _back(graph, node, lambda name: name in _LATENT))


def _back(graph: Graph, node: str, follow: Callable[[str], bool]) -> Iterator[str]:
    """The nodes before `node` along the inputs that `follow` takes, nearest first; each of them once."""
    waiting, seen = [node], {node}
    while waiting:
        here = waiting.pop(0)
        if here != node:
            yield here
        for name, value in graph[here]["inputs"].items():
            source = link(value)
            if source in graph and source not in seen and follow(name):
                seen.add(source)
                waiting.append(source)


def _side_texts(graph: Graph, sampler: str, side: str) -> Iterator[Slot]:
    """The texts of the positive or the negative side of a sampler, or of the guider before it."""
    inputs = graph[sampler]["inputs"]
    start = link(inputs.get(side))
    guider = link(inputs.get("guider"))
    if start is None and guider in graph:
        behind = graph[guider]["inputs"]
        start = link(behind.get(side)) or (link(behind.get("conditioning")) if side == "positive" else None)
    if start in graph:
        yield from _texts(graph, start, side, {sampler})


def _texts(graph: Graph, node: str, side: str, seen: set[str]) -> Iterator[Slot]:
    if node in seen or graph[node]["class_type"] == "ConditioningZeroOut":
        return
    seen.add(node)
    inputs = graph[node]["inputs"]
    yield from (Slot(node, name) for name in _TEXTS if isinstance(inputs.get(name), str))
    other = _SIDE[side] if side in inputs else ""  # a node that both sides go through
    for name, value in inputs.items():
        source = link(value)
        if source in graph and name not in _NO_TEXT and name != other:
            yield from _texts(graph, source, side, seen)


def _values(
    graph: Graph,
    node: str,
    names: tuple[str, ...],
    through: tuple[str, ...] = (),
    at_source: tuple[str, ...] = (),
) -> Iterator[Slot]:
    """The inputs `names` of a node, or of those it is linked to by `through`; a link is gone after."""
    inputs = graph[node]["inputs"]
    for name in names:
        if name in inputs:
            yield from _literal(graph, Slot(node, name), at_source)
    for name in through:
        source = link(inputs.get(name))
        if source in graph:
            yield from _values(graph, source, names, (), at_source)


def _literal(graph: Graph, slot: Slot, at_source: tuple[str, ...]) -> Iterator[Slot]:
    """The slot itself if a value stands there, else the one at the other end of its link."""
    source = link(graph[slot.node]["inputs"][slot.input])
    if source is None:
        yield slot
    elif source in graph:
        inputs = graph[source]["inputs"]
        found = [name for name in (slot.input, *at_source) if _is_plain(inputs.get(name))]
        yield from (Slot(source, name) for name in found[:1])


def _cfg(graph: Graph, sampler: str) -> Iterator[Slot]:
    """How closely the prompt is kept to: a distilled model (Flux) has it in its conditioning."""
    for node in _back(
        graph, sampler, lambda name: name in ("positive", "guider") or name.startswith("conditioning")
    ):
        if "guidance" in graph[node]["inputs"]:
            yield from _literal(graph, Slot(node, "guidance"), _NUMBERS)
            return
    yield from _values(graph, sampler, ("cfg",), ("guider",), _NUMBERS)


def _loaders(graph: Graph, sampler: str) -> Iterator[Slot]:
    for node in _back(graph, sampler, lambda name: name in ("model", "guider")):
        for name in _CHECKPOINTS:
            if name in graph[node]["inputs"]:
                yield from _literal(graph, Slot(node, name), ("value", "string"))


def _latent(graph: Graph, sampler: str, name: str) -> Iterator[Slot]:
    for node in _back(graph, sampler, lambda input_: input_ in _LATENT):
        if name in graph[node]["inputs"]:
            yield from _literal(graph, Slot(node, name), _NUMBERS)
            return


def _pictures(graph: Graph, sampler: str) -> Iterator[Slot]:
    for node in _back(graph, sampler, lambda name: name in _LATENT and name != "mask"):
        if graph[node]["class_type"] == "LoadImage":
            yield Slot(node, "image")


def _of_class(graph: Graph, name: str) -> Iterator[Slot]:
    for node in graph:
        if _is_plain(graph[node]["inputs"].get(name)):
            yield Slot(node, name)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float)
