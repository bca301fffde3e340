"""Putting values into a workflow: into its placeholders, and into the slots that were found for them.

Substitution works on the values of the parsed graph, never on its text, and looks at each text once: nothing
that stands in a prompt can break the JSON or be taken for a placeholder.
"""

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pluma_tui.imaging.workflow import Graph, Slot

# The one name of each value -> the placeholders that stand for it (SillyTavern's names, and `%cfg%`).
NAMES: dict[str, tuple[str, ...]] = {
    "prompt": ("prompt",),
    "negative_prompt": ("negative_prompt",),
    "seed": ("seed",),
    "steps": ("steps",),
    "cfg": ("cfg", "scale"),
    "sampler": ("sampler",),
    "scheduler": ("scheduler",),
    "width": ("width",),
    "height": ("height",),
    "model": ("model",),
    "vae": ("vae",),
    "clip_skip": ("clip_skip",),
    "denoise": ("denoise",),
    "batch": ("batch",),
    "init_image": ("init_image",),
    "mask": ("mask",),
    "upscaler": ("upscaler",),
    "char_avatar": ("char_avatar",),
    "user_avatar": ("user_avatar",),
}
_LOOKS_LIKE_ONE = re.compile(r"%[a-z][a-z0-9_]*%")


def fill(graph: Graph, values: Mapping[str, Any]) -> Graph:
    """A copy of the graph with its placeholders replaced; `values` are by the names between the signs.

    A text that is one placeholder becomes the value itself, of whatever type; inside a longer text the
    value is written out. What no value is known for stays.
    """
    pattern = _pattern(values)

    def filled(value: Any) -> Any:
        if isinstance(value, str):
            if whole := pattern.fullmatch(value):
                return values[whole[1]]
            return pattern.sub(lambda found: str(values[found[1]]), value)
        if isinstance(value, list):
            return [filled(item) for item in value]
        if isinstance(value, dict):
            return {name: filled(item) for name, item in value.items()}
        return value

    return {node: {**content, "inputs": filled(content["inputs"])} for node, content in graph.items()}


def put(graph: Graph, slots: Iterable[Slot], value: Any) -> bool:
    """Put `value` into each of the slots; whether there was one."""
    done = False
    for slot in slots:
        if slot.node in graph:
            graph[slot.node]["inputs"][slot.input] = value
            done = True
    return done


def placeholders(graph: Graph, names: Iterable[str]) -> set[str]:
    """Which of the placeholders `names` stand anywhere in the graph."""
    pattern = _pattern(names)
    return {found[1] for _, text in _texts(graph) for found in pattern.finditer(text)}


def unknown(graph: Graph, names: Iterable[str]) -> set[str]:
    """Whole values that look like a placeholder, and that none of `names` is."""
    known = {f"%{name}%" for name in names}
    return {text for _, text in _texts(graph) if _LOOKS_LIKE_ONE.fullmatch(text) and text not in known}


def slots_of(graph: Graph, name: str) -> list[Slot]:
    """The inputs whose whole value is the placeholder `name`."""
    return [slot for slot, text in _texts(graph) if text == f"%{name}%"]


def copied(graph: Graph) -> Graph:
    """A graph that can be changed without changing this one."""
    return copy.deepcopy(graph)


def _pattern(names: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(names, key=len, reverse=True)
    return re.compile(f"%({'|'.join(map(re.escape, longest_first)) or '(?!)'})%")


def _texts(graph: Graph) -> Iterator[tuple[Slot, str]]:
    for node, content in graph.items():
        for name, value in content["inputs"].items():
            for text in _strings(value):
                yield Slot(node, name), text


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)
