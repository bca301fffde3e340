"""llama.cpp's own server: Chat Completions as in `openai`, and beside ``/v1`` what only this server has.

Field by field: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
The size of the context comes with the models: no question has to ask for it.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from msgspec.structs import replace

from pluma_tui.core.chat import ChatRequest
from pluma_tui.core.errors import NotFound, ProviderError
from pluma_tui.core.events import ChatEvent, Notice
from pluma_tui.core.models import ModelInfo, ModelProgress
from pluma_tui.core.profile import ConnectionProfile
from pluma_tui.providers import openai
from pluma_tui.providers.base import Json, ProviderPlugin
from pluma_tui.providers.openai_flavours import Flavour
from pluma_tui.providers.openai_request import body
from pluma_tui.providers.openai_stream import ChunkReader
from pluma_tui.providers.reading import count, entries, table, text
from pluma_tui.transport.exchange import get_json

if TYPE_CHECKING:
    import httpx

_FIXED = "llama.cpp's server has had its context since it started (-c): context_size is not used"
_LOOK = 0.5  # seconds between two looks at a model that is being loaded
_EVERY = 1000  # milliseconds between two words about the prompt


class LlamaCpp(openai.OpenAI):
    """Talks to one llama.cpp server, of one model or, as a router, of several."""

    id = "llamacpp"

    def __init__(self, profile: ConnectionProfile, client: "httpx.AsyncClient") -> None:
        super().__init__(profile, client)
        self._flavour = Flavour(names={"repetition_penalty": ""}, adds={"return_progress": True})
        self._root = str(client.base_url).rstrip("/").removesuffix("/v1")

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Answer: how far the prompt has been read, deltas, then one `Finished`. Raises ProviderError."""
        if request.sampling.context_size is not None:
            yield Notice(_FIXED)
            request = replace(request, sampling=replace(request.sampling, context_size=None))
        async with aclosing(super().stream(request)) as said:
            async for event in said:
                yield event

    async def describe(self, model: str) -> ModelInfo:
        """What the server tells of `model`, loading nothing. A server of one goes by any name.

        Raises ProviderError.
        """
        found = await self.models()
        fits = [info for info in found if (info.id == model if model else info.loaded)]
        if not fits and len(found) != 1:
            raise NotFound(f"{self.upstream} has no model {model}" if model else "no model is loaded")
        info = (fits or list(found))[0]
        if info.loaded is False:  # to ask for more would load it
            return info
        query = urlencode({"model": info.id, "autoload": "false"})
        props = await self._native(f"props?{query}")
        slots = await self._native(f"slots?{query}") if props.get("endpoint_slots") is True else {}
        return _described(info, props, slots)

    async def count(self, request: ChatRequest) -> int:
        """How many tokens `request` puts into the context, template, tools and all. Raises ProviderError."""
        asked = self._flavour.said(body(request, {**self._profile.options, **request.options}))
        try:
            return count(await self._native("v1/chat/completions/input_tokens", asked), "input_tokens")
        except NotFound:  # an older build
            prompt = text(await self._native("apply-template", asked), "prompt")
        asked = {"content": prompt, "add_special": True, "parse_special": True}
        tokens = (await self._native("tokenize", asked)).get("tokens")
        return len(tokens) if isinstance(tokens, list) else 0

    async def load(self, model: str) -> AsyncGenerator[ModelProgress, None]:
        """Have a router load `model`, and wait for that. Raises ProviderError, also for a server of one."""
        if (await self._states()).get(model) not in ("loaded", "loading", "sleeping"):
            await self._native("models/load", {"model": model})
        while (now := (await self._states()).get(model, "")) in ("loading", "downloading"):
            yield ModelProgress(f"{now} {model}")
            await asyncio.sleep(_LOOK)
        if now not in ("loaded", "sleeping"):
            raise ProviderError(f"{self.upstream} could not load {model}", hint="The server's log says why.")

    async def unload(self, model: str = "") -> None:
        """Have a router let go of `model`, or of all that it holds. Raises ProviderError."""
        held = [name for name, state in (await self._states()).items() if state != "unloaded"]
        for name in [model] if model else held:
            await self._native("models/unload", {"model": name})

    async def _states(self) -> dict[str, str]:
        """The state of each of a router's models. Raises ProviderError where the server is none."""
        listed = entries(await self._native("models"), "data")
        if not any("status" in entry for entry in listed):
            hint = "llama-server that is started without -m is a router: it loads and unloads models."
            raise ProviderError(f"{self.upstream} holds the one model it was started with", hint=hint)
        return {text(entry, "id"): text(table(entry, "status"), "value") for entry in listed}

    async def _native(self, route: str, post: Json | None = None) -> Json:
        url = f"{self._root}/{route}"
        document = await get_json(self._client, url, timeout=self._profile.timeout, post=post)
        return document if isinstance(document, dict) else {"data": document}

    def _reader(self) -> ChunkReader:
        return ProgressReader()


