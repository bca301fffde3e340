"""A job's entry in ComfyUI's history: how it ended, and what it made."""

import mimetypes
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

Ending = Literal["done", "interrupted", "failed"]


class Output(NamedTuple):
    """A file on the server, as it names it; nothing here is ever a path on this machine."""

    node: str
    filename: str
    subfolder: str
    type: str


class Entry(NamedTuple):
    """`data` is what the last message said, which for a failure is the node and the exception."""

    ending: Ending
    outputs: list[Output]
    data: dict[str, Any]


def read_entry(entry: dict[str, Any]) -> Entry:
    """What became of the job.

    An interrupted one has ``status_str`` "error" as well: only its last message tells it from a failed one.
    """
    status = entry.get("status")
    status = status if isinstance(status, dict) else {}
    last, data = _last_message(status.get("messages"))
    ending: Ending = "done"
    if last == "execution_interrupted":
        ending = "interrupted"
    elif last == "execution_error" or status.get("status_str") == "error":
        ending = "failed"
    return Entry(ending, list(_outputs(entry.get("outputs"))), data)


def chosen(outputs: Iterable[Output], nodes: tuple[str, ...] = ()) -> list[Output]:
    """The files that count: of `nodes` if those made any; type "output", and temporary ones only without."""
    every = [output for output in outputs if output.type in ("output", "temp") and _may_be_picture(output)]
    every = [output for output in every if output.node in nodes] or every
    unique = list(dict.fromkeys(every))
    return [output for output in unique if output.type == "output"] or unique


def _may_be_picture(output: Output) -> bool:
    """Videos, sounds and texts are made by the same nodes, into the same lists."""
    guessed, _ = mimetypes.guess_type(output.filename)
    return guessed is None or guessed.startswith("image/")


def _outputs(said: Any) -> Iterator[Output]:
    """Every file of every node. Nodes name their lists as they like: `images`, `gifs`, `a_images`..."""
    for node, content in said.items() if isinstance(said, dict) else ():
        for part in content.values() if isinstance(content, dict) else ():
            for file in part if isinstance(part, list) else ():
                if isinstance(file, dict) and isinstance(file.get("filename"), str):
                    folder, kind = str(file.get("subfolder") or ""), str(file.get("type") or "output")
                    yield Output(str(node), file["filename"], folder, kind)


def _last_message(messages: Any) -> tuple[str, dict[str, Any]]:
    ended = ("execution_success", "execution_interrupted", "execution_error")
    for message in reversed(messages if isinstance(messages, list) else []):
        if (
            isinstance(message, list)
            and len(message) == 2
            and message[0] in ended
            and isinstance(message[1], dict)
        ):
            return message[0], message[1]
    return "", {}
