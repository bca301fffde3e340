"""Reading a list of models, in the shapes that OpenAI-like servers give it."""

from collections.abc import Iterator
from typing import Any

from pluma_tui.core.models import ModelInfo, Trait
from pluma_tui.providers.base import Json

# Where each server says how long a conversation may be: llama.cpp (a slot's own context), LM Studio (as
# loaded, else at most), vLLM, OpenRouter, Groq, Mistral.
_CONTEXT = (
    "loaded_context_length",
    "max_model_len",
    "context_length",
    "context_window",
    "max_context_length",
)
_TRAITS: dict[str, Trait] = {
    "vision": "vision",
    "image": "vision",
    "multimodal": "vision",
    "vlm": "vision",
    "tools": "tools",
    "tool_use": "tools",
    "function_calling": "tools",
    "thinking": "thinking",
    "reasoning": "thinking",
    "embedding": "embedding",
    "embeddings": "embedding",
}


def read_models(document: Any) -> list[ModelInfo]:
    """The models in the server's order, each once. What cannot be read is passed over."""
    found: dict[str, ModelInfo] = {}
    extra = _by_name(document)
    for entry in _entries(document):
        name = entry.get("id") or entry.get("key") or entry.get("name") or entry.get("model")
        if isinstance(name, str) and name not in found:
            found[name] = _model(name, {**extra.get(name, {}), **entry})
    return list(found.values())


def _entries(document: Any) -> list[Json]:
    """{"data": [...]}, {"models": [...]}, both (llama.cpp), or a bare list (Together)."""
    if isinstance(document, dict):
        document = document.get("data") or document.get("models")
    return [entry for entry in document if isinstance(entry, dict)] if isinstance(document, list) else []


def _by_name(document: Any) -> dict[str, Json]:
    """llama.cpp's second list, which holds the abilities."""
    if not isinstance(document, dict) or not document.get("data"):
        return {}
    entries = _entries({"models": document.get("models")})
    return {entry["name"]: entry for entry in entries if isinstance(entry.get("name"), str)}


def _model(name: str, entry: Json) -> ModelInfo:
    label = entry.get("display_name") or entry.get("name")
    if not isinstance(label, str) or label == name:
        label = ""
    return ModelInfo(name, label, _context(entry), tuple(dict.fromkeys(_traits(entry))))


def _context(entry: Json) -> int:
    meta = entry.get("meta")
    values = [meta.get("n_ctx")] if isinstance(meta, dict) else []
    values += [entry.get(name) for name in _CONTEXT]
    return next((value for value in values if isinstance(value, int) and 0 < value < 2**53), 0)


def _traits(entry: Json) -> Iterator[Trait]:
    """Traits out of every place where one has been seen told."""
    architecture = entry.get("architecture")
    told: list[Any] = [entry.get("type")]
    if isinstance(architecture, dict):
        told += _words(architecture.get("input_modalities"))
    for place in ("capabilities", "supported_parameters", "input_modalities"):
        told += _words(entry.get(place))
    return (_TRAITS[word] for word in told if isinstance(word, str) and word in _TRAITS)


def _words(value: Any) -> list[Any]:
    """A list as it is; of a table of switches the names of those that are on."""
    if isinstance(value, dict):
        return [name for name, on in value.items() if on is True]
    return value if isinstance(value, list) else []
