"""Reading a list of models, in the shapes that OpenAI-like servers give it."""

from collections.abc import Iterator
from typing import Any

from pluma_tui.core.models import ModelInfo, Price, Trait
from pluma_tui.providers.base import Json
from pluma_tui.providers.reading import count, number, table, text

# Where each server says how long a conversation may be: llama.cpp (a slot's own context), LM Studio (as
# loaded, else at most), vLLM, OpenRouter, Groq, Mistral, Anthropic.
_CONTEXT = (
    "loaded_context_length",
    "max_model_len",
    "context_length",
    "context_window",
    "max_context_length",
    "max_input_tokens",
)
# The longest answer: OpenRouter, within its `top_provider`; Groq; others; Anthropic.
_OUTPUT = ("max_completion_tokens", "max_output_tokens", "max_tokens")
_TRAITS: dict[str, Trait] = {
    "vision": "vision",
    "image": "vision",
    "image_input": "vision",
    "multimodal": "vision",
    "audio": "audio",
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
    meta, label = table(entry, "meta"), entry.get("display_name") or entry.get("name")
    if not isinstance(label, str) or label == name:
        label = _parameters(meta)
    state = entry.get("state") or table(entry, "status").get("value")  # LM Studio; llama.cpp as a router
    return ModelInfo(
        name,
        label,
        context=count(meta, "n_ctx") or _first(entry, _CONTEXT),
        traits=tuple(dict.fromkeys(_traits(entry))),
        output=_first(entry, _OUTPUT) or _first(table(entry, "top_provider"), _OUTPUT),
        size=count(meta, "size"),
        loaded=state == "loaded" if isinstance(state, str) else None,
        price=_price(table(entry, "pricing")),
    )


def _parameters(meta: Json) -> str:
    """llama.cpp's number of parameters, in millions, and how they are stored."""
    millions = round(number(meta, "n_params") / 1e6)
    return ", ".join(filter(None, (f"{millions:,}M" if millions else "", text(meta, "ftype"))))


def _first(entry: Json, names: tuple[str, ...]) -> int:
    return next((found for name in names if (found := count(entry, name))), 0)


def _price(said: Json) -> Price | None:
    """OpenRouter tells dollars for one token, as text; Together for a million, as numbers."""
    if isinstance(said.get("prompt"), str):
        each = {name: _dollars(said.get(name)) for name in ("prompt", "completion", "input_cache_read")}
        cached = each["input_cache_read"] if "input_cache_read" in said else None
        return Price(each["prompt"], each["completion"], cached)
    if isinstance(said.get("input"), int | float):
        return Price(number(said, "input"), number(said, "output"))
    return None


def _dollars(text: Any) -> float:
    """For a million tokens, out of the text for one; below zero stands for "it depends", as for a router."""
    try:
        return max(round(float(text) * 1e6, 6), 0.0)
    except (TypeError, ValueError, OverflowError):
        return 0.0


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
    """A list as it is; of a table of switches (Anthropic's are tables too) the names of those that are on."""
    if isinstance(value, dict):
        return [
            name for name, on in value.items() if on is True or table(value, name).get("supported") is True
        ]
    return value if isinstance(value, list) else []