class ProgressReader(ChunkReader):
    """Tells, too, how far a long prompt has been read: ``prompt_progress`` {total, processed, time_ms}."""

    def __init__(self) -> None:
        super().__init__()
        self._told = 0  # milliseconds of the server's clock

    def read(self, document: Json) -> Iterator[ChatEvent]:
        """The events of one chunk."""
        if "prompt_progress" in document:
            progress = table(document, "prompt_progress")
            time, done, total = (count(progress, name) for name in ("time_ms", "processed", "total"))
            if time >= self._told + _EVERY and done < total:
                self._told = time
                yield Notice(f"Reading the prompt: {100 * done // total}%")
        yield from super().read(document)


def _described(model: ModelInfo, props: Json, slots: Json) -> ModelInfo:
    """`model` with what ``GET props`` and ``GET slots`` tell of it."""
    can, knows = table(props, "modalities"), table(props, "chat_template_caps")
    told = {
        "vision": can.get("vision"),
        "audio": can.get("audio"),
        "tools": knows.get("supports_tools"),
        "thinking": "<think" in text(props, "chat_template"),
    }
    busy = sum(slot.get("is_processing") is True for slot in entries(slots, "data"))
    words = (model.label, f"llama.cpp {text(props, 'build_info')}", f"{busy} slots busy" if busy else "")
    return replace(
        model,
        label=", ".join(filter(None, words)),
        context=count(table(props, "default_generation_settings"), "n_ctx") or model.context,
        traits=tuple(dict.fromkeys([*model.traits, *(name for name, has in told.items() if has is True)])),
        loaded=props.get("is_sleeping") is not True,
    )


_OF_THE_SHAPE = (
    "chat_template_kwargs",
    "response_format",
    "logit_bias",
    "tool_choice",
    "parallel_tool_calls",
)
SAMPLERS = (
    "mirostat", "mirostat_tau", "mirostat_eta", "dynatemp_range", "dynatemp_exponent", "top_n_sigma",
    "xtc_probability", "xtc_threshold", "dry_multiplier", "dry_base", "dry_allowed_length",
    "dry_penalty_last_n", "dry_sequence_breakers", "repeat_last_n", "samplers", "ignore_eos",
)  # fmt: skip
PLUGIN = ProviderPlugin(
    name="llamacpp",
    label="llama.cpp's server (llama-server)",
    factory=LlamaCpp,
    default_base_url="http://localhost:8080",
    default_path="/v1",
    options={
        **{name: openai.PLUGIN.options[name] for name in _OF_THE_SHAPE},
        "json_schema": "a JSON Schema that the answer keeps to",
        "grammar": "a grammar (GBNF) that the answer keeps to",
        "cache_prompt": "false reads the whole conversation anew",
        "n_probs": "how many likely tokens are told with each one",
        **dict.fromkeys(SAMPLERS, "a sampler's setting, as llama.cpp's README explains it"),
    },
)
