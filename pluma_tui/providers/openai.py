"""OpenAI's Chat Completions, as most servers speak it: llama.cpp, LM Studio, vLLM, hosted ones.

``POST chat/completions`` with server-sent events, ``GET models``.
Field by field: https://platform.openai.com/docs/api-reference/chat
"""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from pluma_tui.core.chat import ChatRequest
from pluma_tui.core.errors import Refused
from pluma_tui.core.events import ChatEvent
from pluma_tui.core.models import ModelInfo
from pluma_tui.core.profile import ConnectionProfile
from pluma_tui.providers.base import Json, ProviderPlugin
from pluma_tui.providers.openai_models import read_models
from pluma_tui.providers.openai_request import SAMPLING, body
from pluma_tui.providers.openai_stream import ChunkReader
from pluma_tui.providers.reading import events
from pluma_tui.providers.sampling import ignored
from pluma_tui.transport.address import upstream
from pluma_tui.transport.exchange import get_json
from pluma_tui.transport.stream import ask

if TYPE_CHECKING:
    import httpx

_UNKNOWN_FIELD = re.compile(
    r"unsupported|not supported|unrecognized|unknown|unexpected|not permitted|not allowed|extra|instead",
    re.IGNORECASE,
)
# What is refused by some server -> what to say instead; empty: leave it out.
_INSTEAD = {
    "max_tokens": "max_completion_tokens",
    "max_completion_tokens": "max_tokens",
    "stream_options": "",
}


class OpenAI:
    """Talks to one server in the OpenAI shape."""

    id = "openai"

    def __init__(self, profile: ConnectionProfile, client: "httpx.AsyncClient") -> None:
        self._profile = profile
        self._client = client
        self.upstream = upstream(client.base_url)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Answer: deltas, then exactly one `Finished`. Raises ProviderError.

        A field that this server's flavour of the shape refuses is left out, or said by its other name,
        in a second try.
        """
        wanted = body(request, {**self._profile.options, **request.options})
        tried: set[str] = set()
        for notice in ignored(request.sampling, SAMPLING, "this kind of server"):
            yield notice
        while True:
            try:
                async with aclosing(self._answer(wanted)) as said:
                    async for event in said:
                        yield event
                return
            except Refused as error:
                if error.status not in (400, 422) or not _adapt(wanted, error.message, tried):
                    raise

    async def models(self) -> Sequence[ModelInfo]:
        """What the server offers, in its own order. Raises ProviderError."""
        return read_models(await get_json(self._client, "models", timeout=self._profile.timeout))

    async def _answer(self, wanted: Json) -> AsyncGenerator[ChatEvent, None]:
        first, between = self._profile.first_event_timeout, self._profile.timeout
        async with (
            ask(self._client, "chat/completions", wanted, first=first, between=between) as answer,
            aclosing(events(answer, ChunkReader())) as said,
        ):
            async for event in said:
                yield event


def _adapt(wanted: Json, words: str, tried: set[str]) -> bool:
    """Change `wanted` so that a server that said `words` may take it; each change is made once."""
    if not _UNKNOWN_FIELD.search(words):
        return False
    for field, other in _INSTEAD.items():
        if field in wanted and field in words and field not in tried:
            tried |= {field, other}
            value = wanted.pop(field)
            if other:
                wanted[other] = value
            return True
    return False


PLUGIN = ProviderPlugin(
    name="openai",
    label="OpenAI Chat Completions, and whatever speaks it",
    factory=OpenAI,
    default_base_url="https://api.openai.com/v1",
    default_path="/v1",
    options={
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
