"""OpenAI's Responses API, also as llama.cpp, LM Studio, Ollama and vLLM speak it: ``POST responses``."""

from collections.abc import AsyncGenerator
from functools import partial

from pluma_tui.core.chat import ChatRequest
from pluma_tui.core.events import ChatEvent
from pluma_tui.providers.asking import asked
from pluma_tui.providers.base import Json, ProviderPlugin
from pluma_tui.providers.openai import OpenAI
from pluma_tui.providers.openai_flavours import adapted
from pluma_tui.providers.responses_request import DIALECT, SAMPLING, body
from pluma_tui.providers.responses_stream import ResponseReader
from pluma_tui.providers.sampling import ignored


class Responses(OpenAI):
    """Talks to one server; its models are listed as they are for the other API."""

    id = DIALECT

    def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Answer: deltas, then exactly one `Finished`. Raises ProviderError, ConfigError."""
        wanted = body(request, {**self._profile.options, **request.options}, self.upstream)
        notices, tried = ignored(request.sampling, SAMPLING, self.upstream), set[str]()

        def adapt(wanted: Json, words: str) -> list[str] | None:
            return _unkept(wanted, words) or adapted(wanted, words, {*map(str, SAMPLING.values())}, tried)

        reader = partial(ResponseReader, self.upstream)
        return asked(self._client, self._profile, "responses", wanted, reader, adapt, notices)


def _unkept(wanted: Json, words: str) -> list[str] | None:
    """Leave out thinking that is encrypted, for a model that has none or another account's; None: not it."""
    if "include" not in wanted or "encrypted" not in words.lower():
        return None
    del wanted["include"]
    wanted["input"] = [item for item in wanted["input"] if item.get("type") != "reasoning"]
    return ["encrypted thinking"]


PLUGIN = ProviderPlugin(
    name=DIALECT,
    label="OpenAI Responses",
    factory=Responses,
    default_base_url="https://api.openai.com/v1",
    default_path="/v1",
    options={
        "reasoning_effort": "how long to think: minimal, low, medium, high, or what the server knows",
        "reasoning_summary": "how the thinking is summed up for you: auto, concise or detailed",
        "reasoning": "both of these, and what else the server knows of them, as a table",
        "store": "true lets the server keep the conversation",
        "tools": 'tools that the server has itself, such as [{ type = "web_search" }]',
        "text": 'the form of the answer, such as { verbosity = "low" }',
        "stream": "false asks for the whole answer at once; stopping it does not stop the server",
    },
)
