"""Anthropic's Messages API, which llama.cpp, Ollama, LM Studio and litellm speak too."""

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from pluma_tui.core.chat import ChatRequest
from pluma_tui.core.errors import BrokenStream
from pluma_tui.core.events import ChatEvent
from pluma_tui.core.models import ModelInfo
from pluma_tui.core.profile import AuthScheme, ConnectionProfile
from pluma_tui.providers.anthropic_request import DIALECT, SAMPLING, adapt, body
from pluma_tui.providers.anthropic_stream import EventReader
from pluma_tui.providers.asking import asked
from pluma_tui.providers.base import Json, ProviderPlugin
from pluma_tui.providers.openai_models import read_models
from pluma_tui.providers.reading import count, text
from pluma_tui.providers.sampling import ignored
from pluma_tui.transport.address import upstream
from pluma_tui.transport.exchange import get_json

if TYPE_CHECKING:
    import httpx

_COUNTED = ("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config")


class Anthropic:
    """Talks to one server in Anthropic's shape."""

    id = DIALECT

    def __init__(self, profile: ConnectionProfile, client: "httpx.AsyncClient") -> None:
        client.headers.setdefault("anthropic-version", "2023-06-01")
        self._profile = profile
        self._client = client
        self.upstream = upstream(client.base_url)

    def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Answer: deltas, then exactly one `Finished`. Raises ProviderError, ConfigError for an option."""
        wanted = body(request, self._options(request))
        notices = ignored(request.sampling, SAMPLING, "Anthropic's Messages API")
        return asked(self._client, self._profile, "messages", wanted, EventReader, adapt, notices)

    async def models(self) -> Sequence[ModelInfo]:
        """What the server offers, in its own order, all pages of it. Raises ProviderError."""
        found: dict[str, ModelInfo] = {}
        after = ""
        for _ in range(20):  # pages of a thousand: who has more is going round in a circle
            page = await get_json(self._client, f"models?limit=1000{after}", timeout=self._profile.timeout)
            found |= {model.id: model for model in read_models(page)}
            if not (isinstance(page, dict) and page.get("has_more") and text(page, "last_id")):
                break
            after = f"&after_id={quote(page['last_id'])}"
        return list(found.values())

    async def count(self, request: ChatRequest) -> int:
        """How many tokens `request` puts into the context. Raises ProviderError, ConfigError."""
        wanted = body(request, {**self._options(request), "cache": False})
        post = {name: wanted[name] for name in _COUNTED if name in wanted}
        said = await get_json(self._client, "messages/count_tokens", timeout=self._profile.timeout, post=post)
        if isinstance(said, dict) and "input_tokens" in said:
            return count(said, "input_tokens")
        raise BrokenStream(f"{self.upstream} sent no count of tokens")

    def _options(self, request: ChatRequest) -> Json:
        """The profile's and the request's, but for `beta`, which is a header of the client's own."""
        options = {**self._profile.options, **request.options}
        beta = options.pop("beta", None) or []
        if beta:
            self._client.headers["anthropic-beta"] = (
                beta if isinstance(beta, str) else ",".join(map(str, beta))
            )
        return options


PLUGIN = ProviderPlugin(
    name=DIALECT,
    label="Anthropic Messages, and whatever speaks it",
    factory=Anthropic,
    default_base_url="https://api.anthropic.com",
    default_path="/v1",
    needs_secret=True,
    auth=AuthScheme("x-api-key", ""),
    options={
        "thinking": 'how to think: "adaptive", true, false, a number of tokens, or a table as the API has it',
        "output_config": 'how much work to put in, such as { effort = "low" }, and the form of the answer',
        "cache": 'false asks for no prompt cache, "1h" for one that is kept for an hour',
        "replay": "false sends back no thinking of earlier answers, nor what the server's tools found",
        "beta": "features to be tried, by the names of anthropic-beta: a list, or one line with commas",
        "tools": "tools that run at the server, in the API's own form",
        "tool_choice": "which tool must or may be called",
        "stream": "false asks for the whole answer at once; stopping it does not stop the server",
    },
)
