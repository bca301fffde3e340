"""KoboldCpp, by its own API: https://lite.koboldai.net/koboldcpp_api

A question goes to its chat route, and KoboldCpp applies the template that it has chosen for the model, as who
starts it with a file alone expects. With ``options.template``, a name or a table, the prompt is made here and
goes to ``api/extra/generate/stream``, which knows no tools. Stopping says so to the server, by a key.
"""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pluma_tui.core.chat import ChatRequest, Usage
from pluma_tui.core.errors import ProviderError, Refused, Unreachable
from pluma_tui.core.events import ChatEvent, Finished, Notice, UsageUpdate
from pluma_tui.core.models import ModelInfo, Trait
from pluma_tui.core.profile import ConnectionProfile
from pluma_tui.providers import llamacpp
from pluma_tui.providers.base import Json, ProviderPlugin
from pluma_tui.providers.koboldcpp_request import SAMPLING, TEMPLATES, prompt, question, template
from pluma_tui.providers.openai_stream import ChunkReader
from pluma_tui.providers.parts import words
from pluma_tui.providers.reading import count, events, number, text
from pluma_tui.providers.sampling import ignored
from pluma_tui.transport.address import upstream
from pluma_tui.transport.exchange import get_json
from pluma_tui.transport.stream import ask

if TYPE_CHECKING:
    import httpx

_SOON = 1.0  # seconds for what is asked beside an answer: it must not hold one up
_CONTEXT = "api/extra/true_max_context_length"
_FITS = 4000  # bytes of a conversation that any usual context holds


class KoboldCpp:
    """Talks to one KoboldCpp."""

    id = "koboldcpp"

    def __init__(self, profile: ConnectionProfile, client: "httpx.AsyncClient") -> None:
        self._profile = profile
        self._client = client
        self.upstream = upstream(client.base_url)
        self._root = str(client.base_url).rstrip("/").removesuffix("/v1").removesuffix("/api")

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Answer: deltas, then exactly one `Finished`. Raises ProviderError; ConfigError for a template."""
        route, wanted = question(request, {**self._profile.options, **request.options})
        for notice in ignored(request.sampling, SAMPLING, self.upstream):
            yield notice
        if request.tools and "prompt" in wanted:
            yield Notice("a prompt by options.template has no room for tools")
        with suppress(ProviderError):
            if await self._too_long(request):
                yield Notice("KoboldCpp cuts the beginning: the conversation is longer than its context")
        async with aclosing(self._answer(route, wanted)) as said:
            async for event in said:
                yield event

    async def models(self) -> Sequence[ModelInfo]:
        """The model that it was started with, if it has one for text. Raises ProviderError."""
        name = text(await self._ask("api/v1/model"), "result")
        if name in ("", "inactive"):
            return []
        about = await self._ask("api/extra/version")
        label = f"KoboldCpp {text(about, 'version')}"
        traits: tuple[Trait, ...] = ("vision",) if about.get("vision") is True else ()
        context = count(await self._ask(_CONTEXT), "value")
        return [ModelInfo(name, label, context=context, traits=traits, loaded=True)]

    async def count(self, request: ChatRequest) -> int:
        """The tokens of `request` by `options.template`; else nearly, as by ChatML. Raises ProviderError."""
        form = template({**self._profile.options, **request.options}) or TEMPLATES["chatml"]
        return count(await self._ask("api/extra/tokencount", {"prompt": prompt(request, form)}), "value")

    async def _too_long(self, request: ChatRequest) -> bool:
        wanted = request.sampling.context_size
        if not wanted and sum(len(words(message).encode()) for message in request.messages) < _FITS:
            return False
        context = count(await self._ask(_CONTEXT), "value")
        room = min(context, wanted or context) - (request.sampling.max_tokens or 0)
        return context > 0 and await self.count(request) > room

    async def _answer(self, route: str, wanted: Json) -> AsyncGenerator[ChatEvent, None]:
        first, between = self._profile.first_event_timeout, self._profile.timeout
        reader = TokenReader()
        try:
            async with (
                ask(self._client, f"{self._root}/{route}", wanted, first=first, between=between) as answer,
                aclosing(events(answer, reader)) as said,
            ):
                async for event in said:
                    if isinstance(event, Finished):
                        with suppress(ProviderError):
                            perf = await self._ask("api/extra/perf", limit=_SOON)
                            yield UsageUpdate(reader.measured(perf))
                            if event.ending == "length" and perf.get("stop_reason") == 2:  # a stop sequence
                                event = Finished("complete")
                    yield event
        except (Refused, Unreachable):
            reader.ended = True  # nothing has begun
            raise
        finally:
            if not reader.ended:  # it would go on for nobody
                with suppress(ProviderError):
                    await self._ask("api/extra/abort", {"genkey": wanted["genkey"]}, limit=_SOON)

    async def _ask(self, route: str, post: Json | None = None, *, limit: float = 0) -> Json:
        url, limit = f"{self._root}/{route}", limit or self._profile.timeout
        document = await get_json(self._client, url, timeout=limit, post=post)
        return document if isinstance(document, dict) else {}


class TokenReader(ChunkReader):
    """Reads the chat route's chunks, and the native one's {"token": "...", "finish_reason": null}."""

    def read(self, document: Json) -> Iterator[ChatEvent]:
        """The events of one document."""
        if "token" in document:
            document = {"choices": [{**document, "delta": {"content": document["token"]}}]}
        yield from super().read(document)

    def measured(self, perf: Json) -> Usage:
        """What the server tells of its last answer, on top of what came with this one."""
        seconds = number(perf, "last_process_time", number(perf, "last_process"))
        read = count(perf, "last_input_count", self._usage.input)
        said = count(perf, "last_token_count", self._usage.output)
        rate = number(perf, "last_eval_speed")
        return replace(self._usage, input=read, output=said, rate=rate, first=seconds)


_SAME = [name for name in llamacpp.SAMPLERS if name.startswith(("mirostat", "dynatemp", "xtc", "dry"))]
PLUGIN = ProviderPlugin(
    name="koboldcpp",
    label="KoboldCpp",
    factory=KoboldCpp,
    default_base_url="http://localhost:5001",
    options={
        "template": f"another chat template than the model's: {', '.join(TEMPLATES)}, or a table",
        "grammar": "a grammar (GBNF) that the answer keeps to",
        "memory": "a text that stays at the very beginning, however long the conversation gets",
        **dict.fromkeys((*_SAME, "rep_pen_range", "banned_tokens"), "as KoboldCpp's API explains it"),
    },
)
