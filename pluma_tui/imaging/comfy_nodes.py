"""What ComfyUI says of its nodes (``/object_info/CLASS``), held against a workflow that it is to run.

An input is described by its type and its options; one that takes a value out of a list as
``[["a", "b"], {...}]``, or by newer nodes as ``["COMBO", {"options": ["a", "b"]}]``.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pluma_tui.config.problems import did_you_mean
from pluma_tui.imaging.workflow import Graph, title

Described = dict[str, Any]

_FEW = 5  # values that are all told


def listed(node: Described | None, name: str) -> list[Any] | None:
    """The values that an input takes; None if they are not listed, or there is no such input."""
    said = _inputs(node).get(name)
    if not isinstance(said, list) or not said:
        return None
    if isinstance(said[0], list):
        return said[0]
    options = _extra(said).get("options") if said[0] == "COMBO" else None
    return options if isinstance(options, list) else None


def refusals(
    graph: Graph, known: Mapping[str, Described | None], *, left_open: Collection[str] = ()
) -> list[str]:
    """What a server would not run, in words. `known` describes the classes, None those that it lacks.

    Values in `left_open` are put in later, and pass.
    """
    found: list[str] = []
    for node, content in graph.items():
        at = f'"{title(graph, node)}" (node {node})'
        kind = content["class_type"]
        if known[kind] is None:
            found.append(f"{at}: the server knows no {kind}: a custom node is not installed there")
        else:
            found += [f"{at}: {reason}" for reason in _wrong(content["inputs"], known[kind], left_open)]
    if None not in known.values() and not any(node and node.get("output_node") for node in known.values()):
        found.append("no node saves a picture or shows one: the server has nothing to do")
    return found


def _wrong(values: Mapping[str, Any], node: Described | None, left_open: Collection[str]) -> Iterator[str]:
    for name, said in _inputs(node, "required").items():
        # What grows with what it is given stands under other names.
        kind = str(said[0]) if isinstance(said, list) and said else ""
        if name not in values and not kind.startswith("COMFY_"):
            yield f"{name} is missing"
    for name, value in values.items():
        options = listed(node, name)
        if options is None or not isinstance(value, str | int | float) or value in options:
            continue
        if value not in left_open and not _elsewhere(_inputs(node)[name], value):
            yield f'the server has no {name} "{value}"; {_instead(options, str(value))}'


def _instead(options: list[Any], value: str) -> str:
    names = [str(option) for option in options]
    if len(names) <= _FEW:
        return f"it has {', '.join(names) or 'none'}"
    return f"it has {len(names)} others. {did_you_mean(value, names)}".rstrip(". ")


def _elsewhere(said: list[Any], value: Any) -> bool:
    """Whether this is a picture below another folder than the one that is listed: it may be there."""
    return "image_upload" in _extra(said) and isinstance(value, str) and ("/" in value or value.endswith("]"))


def _inputs(node: Described | None, *parts: str) -> dict[str, Any]:
    """The inputs of a node, or those of these parts of it: required, optional."""
    said = node.get("input") if node else None
    found: dict[str, Any] = {}
    for part in parts or ("required", "optional"):
        inputs = said.get(part) if isinstance(said, dict) else None
        found |= inputs if isinstance(inputs, dict) else {}
    return found


def _extra(said: list[Any]) -> dict[str, Any]:
    return said[1] if len(said) > 1 and isinstance(said[1], dict) else {}
