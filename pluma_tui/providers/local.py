"""``compat = "local"``: models that run inside pluma, on llama.cpp's own server in a child process.

Everything but starting the child is left to the provider of llama.cpp's server.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pluma_tui import local
from pluma_tui.core.chat import ChatRequest
from pluma_tui.core.errors import (
    BrokenStream,
    ContextExceeded,
    Unreachable,
)
from pluma_tui.core.events import ChatEvent, Notice
from pluma_tui.core.models import ModelInfo
from pluma_tui.core.profile import ConnectionProfile, SecretRef
from pluma_tui.files import paths
from pluma_tui.local.models import size_text
from pluma_tui.local.server import LocalServer, Spec, close_servers, servers
from pluma_tui.local.starting import specified, started
from pluma_tui.providers import llamacpp
from pluma_tui.providers.base import ProviderPlugin
from pluma_tui.providers.llamacpp import LlamaCpp
from pluma_tui.transport.http import ClientPool

if TYPE_CHECKING:
    import httpx

CONTEXT = 8192
"""Tokens of context where the profile sets no `context_size`."""

_OWN = ("threads", "gpu_layers")


class Local:
    """Starts the server of a model when it is first asked, and passes its answers on."""

    id = "local"
    upstream = "embedded llama.cpp"

    def __init__(self, profile: ConnectionProfile, client: "httpx.AsyncClient") -> None:
        self._profile = profile  # `client` leads nowhere: the child's address and key are not known yet

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Answer: notices while the model is loaded, then what its server says.

        Raises ProviderError, and ConfigError where the extra or the model is missing.
        """
        async with servers().lease(self._spec(request)) as server:
            async with aclosing(self._start(server)) as notices:
                async for notice in notices:
                    yield notice
            async with self._child(server) as child, aclosing(child.stream(_passed(request))) as events:
                async for event in events:
                    yield event

    async def count(self, request: ChatRequest) -> int:
        """The tokens of `request`, template and all; its model is loaded for that. Raises as `stream`."""
        async with servers().lease(self._spec(request)) as server:
            async with aclosing(self._start(server)) as notices:
                _ = [notice async for notice in notices]
            async with self._child(server) as child:
                return await child.count(_passed(request))

    async def models(self) -> Sequence[ModelInfo]:
        """The library, the default model first. Starts nothing. Raises ConfigError."""
        found = local.installed(paths.data_dir())
        return [ModelInfo(model.name, f"{model.name}, {size_text(model.size)}") for model in found]

    def _spec(self, request: ChatRequest) -> Spec:
        options = {**self._profile.options, **request.options}
        context = request.sampling.context_size or self._profile.sampling.context_size or CONTEXT
        return specified(request.model or self._profile.model, context, options)

    async def _start(self, server: LocalServer) -> AsyncGenerator[Notice, None]:
        async with aclosing(started(server, self._profile.first_event_timeout)) as words:
            async for said in words:
                yield Notice(said)

    @asynccontextmanager
    async def _child(self, server: LocalServer) -> AsyncIterator[LlamaCpp]:
        key = SecretRef("literal", server.key)
        ours = {"base_url": f"{server.url}/v1", "api_key": key, "headers": {}, "proxy": "", "options": {}}
        profile = replace(self._profile, **ours)
        try:
            async with aclosing(ClientPool()) as pool:
                yield LlamaCpp(profile, pool.client(profile, secret=_literal))
        except ContextExceeded as error:
            now = f"{server.spec.context:,} tokens"
            error.hint = f"Begin a new conversation, or raise context_size in the profile (now {now})."
            raise
        except (Unreachable, BrokenStream) as error:
            if why := await server.last_words():
                raise BrokenStream(f"the embedded server of {server.spec.name} ended: {why}") from error
            raise


def _passed(request: ChatRequest) -> ChatRequest:
    """What the child is asked: it has its model and its context by now."""
    options = {name: value for name, value in request.options.items() if name not in _OWN}
    return replace(request, model="", sampling=replace(request.sampling, context_size=None), options=options)


async def _literal(secret: SecretRef, *, newer_than: float = 0.0) -> str:
    return str(secret.value)


PLUGIN = ProviderPlugin(
    name="local",
    label="Models that run inside pluma (llama.cpp)",
    factory=Local,
    default_base_url="http://localhost",
    options={
        "threads": "how many threads compute; unset: half of the processors",
        "gpu_layers": "how many layers go to the graphics card; unset: llama.cpp decides",
        **llamacpp.PLUGIN.options,
    },
    close=close_servers,
)
