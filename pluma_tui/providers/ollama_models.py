"""What Ollama tells of models: api/tags (all), api/ps (those in memory), api/show (one), api/pull."""

import re
from typing import Any, get_args

from pluma_tui.core.models import ModelInfo, ModelProgress, Trait
from pluma_tui.providers.base import Json
from pluma_tui.providers.reading import count, entries, table, text


def read_models(listed: Any, running: Any) -> list[ModelInfo]:
    """The models in the server's order; `running` is None where that is not told."""
    contexts = {text(entry, "name"): count(entry, "context_length") for entry in entries(running, "models")}
    return [
        ModelInfo(
            name,
            _label(name, entry),
            context=contexts.get(name) or _context(entry),
            traits=_traits(name, entry),
            size=count(entry, "size"),
            loaded=None if running is None else name in contexts,
        )
        for entry in entries(listed, "models")
        if (name := text(entry, "name"))
    ]


def described(name: str, shown: Any, listed: Any, running: Any) -> ModelInfo:
    """All that is told of one model; `name` may leave out the tag ``latest``."""
    names = (name, f"{name}:latest")
    entry = next((one for one in entries(listed, "models") if one.get("name") in names), {"name": name})
    return read_models({"models": [(shown if isinstance(shown, dict) else {}) | entry]}, running)[0]


def progress(step: Json, layers: dict[str, tuple[int, int]]) -> ModelProgress:
    """How far a model has been fetched: the sum of its `layers`, which are told one after another."""
    if digest := text(step, "digest"):
        layers[digest] = count(step, "completed"), count(step, "total")
    done, total = map(sum, zip((0, 0), *layers.values(), strict=True))
    return ModelProgress(text(step, "status"), done, total)


def _label(name: str, entry: Json) -> str:
    """The name with its size, and with where it runs if that is elsewhere; empty for nothing but the name."""
    details = table(entry, "details")
    told = [text(details, "parameter_size"), text(details, "quantization_level"), text(entry, "remote_host")]
    return ", ".join([name, *filter(None, told)]) if any(told) else ""


def _context(entry: Json) -> int:
    """The size that a model is set to, else the largest that it can have."""
    if usual := re.search(r"(?m)^num_ctx\s+(\d{1,9})\s*$", text(entry, "parameters")):
        return int(usual[1])
    facts = table(entry, "model_info")
    return count(facts, f"{text(facts, 'general.architecture')}.context_length")


def _traits(name: str, entry: Json) -> tuple[Trait, ...]:
    """Traits, by Ollama's own words for them; what only embeds shows by its name or its family."""
    told = entry.get("capabilities")
    if isinstance(told, list):
        return tuple(trait for trait in get_args(Trait) if trait in told)
    embeds = "embed" in name or "bert" in text(table(entry, "details"), "family")
    return ("embedding",) if embeds else ()
