"""The contract of an image provider: the same shape as a chat provider's, on purpose."""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pluma_tui.core.images import ImageEvent, ImageRequest, ServerInfo
from pluma_tui.core.profile import AuthScheme, ImageProfile

if TYPE_CHECKING:
    import httpx


class ImageProvider(Protocol):
    """Talks to one image server."""

    @property
    def kind(self) -> str:
        """The registered name, as an image profile's `kind` says it."""

    @property
    def upstream(self) -> str:
        """The address it talks to, for people to read; never with a secret in it."""

    async def ping(self) -> ServerInfo:
        """Which program answers there. Raises `ProviderError`."""

    async def checkpoints(self) -> Sequence[str]:
        """The models it can draw with. Raises `ProviderError`."""

    def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """`Queued`, `Progress` and `Preview`, then one `Ready`; or a `ProviderError`."""


ImageProviderFactory = Callable[[ImageProfile, "httpx.AsyncClient"], ImageProvider]


@dataclass(frozen=True)
class ImageProviderPlugin:
    """An image provider as the registry holds it; the fields as those of `ProviderPlugin`."""

    name: str
    label: str
    factory: ImageProviderFactory
    default_base_url: str = ""
    default_path: str = ""
    auth: AuthScheme = field(default_factory=AuthScheme)
    options: dict[str, str] = field(default_factory=dict)
