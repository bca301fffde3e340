"""What ComfyUI checks before it takes a job: `validate_prompt` of its execution.py, in its own words.

`test_comfy_server` holds this against what 0.3.75 and 0.33.0 answered.
"""

import copy
import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]

_NODES = Path(__file__).parents[1] / "data" / "images" / "comfy" / "nodes.json"
_LONG_LIST = 20
_FILES = {
    ("CheckpointLoaderSimple", "ckpt_name"): ["tiny.safetensors"],
    ("UNETLoader", "unet_name"): ["flux1-dev.safetensors"],
    ("VAELoader", "vae_name"): ["ae.safetensors", "pixel_space"],
    ("DualCLIPLoader", "clip_name1"): ["t5xxl_fp16.safetensors"],
    ("DualCLIPLoader", "clip_name2"): ["clip_l.safetensors"],
    ("LoraLoader", "lora_name"): ["ink.safetensors"],
    ("LoraLoaderModelOnly", "lora_name"): ["ink.safetensors"],
    ("UpscaleModelLoader", "model_name"): ["4x.pth"],
}


class Refusal(Exception):
    """A 400; `body` is its JSON."""

    def __init__(self, body: Json) -> None:
        super().__init__(body)
        self.body = body


def nodes() -> dict[str, Json]:
    """The nodes of a server that has one file of each kind."""
    found: dict[str, Json] = json.loads(_NODES.read_text())
    for (node, name), files in _FILES.items():
        kind = found[node]["input"][name]
        if kind[0] == "COMBO":
            kind[1]["options"] = files
        else:
            kind[0] = files
    return found


def described(node: Json, uploads: set[str]) -> Json:
    """A node as /object_info tells it."""
    parts: Json = {"required": {}, "optional": {}}
    for name, (kind, extra) in node["input"].items():
        if name == "image" and isinstance(kind, list):
            kind, extra = sorted(uploads), {**extra, "image_upload": True}
        parts["optional" if extra.get("optional") else "required"][name] = [kind, extra]
    return {**node, "input": parts}


def check(prompt: Any, known: dict[str, Json], uploads: set[str], version: str) -> tuple[list[str], Json]:
    """The outputs that can be made, and the errors of nodes. Raises Refusal if none can; else: 500."""
    for node, content in prompt.items():
        if content.get("class_type") not in known:
            raise _unknown(node, content.get("class_type"), content, version)
    outputs = [node for node in prompt if known[prompt[node]["class_type"]]["output_node"]]
    if not outputs:
        raise Refusal(_error("prompt_no_outputs", "Prompt has no outputs"))
    checker = _Checker(prompt, known, uploads)
    good = [node for node in outputs if checker.valid(node)]
    errors = {
        node: {
            "errors": reasons,
            "dependent_outputs": [output for output in outputs if output not in good],
            "class_type": prompt[node]["class_type"],
        }
        for node, reasons in checker.reasons.items()
        if reasons
    }
    if not good:
        refusal = _error("prompt_outputs_failed_validation", "Prompt outputs failed validation")
        raise Refusal({**refusal, "node_errors": errors})
    return good, errors


