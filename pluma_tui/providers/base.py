"""The contract of a chat provider: all that the author of one needs to read.

A provider wraps one HTTP client and speaks one wire dialect. It is cheap to make and keeps no state
between calls. To add one: write a file beside this one, add its line to the table in
`pluma_tui/providers/__init__.py`.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from pluma_tui.core.chat import ChatRequest
from pluma_tui.core.events import ChatEvent
from pluma_tui.core.models import ModelInfo, ModelProgress
from pluma_tui.core.profile import AuthScheme, ConnectionProfile

if TYPE_CHECKING:
    import httpx


class Provider(Protocol):
    """Talks to one chat server."""

    @property
    def id(self) -> str:
        """The registered name, as a profile's `compat` says it."""

    @property
    def upstream(self) -> str:
        """The address it talks to, for people to read; never with a secret in it."""

    def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Answer: deltas, then exactly one `Finished`; or raise a `ProviderError`, never another exception.

        Closing the generator closes the connection, which is how an answer is stopped.
        """

    async def models(self) -> Sequence[ModelInfo]:
        """What the server offers. Raises `ProviderError`."""


@runtime_checkable
class CountsTokens(Protocol):
    """A server that counts tokens as its model does."""

    async def count(self, request: ChatRequest) -> int:
        """How many tokens `request` puts into the context, template and all. Raises `ProviderError`."""


@runtime_checkable
class DescribesModels(Protocol):
    """A server that knows more of one model than it says in its list."""

    async def describe(self, model: str) -> ModelInfo:
        """All that it tells of `model`, empty for the one in use. Raises `ProviderError`."""


@runtime_checkable
class LoadsModels(Protocol):
    """A server that takes models into memory, and lets go of them, on demand."""

    def load(self, model: str) -> AsyncGenerator[ModelProgress, None]:
        """Load it; it is in memory when the generator ends. Raises `ProviderError`."""

    async def unload(self, model: str = "") -> None:
        """Let go of it, or of all where none is named. Raises `ProviderError`."""


@runtime_checkable
class PullsModels(Protocol):
    """A server that fetches models from a library, and deletes them."""

    def pull(self, model: str) -> AsyncGenerator[ModelProgress, None]:
        """Fetch it; closing the generator cancels that. Raises `ProviderError`."""

    async def delete(self, model: str) -> None:
        """Delete it from the server's disk. Raises `ProviderError`."""


# `client` is an httpx.AsyncClient whose base_url, headers and time limits are those of the profile and
# which adds the key itself, fetched when a request is made: a provider never sees a secret.
ProviderFactory = Callable[[ConnectionProfile, "httpx.AsyncClient"], Provider]


@dataclass(frozen=True)
class ProviderPlugin:
    """A provider as the registry holds it.

    `default_base_url` is what a profile without one gets; `default_path` is added to a base URL that
    has no path. `options` maps the option names that only this provider knows to a line of help.
    """

    name: str
    label: str
    factory: ProviderFactory
    default_base_url: str = ""
    default_path: str = ""
    needs_secret: bool = False
    auth: AuthScheme = field(default_factory=AuthScheme)
    options: dict[str, str] = field(default_factory=dict)
    close: Callable[[], Awaitable[None]] | None = None  # ends what the provider keeps (a server, say)


Json = dict[str, Any]
