"""Ollama's own API, where the client chooses the size of the context: under /v1 it cuts silently.

Field by field: https://docs.ollama.com/api; what it refuses, and in which words: its server/routes.go.
"""

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from functools import partial
from typing import Any

import httpx

from pluma_tui.core.chat import ChatRequest
from pluma_tui.core.errors import Refused
from pluma_tui.core.events import ChatEvent
from pluma_tui.core.models import ModelInfo, ModelProgress
from pluma_tui.core.profile import ConnectionProfile
from pluma_tui.providers.asking import asked
from pluma_tui.providers.base import Json, ProviderPlugin
from pluma_tui.providers.ollama_models import described, progress, read_models
from pluma_tui.providers.ollama_request import OPTIONS, body, settings
from pluma_tui.providers.ollama_stream import ChatReader
from pluma_tui.providers.reading import Reader, count, entries, parsed, text
from pluma_tui.transport.address import upstream
from pluma_tui.transport.exchange import get_json
from pluma_tui.transport.ndjson import lines
from pluma_tui.transport.stream import ask

_EVERY = 1.0  # seconds between two words about a model that is being loaded
_CANNOT_THINK = re.compile(r"does not support thinking|think value .* is not supported")
_HINTS = {
    r"model .* not found": "`pluma models` lists what is there, `pluma models pull {model}` fetches it.",
    r"file does not exist": "Look for its name at https://ollama.com/search",
    r"page not found": "Check base_url: this does not look like Ollama.",
    r"more system memory": "A smaller context_size takes less, and so does a smaller model.",
    r"^unauthorized": "A model in the cloud wants `ollama signin` on the server's machine, or an api_key.",
}


class Ollama:
    """Talks to one Ollama."""

    id = "ollama"

    def __init__(self, profile: ConnectionProfile, client: httpx.AsyncClient) -> None:
        self._profile = profile
        self._client = client
        # People copy the address of its other API, or of a route.
        self.upstream = re.sub(r"/(v1|api)$", "", upstream(client.base_url))

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Answer; a model that cannot think as it was asked to is asked again, without."""
        wanted = body(request, {**self._profile.options, **request.options})
        reader = partial(ChatReader, count(wanted["options"], "num_ctx"))
        url = f"{self.upstream}/api/chat"
        answer = asked(self._client, self._profile, url, wanted, reader, _unthinking, framing=lines)
        with _explained(request.model):
            async with aclosing(answer) as said:
                async for event in said:
                    yield event

    async def models(self) -> Sequence[ModelInfo]:
        """What the server has on its disk, and which of it is in memory. Raises ProviderError."""
        return read_models(*await self._lists())

    async def describe(self, model: str) -> ModelInfo:
        """All that it tells of `model`; empty: of the profile's, else of one in memory."""
        listed, running = await self._lists()
        name = model or self._profile.model or next((m.id for m in read_models(running, None)), "")
        return described(name, await self._fetch("show", {"model": name}), listed, running)

    async def load(self, model: str) -> AsyncGenerator[ModelProgress, None]:
        """Load it with the profile's settings; closing the generator gives that up. Raises ProviderError."""
        chosen = settings(self._profile.sampling, self._profile.options)
        wanted = {name: value for name, value in chosen.items() if name in ("keep_alive", "options")}
        wanted |= {"model": model, "stream": False}
        limit, began = self._profile.first_event_timeout, time.monotonic()
        loading = asyncio.ensure_future(self._fetch("generate", wanted, timeout=limit))
        try:
            while not loading.done():
                yield ModelProgress(f"Loading {model}, {time.monotonic() - began:.0f} s…")
                await asyncio.wait({loading}, timeout=_EVERY)
            loading.result()
        finally:
            loading.cancel()
            await asyncio.wait({loading})

    async def unload(self, model: str = "") -> None:
        """Let go of it, or of all that are in memory. Raises ProviderError."""
        for one in [{"name": model}] if model else entries(await self._fetch("ps"), "models"):
            await self._fetch("generate", {"model": text(one, "name"), "keep_alive": 0, "stream": False})

    async def pull(self, model: str) -> AsyncGenerator[ModelProgress, None]:
        """Fetch it; of one that is cancelled the server keeps what has come. Raises ProviderError."""
        layers: dict[str, tuple[int, int]] = {}
        patience = self._profile.first_event_timeout  # a large file is checked in silence, for minutes
        url, wanted = f"{self.upstream}/api/pull", {"model": model, "stream": True}
        with _explained(model):
            async with ask(
                self._client, url, wanted, first=patience, between=patience, framing=lines
            ) as answer:
                async for data in answer:
                    step = parsed(data, answer, Reader())
                    yield progress(step, layers)
                    if step.get("status") == "success":
                        return
                raise answer.broken()

    async def delete(self, model: str) -> None:
        """Delete it from the server's disk. Raises ProviderError."""
        await self._fetch("delete", {"model": model}, method="DELETE")

    async def _fetch(self, route: str, post: Json | None = None, **how: Any) -> Any:
        how = {"timeout": self._profile.timeout, "post": post} | how
        with _explained((post or {}).get("model", "")):
            return await get_json(self._client, f"{self.upstream}/api/{route}", **how)

    async def _lists(self) -> tuple[Any, Any]:
        listed = await self._fetch("tags")
        try:
            return listed, await self._fetch("ps")
        except Refused:  # a server of before May 2024, or one that only speaks as Ollama does
            return listed, None


def _unthinking(wanted: Json, words: str) -> list[str] | None:
    """Do not ask a model to think that cannot, or not as much as that."""
    if "think" not in wanted or not _CANNOT_THINK.search(words):
        return None
    return [f"think = {wanted.pop('think')}"]


@contextmanager
def _explained(model: str) -> Iterator[None]:
    """Say of a refusal what helps with this server."""
    try:
        yield
    except Refused as error:
        found = (hint for words, hint in _HINTS.items() if re.search(words, error.message))
        error.hint = next(found, error.hint).replace("{model}", model)
        raise


PLUGIN = ProviderPlugin(
    "ollama", "Ollama, by its own API", Ollama, default_base_url="http://127.0.0.1:11434", options=OPTIONS
)
