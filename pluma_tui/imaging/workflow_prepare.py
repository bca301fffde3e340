"""From a request to the graph that is sent: which values there are, and where they go."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pluma_tui.core.errors import ConfigError, NotFound
from pluma_tui.imaging.workflow import Graph, Slot, Workflow
from pluma_tui.imaging.workflow_fill import NAMES, copied, fill, placeholders, put, slots_of, unknown


class _Picture(NamedTuple):
    words: str
    flag: str


# One pixel: what SillyTavern sends for an avatar that is not there.
_NO_PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
_DEFAULTS: dict[str, Any] = {
    "prompt": "", "negative_prompt": "", "steps": 20, "cfg": 7.0, "sampler": "euler", "scheduler": "normal",
    "width": 512, "height": 512, "clip_skip": -1, "denoise": 1.0, "batch": 1,
    "char_avatar": _NO_PICTURE, "user_avatar": _NO_PICTURE,
}  # fmt: skip
_AVATARS = {"char_avatar", "user_avatar"}
_CHANGED = 0.75  # how much of a given picture may change
LISTED = ("model", "vae", "upscaler")
"""Values whose default is the first that the server lists."""
_PICTURES = {
    "init_image": _Picture("a picture to begin with", "--init FILE"),
    "mask": _Picture("a mask", "--mask FILE"),
}
_WORDS = {"model": "the checkpoint", "batch": "a number of pictures", "denoise": "the strength"}


@dataclass
class Given:
    """The values of one picture. `wanted` are those that somebody set, by their names in `NAMES`.

    `pairs` are the person's own placeholders, `listed` the server's defaults for those in `LISTED`.
    """

    wanted: dict[str, Any]
    seed: int
    pairs: dict[str, Any] = field(default_factory=dict)
    listed: dict[str, Any] = field(default_factory=dict)


@dataclass
class Prepared:
    """What to send, the values that stand in it, what had no place, and placeholders that nobody knows."""

    graph: Graph
    values: dict[str, Any]
    homeless: list[str]
    unknown: set[str]


def known_placeholders(pairs: Mapping[str, Any] = {}, defaults: Mapping[str, Any] = {}) -> set[str]:
    """All names that may stand between the signs."""
    return {name for names in NAMES.values() for name in names} | {*pairs, *defaults}


def to_ask_for(workflow: Workflow, given: Given) -> dict[str, Slot]:
    """The values in `LISTED` that a placeholder wants and nobody has set, and the input that lists them."""
    there = {*given.wanted, *given.pairs, *workflow.about.defaults}
    found = {name: slots_of(workflow.graph, name) for name in LISTED if name not in there}
    return {name: slots[0] for name, slots in found.items() if slots}


def prepare(workflow: Workflow, given: Given) -> Prepared:
    """Fill in a workflow. Raises ConfigError if it lacks what the request cannot do without.

    Placeholders get what was set, else the pairs, else a default. Where there is no placeholder for a
    value that was set, it goes to the slots that were found for it. The seed is always set; but where
    there are placeholders and none is for it, the author's own stays.
    """
    about = workflow.about
    names = set() if about.filled else known_placeholders(given.pairs, about.defaults)
    used = placeholders(workflow.graph, names)
    wanted = {"seed": given.seed, **given.wanted}
    if used and "seed" not in used:
        del wanted["seed"]
    values = _values(workflow, given, wanted)
    _complete(workflow, used, values)
    graph = fill(copied(workflow.graph), {name: values[name] for name in used})
    homeless = []
    for name, value in wanted.items():
        if not (used & set(NAMES[name]) or put(graph, about.places.get(name, ()), value)):
            homeless.append(name)
    _no_picture_left_out(workflow, homeless)
    inside = {name: value for name, value in wanted.items() if name not in homeless}
    settings = _of_defaults(used, values) | inside
    told = [name for name in homeless if wanted[name] != "" and name != "seed"]
    shown = {name: value for name, value in settings.items() if name not in _AVATARS}
    return Prepared(graph, shown, told, set() if about.filled else unknown(workflow.graph, names))


def told(workflow: Workflow, homeless: list[str]) -> str:
    """A sentence for what had no place."""
    names = ", ".join(_WORDS.get(name, name.replace("_", " ")) for name in homeless)
    return f'the workflow "{workflow.name}" has no place for: {names}'


def _values(workflow: Workflow, given: Given, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The value of each placeholder that has one."""
    denoise = _CHANGED if "init_image" in wanted else 1.0
    values = {**_DEFAULTS, "denoise": denoise, **given.listed, **workflow.about.defaults, **given.pairs}
    values.setdefault("scale", values["cfg"])
    return values | {alias: wanted[name] for name in wanted for alias in NAMES[name]}


def _of_defaults(used: set[str], values: Mapping[str, Any]) -> dict[str, Any]:
    """What was filled in, by the one name of each."""
    return {name: values[name] for name, aliases in NAMES.items() if used & set(aliases) and name in values}


def _complete(workflow: Workflow, used: set[str], values: Mapping[str, Any]) -> None:
    """Raise for a placeholder that has no value: ConfigError if it is a picture, else NotFound."""
    for name in sorted(used - values.keys()):
        if name in _PICTURES:
            hint = f"Give one: {_PICTURES[name].flag}"
            wanted = _PICTURES[name].words
            raise ConfigError(f'the workflow "{workflow.name}" wants {wanted}', hint=hint, key="workflow")
        hint = "Put one on the server, or name one: --checkpoint, or options.placeholders in the profile."
        raise NotFound(
            f'the server lists none that the workflow "{workflow.name}" could take as %{name}%', hint=hint
        )


def _no_picture_left_out(workflow: Workflow, homeless: list[str]) -> None:
    """A picture that would be passed over is no small thing. Raises ConfigError."""
    for name in homeless:
        if name in _PICTURES:
            hint = "Built-in ones that do: img2img, inpaint, upscale."
            words = _PICTURES[name].words.removeprefix("a ")
            raise ConfigError(f'the workflow "{workflow.name}" takes no {words}', hint=hint, key="workflow")
