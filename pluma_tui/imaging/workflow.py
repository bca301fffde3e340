"""ComfyUI workflows: reading the API format, and what there is to know of one.

A graph is ``{node id: {"class_type": ..., "inputs": {name: value or [node id, output]}, "_meta": ...}}``, as
ComfyUI's "Export (API)" writes it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from pluma_tui.core.errors import ConfigError
from pluma_tui.transport.json import read_json

Graph = dict[str, dict[str, Any]]

MAX_FILE = 8 * 1024 * 1024
"""Bytes of a workflow file."""
EXPORT = (
    "In ComfyUI, open it and choose Workflow > Export (API); older ones show Save (API Format) once the dev "
    "mode is on in their settings."
)


class Slot(msgspec.Struct, frozen=True):
    """A place for a value: an input of a node."""

    node: str
    input: str


class About(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept beside a workflow: where its values go, and its own defaults for placeholders.

    `places` maps the names of `workflow_fill.NAMES` to slots; `outputs` are the nodes whose pictures count,
    empty for all. `filled`: this is a graph as it was run; what looks like a placeholder in it is somebody's
    text.
    """

    title: str = ""
    places: dict[str, tuple[Slot, ...]] = {}
    outputs: tuple[str, ...] = ()
    defaults: dict[str, Any] = {}
    filled: bool = False


class Workflow(msgspec.Struct, frozen=True):
    """A graph, the name it goes by, and what is known of it."""

    name: str
    graph: Graph
    about: About = About()


def read_file(path: Path) -> Graph:
    """The graph in a file. Raises ConfigError, with what is wrong with it and what to do."""
    try:
        if path.stat().st_size > MAX_FILE:
            raise ConfigError(f"{path} is larger than {MAX_FILE >> 20} MB: no workflow", key="workflow")
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", key="workflow") from None
    return parse(data, str(path))


def parse(data: bytes, where: str) -> Graph:
    """The graph that `data` holds; `where` names it in errors. Raises ConfigError."""
    try:
        document = read_json(data)
    except ValueError as error:
        raise _wrong(f"{where} is no JSON: {error}", EXPORT) from None
    if is_ui_format(document):
        raise _wrong(f"{where} is a workflow as ComfyUI's own screen saves it, which it does not run", EXPORT)
    if isinstance(document, dict) and isinstance(document.get("prompt"), dict):
        document = document["prompt"]  # the body of a request, as some programs keep it
    if not isinstance(document, dict) or not document or not all(map(_is_node, document.values())):
        raise _wrong(f"{where} is no ComfyUI workflow in API format", EXPORT)
    return document


def is_ui_format(document: Any) -> bool:
    """Whether this is what ComfyUI's "Save" writes: nodes with positions, and links beside them."""
    if not isinstance(document, dict):
        return False
    return isinstance(document.get("nodes"), list) or "last_node_id" in document


def title(graph: Graph, node: str) -> str:
    """What people call a node: its title, else its class."""
    found = graph.get(node, {})
    meta = found.get("_meta")
    named = meta.get("title") if isinstance(meta, dict) else None
    return str(named or found.get("class_type") or f"node {node}")


def link(value: Any) -> str | None:
    """The node that an input's value leads to; None if the value is no link."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[1], int):
        return str(value[0])
    return None


def links(graph: Graph) -> Iterator[tuple[Slot, str]]:
    """Every link: the slot that it ends in, and the node that it begins at."""
    for node, content in graph.items():
        for name, value in content["inputs"].items():
            if (source := link(value)) is not None:
                yield Slot(node, name), source


def problems(graph: Graph) -> list[str]:
    """What a server would certainly not run."""
    found = [
        f'"{title(graph, slot.node)}" (node {slot.node}): {slot.input} is linked to node {source}, '
        "which is not there"
        for slot, source in links(graph)
        if source not in graph
    ]
    return found if leaves(graph) else [*found, "no node is an end: every one feeds another"]


def leaves(graph: Graph) -> list[str]:
    """The nodes that feed no other: where pictures come out."""
    feeding = {source for _, source in links(graph)}
    return [node for node in graph if node not in feeding]


def _is_node(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("class_type"), str):
        return False
    return isinstance(value.setdefault("inputs", {}), dict)


def _wrong(message: str, hint: str) -> ConfigError:
    return ConfigError(message, hint=hint, key="workflow")
