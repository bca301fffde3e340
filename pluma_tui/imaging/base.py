"""The contract of an image provider: the same shape as a chat provider's, on purpose."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from pluma_tui.core.images import ImageEvent, ImageRequest, ServerInfo
from pluma_tui.core.profile import AuthScheme, ImageProfile

if TYPE_CHECKING:
    import httpx

    from pluma_tui.imaging.workflow import Workflow


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
        """`Queued`, `Progress`, `Preview` and `Notice`, then one `Ready`; or a `ProviderError`.

        Closing the generator cancels this job on the server, queued or running, and no other one.
        A `JobFailed` holds the pictures that were finished before it; it may be raised for a generator that
        is closed, or whose task is cancelled, too, so that they are kept.
        """


@runtime_checkable
class ListsSamplers(Protocol):
    """A server that names its samplers and schedulers."""

    async def samplers(self) -> Sequence[str]:
        """As a request may name them. Raises `ProviderError`."""

    async def schedulers(self) -> Sequence[str]:
        """As a request may name them; empty where there are none. Raises `ProviderError`."""


@runtime_checkable
class ListsLoras(Protocol):
    """A server that names its adapters."""

    async def loras(self) -> Sequence[str]:
        """As a request may name them. Raises `ProviderError`."""


@runtime_checkable
class ListsUpscalers(Protocol):
    """A server that names its upscalers."""

    async def upscalers(self) -> Sequence[str]:
        """As `Hires.upscaler` may name them. Raises `ProviderError`."""


@runtime_checkable
class FreesMemory(Protocol):
    """A server that lets go of the graphics card on demand."""

    async def free(self) -> None:
        """Unload the models. Raises `ProviderError`."""


@runtime_checkable
class SkipsPicture(Protocol):
    """A server that can leave the picture at hand as it is, and go on with the next."""

    async def skip(self) -> None:
        """Skip what it draws now, whoever wants it; it comes half drawn. Raises `ProviderError`."""


@runtime_checkable
class RefreshesLists(Protocol):
    """A server that looks for new models when it is told to."""

    async def refresh(self) -> None:
        """Have it list what is on its disk now. Raises `ProviderError`."""


@runtime_checkable
class HasSettings(Protocol):
    """A server with settings of its own, which hold for everybody's jobs."""

    async def settings(self) -> Mapping[str, Any]:
        """All of them, by its own names. Raises `ProviderError`."""

    async def change_settings(self, changes: Mapping[str, Any]) -> None:
        """Change some of them, for as long as a checkpoint takes to load. Raises `ProviderError`."""


@runtime_checkable
class ChecksWorkflows(Protocol):
    """A server that runs workflows, and can be asked about one without running it."""

    async def check(self, workflow: "Workflow") -> Sequence[str]:
        """What it would refuse, in words, once the profile's values are put in. Raises ProviderError."""


ImageProviderFactory = Callable[[ImageProfile, "httpx.AsyncClient"], ImageProvider]


@dataclass(frozen=True)
class ImageProviderPlugin:
    """An image provider as the registry holds it; the fields as those of `ProviderPlugin`.

    `seeds`: its servers know seeds, so one is drawn for a request that has none.
    """

    name: str
    label: str
    factory: ImageProviderFactory
    default_base_url: str = ""
    default_path: str = ""
    auth: AuthScheme = field(default_factory=AuthScheme)
    options: dict[str, str] = field(default_factory=dict)
    seeds: bool = True
