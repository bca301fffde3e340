"""What a face needs of workflows: the library, and what was found out about a workflow, in values to show."""

from pathlib import Path
from typing import Any

import msgspec

from pluma_tui.core.errors import ConfigError, UsageError
from pluma_tui.imaging.workflow import Workflow, leaves, problems, read_file, title
from pluma_tui.imaging.workflow_fill import NAMES, placeholders, unknown
from pluma_tui.imaging.workflow_find import find
from pluma_tui.imaging.workflow_library import Entry, Library, checked, load_file
from pluma_tui.imaging.workflow_prepare import known_placeholders

__all__ = ["Entry", "Library", "Place", "Report", "checked", "examine", "load_file", "report"]


class Place(msgspec.Struct, frozen=True):
    """Where a value goes; `now` is what stands there."""

    value: str
    node: str
    title: str
    input: str
    now: Any


class Report(msgspec.Struct, frozen=True):
    """What there is to say about a workflow. `problems` keep a server from running it.

    `outputs` are the nodes whose pictures count; where none is named, all do, and these are the graph's ends.
    `unknown` look like placeholders that pluma does not know, `missing` are values that go nowhere.
    """

    nodes: int
    placeholders: tuple[str, ...]
    unknown: tuple[str, ...]
    places: tuple[Place, ...]
    missing: tuple[str, ...]
    outputs: tuple[str, ...]
    problems: tuple[str, ...]


def examine(path: Path, name: str) -> Workflow:
    """The file that is to be added as `name`. Raises ConfigError, and UsageError if there is none."""
    if not path.is_file():
        raise UsageError(f"{path} is no file")
    graph = read_file(path)
    if wrong := problems(graph):
        raise ConfigError(f"{path}: {wrong[0]}", hint="`pluma workflow check` tells all.", key="workflow")
    return Workflow(name, graph, find(graph))


def report(workflow: Workflow) -> Report:
    """What there is to say about a workflow."""
    graph, about = workflow.graph, workflow.about
    names = known_placeholders({}, about.defaults)
    used = placeholders(graph, names)
    filled = {name for name, aliases in NAMES.items() if used & set(aliases)}
    places = tuple(
        Place(
            name, slot.node, title(graph, slot.node), slot.input, graph[slot.node]["inputs"].get(slot.input)
        )
        for name, slots in about.places.items()
        for slot in slots
        if name not in filled and slot.node in graph
    )
    outputs = about.outputs or leaves(graph)
    there = filled | {place.value for place in places}
    wanted = ("prompt", "seed") if there & {"prompt", "seed", "steps"} or not there else ()
    return Report(
        len(graph),
        tuple(sorted(used)),
        tuple(sorted(unknown(graph, names))),
        places,
        tuple(name for name in wanted if name not in there),
        tuple(f"{title(graph, node)} (node {node})" for node in outputs if node in graph),
        tuple(problems(graph)),
    )
