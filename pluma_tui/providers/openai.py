"""OpenAI's Chat Completions, as most servers speak it: llama.cpp, LM Studio, vLLM, hosted ones.

``POST chat/completions`` with server-sent events, ``GET models``.
Field by field: https://platform.openai.com/docs/api-reference/chat
"""

from collections.abc import AsyncGenerator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from pluma_tui.core.chat import ChatRequest
from pluma_tui.core.errors import Refused
from pluma_tui.core.events import ChatEvent
from pluma_tui.core.models import ModelInfo
from pluma_tui.core.profile import ConnectionProfile
from pluma_tui.providers.asking import asked
from pluma_tui.providers.base import Json, ProviderPlugin
from pluma_tui.providers.openai_flavours import FLAVOURS, adapted, flavour
from pluma_tui.providers.openai_models import read_models
from pluma_tui.providers.openai_request import NAMES, SAMPLING, body
from pluma_tui.providers.openai_stream import ChunkReader
from pluma_tui.providers.sampling import ignored
from pluma_tui.transport.address import upstream
from pluma_tui.transport.exchange import get_json

if TYPE_CHECKING:
    import httpx


class OpenAI:
    """Talks to one server in the OpenAI shape."""

    id = "openai"

    def __init__(self, profile: ConnectionProfile, client: "httpx.AsyncClient") -> None:
        self._profile = profile
        self._client = client
        self._flavour = flavour(profile.options, client.base_url.host)
        self.upstream = upstream(client.base_url)

    def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Answer: deltas, then exactly one `Finished`. Raises ProviderError.

        A setting that this server refuses is left out, or said by its other name, in a second try.
        """
        host = self._client.base_url.host
        ways = flavour(request.options, host) if "flavour" in request.options else self._flavour
        plain = body(request, {**self._profile.options, **request.options}, system=ways.system)
        known = {ours: names for ours, names in SAMPLING.items() if ways.knows(names)}
        notices = ignored(request.sampling, known, self.upstream)
        wanted, adapt = ways.said(plain), partial(adapted, settings=NAMES, tried=set())
        return asked(self._client, self._profile, "chat/completions", wanted, self._reader, adapt, notices)

    async def models(self) -> Sequence[ModelInfo]:
        """What the server offers, in its own order. Raises ProviderError."""
        try:
            return read_models(await self._list(self._flavour.models))
        except Refused:
            if self._flavour.models == "models":
                raise
            return read_models(await self._list("models"))

    async def _list(self, route: str) -> Json:
        url = self._client.base_url.join(route) if route.startswith("/") else route
        document: Json = await get_json(self._client, str(url), timeout=self._profile.timeout)
        return document

    def _reader(self) -> ChunkReader:
        """What reads one answer; a server of this family that says more has its own."""
        return ChunkReader()


PLUGIN = ProviderPlugin(
    name="openai",
    label="OpenAI Chat Completions, and whatever speaks it",
    factory=OpenAI,
    default_base_url="https://api.openai.com/v1",
    default_path="/v1",
    options={
        "flavour": f"the server's ways, where they are not seen from its address: {', '.join(FLAVOURS)}",
        "chat_template_kwargs": "values for the model's chat template, such as { enable_thinking = false }",
        "reasoning_effort": "how long to think: low, medium, high, or what the server knows",
        "response_format": 'the form of the answer, such as { type = "json_object" }',
        "logit_bias": "tokens to be made likelier or less likely",
        "tool_choice": "which tool must or may be called",
        "parallel_tool_calls": "whether several tools may be called at once",
        "service_tier": "which of a host's tiers is to answer",
        "verbosity": "how wordy the answer is to be",
        "user": "a name for you in the host's records",
        "stream": "false asks for the whole answer at once; stopping it does not stop the server",
    },
)
