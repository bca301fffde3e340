"""Google's Gemini API: ``POST models/{model}:streamGenerateContent?alt=sse``. https://ai.google.dev/api"""

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from pluma_tui.core.chat import ChatRequest
from pluma_tui.core.errors import ConfigError
from pluma_tui.core.events import ChatEvent
from pluma_tui.core.models import ModelInfo
from pluma_tui.core.profile import AuthScheme, ConnectionProfile
from pluma_tui.providers.asking import asked
from pluma_tui.providers.base import Json, ProviderPlugin
from pluma_tui.providers.gemini_request import DIALECT, SAMPLING, body
from pluma_tui.providers.gemini_stream import GeminiReader
from pluma_tui.providers.reading import count, entries, text
from pluma_tui.providers.sampling import ignored
from pluma_tui.transport.address import upstream
from pluma_tui.transport.exchange import get_json

if TYPE_CHECKING:
    import httpx


class Gemini:
    """Talks to Google, or to what speaks its API."""

    id = DIALECT

    def __init__(self, profile: ConnectionProfile, client: "httpx.AsyncClient") -> None:
        self._profile = profile
        self._client = client
        self.upstream = upstream(client.base_url)

    def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Answer: deltas, then exactly one `Finished`. Raises ProviderError, ConfigError."""
        url = f"{_path(request.model)}:streamGenerateContent?alt=sse"
        notices = ignored(request.sampling, SAMPLING, "Gemini")
        return asked(self._client, self._profile, url, self._body(request), GeminiReader, _adapted, notices)

    async def models(self) -> Sequence[ModelInfo]:
        """The models that can answer. Raises ProviderError."""
        found: list[ModelInfo] = []
        url = "models?pageSize=1000"
        for _ in range(50):  # pages; more models than that nobody has
            page = await get_json(self._client, url, timeout=self._profile.timeout)
            found += [_model(entry) for entry in entries(page, "models") if _answers(entry)]
            if not isinstance(page, dict) or not text(page, "nextPageToken"):
                break
            url = f"models?pageSize=1000&pageToken={quote(text(page, 'nextPageToken'), safe='')}"
        return found

    async def count(self, request: ChatRequest) -> int:
        """How many tokens `request` puts into the context. Raises ProviderError, ConfigError."""
        url = f"{_path(request.model)}:countTokens"
        question = {"model": _path(request.model), **self._body(request), "generationConfig": {}}
        whole, timeout = {"generateContentRequest": question}, self._profile.timeout
        document = await get_json(self._client, url, timeout=timeout, post=whole)
        return count(document, "totalTokens") if isinstance(document, dict) else 0

    def _body(self, request: ChatRequest) -> Json:
        return body(request, {**self._profile.options, **request.options})


def _path(model: str) -> str:
    """Where a model is: "gemini-x" and "models/gemini-x" mean the same. Raises ConfigError for none."""
    if not model:
        raise ConfigError("no model is chosen: `pluma models` lists what there is", key="model")
    return quote(model if "/" in model else f"models/{model}")


def _adapted(wanted: Json, words: str) -> list[str] | None:
    """Without thoughts, which nobody asked for, where a model has none; None: that is not the reason."""
    settings = wanted["generationConfig"]
    if "thinking" not in words.lower() or settings.get("thinkingConfig") != {"includeThoughts": True}:
        return None
    del settings["thinkingConfig"]
    return []


def _answers(entry: Json) -> bool:
    return bool(text(entry, "name")) and "generateContent" in str(
        entry.get("supportedGenerationMethods", "generateContent")
    )


def _model(entry: Json) -> ModelInfo:
    name, label = text(entry, "name").removeprefix("models/"), text(entry, "displayName")
    limit, output = count(entry, "inputTokenLimit"), count(entry, "outputTokenLimit")
    return ModelInfo(name, label, limit, ("thinking",) if entry.get("thinking") is True else (), output)


PLUGIN = ProviderPlugin(
    name=DIALECT,
    label="Google Gemini",
    factory=Gemini,
    default_base_url="https://generativelanguage.googleapis.com",
    default_path="/v1beta",
    needs_secret=True,
    auth=AuthScheme("x-goog-api-key", ""),
    options={
        "thinking": 'false for none, a number of tokens, a level such as "low", or a table (thinkingConfig)',
        "safetySettings": 'what is blocked: [{ category = "HARM_CATEGORY_...", threshold = "BLOCK_NONE" }]',
        "tools": "tools that the server has itself, such as [{ google_search = {} }]",
        "generationConfig": 'what else it knows, such as { responseMimeType = "application/json" }',
    },
)