class _Checker:
    def __init__(self, prompt: Json, known: dict[str, Json], uploads: set[str]) -> None:
        self.reasons: dict[str, list[Json]] = {}
        self._prompt, self._known, self._uploads = prompt, known, uploads
        self._valid: dict[str, bool] = {}

    def valid(self, node: str) -> bool:
        if node not in self._valid:
            before = self.reasons.setdefault(node, [])
            described = self._known[self._prompt[node]["class_type"]]["input"]
            inner = [self._input(node, name, kind) for name, kind in described.items()]
            self._valid[node] = all(inner) and not before
        return self._valid[node]

    def _input(self, node: str, name: str, kind: list[Any]) -> bool:
        inputs = self._prompt[node]["inputs"]
        if name not in inputs:
            if not kind[1].get("optional"):
                self._say(node, "required_input_missing", "Required input is missing", name, input_name=name)
            return True
        value = inputs[name]
        if isinstance(value, list):
            return self._link(node, name, kind[0], value)
        self._value(node, name, kind, value)
        return True

    def _link(self, node: str, name: str, wanted: Any, value: list[Any]) -> bool:
        source, output = value
        got = self._known[self._prompt[source]["class_type"]]["output"][output]
        if got != wanted:
            words = f"{name}, received_type({got}) mismatch input_type({wanted})"
            self._say(
                node,
                "return_type_mismatch",
                "Return type mismatch between linked nodes",
                words,
                input_name=name,
            )
            return True
        try:
            return self.valid(source)
        except (KeyError, IndexError, RecursionError) as error:
            kind, message = "exception_during_inner_validation", "Exception when validating inner node"
            self._say(
                source, kind, message, str(error), input_name=name,
                exception_type=type(error).__name__, traceback=["..."],
            )  # fmt: skip
            return False

    def _value(self, node: str, name: str, kind: list[Any], value: Any) -> None:
        wanted, limits = kind
        convert = {"INT": int, "FLOAT": float, "STRING": str}.get(wanted if isinstance(wanted, str) else "")
        if convert is not None:
            try:
                value = self._prompt[node]["inputs"][name] = convert(value)
            except (ValueError, TypeError) as error:
                words = f"Failed to convert an input value to a {wanted} value"
                self._say(node, "invalid_input_type", words, f"{name}, {value}, {error}", input_name=name)
                return
        extra = {"input_name": name, "received_value": value}
        if "min" in limits and value < limits["min"]:
            words = f"Value {value} smaller than min of {limits['min']}"
            self._say(node, "value_smaller_than_min", words, name, **extra)
        elif "max" in limits and value > limits["max"]:
            words = f"Value {value} bigger than max of {limits['max']}"
            self._say(node, "value_bigger_than_max", words, name, **extra)
        self._choice(node, name, limits.get("options", wanted), value, extra)

    def _choice(self, node: str, name: str, options: Any, value: Any, extra: Json) -> None:
        if self._prompt[node]["class_type"].startswith("LoadImage") and name == "image":
            if value not in self._uploads:
                words = f"image - Invalid image file: {value}"
                self._say(
                    node,
                    "custom_validation_failed",
                    "Custom validation failed for node",
                    words,
                    input_name=name,
                )
        elif isinstance(options, list) and value not in options:
            told = f"(list of length {len(options)})" if len(options) > _LONG_LIST else str(options)
            self._say(
                node, "value_not_in_list", "Value not in list", f"{name}: '{value}' not in {told}", **extra
            )

    def _say(self, node: str, kind: str, message: str, details: str, **extra: Any) -> None:
        reason = {"type": kind, "message": message, "details": details, "extra_info": extra}
        self.reasons.setdefault(node, []).append(reason)


def _unknown(node: str, kind: str | None, content: Json, version: str) -> Refusal:
    details = f"Node ID '#{node}'"
    if version.startswith("0.3."):
        words = f"node {kind} does not exist." if kind else "a node is missing the class_type property."
        return Refusal(_error("invalid_prompt", f"Cannot execute because {words}", details))
    name = content.get("_meta", {}).get("title") or kind
    words = f"Node '{name}' not found. The custom node may not be installed."
    if not kind:
        words = (
            f"Node 'ID #{node}' has no class_type. The workflow may be corrupted or a custom node is missing."
        )
    body = _error("missing_node_type", words, details)
    body["error"]["extra_info"] = {"node_id": node, "class_type": kind, "node_title": name}
    return Refusal(body)


def _error(kind: str, message: str, details: str = "") -> Json:
    return {
        "error": {"type": kind, "message": message, "details": details, "extra_info": {}},
        "node_errors": {},
    }


def no_prompt() -> Refusal:
    """The answer to a body without a graph."""
    return Refusal(_error("no_prompt", "No prompt provided", "No prompt provided"))


def checked_copy(prompt: Any) -> Any:
    """A copy, for checking writes converted values into it."""
    return copy.deepcopy(prompt)
