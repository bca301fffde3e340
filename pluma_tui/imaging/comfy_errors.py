"""What ComfyUI says when it does not run a workflow, in words: which node, which input, and why.

Met: ``error`` as an object or (2024 and before) a text, ``node_errors`` as an object or a list; plain text.
"""

from typing import Any

import httpx

from pluma_tui.core.errors import JobFailed, Refused
from pluma_tui.imaging.workflow import Graph, title
from pluma_tui.transport.json import read_json
from pluma_tui.transport.refusal import hider, refusal

_TOLD = 4  # nodes at fault that are told of
_LONG = 300  # characters of one reason
_CHECKPOINT = "`pluma checkpoints` lists what the server has; `checkpoint` in the profile says which to take."
_HINTS = {
    "missing_node_type": "Install the custom node on the server, or take another workflow.",
    "invalid_prompt": "Install the custom node on the server, or take another workflow.",
    "prompt_no_outputs": "A workflow ends in a node such as SaveImage.",
    "custom_validation_failed": "The file has to be on the server; --init FILE brings one there.",
}


def prompt_refused(response: httpx.Response, body: bytes, graph: Graph) -> Refused:
    """The error for a job that was not taken."""
    try:
        document = read_json(body)
    except ValueError:
        document = None
    status = response.status_code
    if status == httpx.codes.INTERNAL_SERVER_ERROR and document is None:
        hint = "Its own log says why; a custom node may be broken."
        return JobFailed("ComfyUI stumbled over the workflow", hint=hint, status=status)
    if status != httpx.codes.BAD_REQUEST or not isinstance(document, dict) or "error" not in document:
        return refusal(response, body)
    hide = hider(response.request)
    message, hint = _said(document, graph)
    return JobFailed(hide(message), hint=hide(hint), status=status)


def node_errors(errors: dict[str, Any], graph: Graph) -> tuple[str, str]:
    """What is wrong with which nodes, and what to do: a message and a hint."""
    words: list[str] = []
    hint = ""
    for node, content in errors.items():
        reasons = content.get("errors") if isinstance(content, dict) else None
        for reason in reasons if isinstance(reasons, list) else []:
            if isinstance(reason, dict):
                words.append(f'"{title(graph, node)}" (node {node}): {_reason(reason)}')
                hint = hint or _hint(reason)
    more = f"; and {len(words) - _TOLD} more" if len(words) > _TOLD else ""
    return "; ".join(words[:_TOLD]) + more, hint


def run_failed(data: dict[str, Any], graph: Graph) -> tuple[str, str]:
    """The words for an `execution_error`: a node that raised while the workflow ran."""
    node = str(data.get("node_id") or "")
    why = _line(data.get("exception_message")) or str(data.get("exception_type") or "no reason given")
    kind = str(data.get("exception_type") or "")
    named = title(graph, node) if node in graph else str(data.get("node_type") or "a node")
    at = f' in "{named}"' + (f" (node {node})" if node else "")
    if "OutOfMemory" in kind:
        hint = "Take a smaller size or fewer pictures at a time; `hand_over` frees the card for pictures."
        return f"the server ran out of memory{at}: {why}", hint
    return f"the workflow failed{at}: {why}", ""


def _said(document: dict[str, Any], graph: Graph) -> tuple[str, str]:
    error = document["error"]
    kind = str(error.get("type") or "") if isinstance(error, dict) else ""
    details = error.get("details") if isinstance(error, dict) else ""
    words = error.get("message") if isinstance(error, dict) else error
    errors = document.get("node_errors")
    nodes, hint = node_errors(errors, graph) if isinstance(errors, dict) else ("", "")
    if nodes:
        return nodes, hint
    missing = _missing(error, graph)
    message = ": ".join(part for part in (_line(words), missing or _line(details)) if part)
    return message or "the server refuses the workflow", _HINTS.get(kind, "")


def _missing(error: Any, graph: Graph) -> str:
    """The title and number of a node that the server does not know: ``Node ID '#3'`` in the details."""
    details = str(error.get("details") or "") if isinstance(error, dict) else ""
    node = details.removeprefix("Node ID '#").removesuffix("'")
    return f'"{title(graph, node)}" (node {node})' if node in graph else ""


def _reason(reason: dict[str, Any]) -> str:
    message, details = _line(reason.get("message")), _line(reason.get("details"))
    extra = reason.get("extra_info")
    if isinstance(extra, dict) and extra.get("exception_type") == "KeyError":
        return f"{extra.get('input_name', 'an input')} leads to node {details}, which is not there"
    return ": ".join(part for part in (message, details) if part) or "no reason given"


def _hint(reason: dict[str, Any]) -> str:
    extra = reason.get("extra_info")
    name = extra.get("input_name") if isinstance(extra, dict) else ""
    kind = str(reason.get("type") or "")
    if kind == "value_not_in_list":
        return (
            _CHECKPOINT
            if name in ("ckpt_name", "unet_name")
            else f"The server offers other values for {name}."
        )
    return _HINTS.get(kind, "")


def _line(words: Any) -> str:
    text = " ".join(str(words or "").split())
    return text if len(text) <= _LONG else text[: _LONG - 1] + "…"
