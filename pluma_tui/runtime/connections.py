"""Profiles, the active one, and the boot-time fallback: who a conversation talks to."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar, Union

from pluma_tui.config.problems import did_you_mean
from pluma_tui.core.errors import ConfigError
from pluma_tui.core.profile import AuthScheme, Connection, ConnectionProfile, ImageProfile
from pluma_tui.imaging import registry as image_kinds
from pluma_tui.providers import registry as chat_kinds
from pluma_tui.secrets.base import sign_ins

if TYPE_CHECKING:
    import httpx

    from pluma_tui.imaging.base import ImageProvider, ImageProviderPlugin
    from pluma_tui.providers.base import Provider, ProviderPlugin
    from pluma_tui.transport.auth import FetchSecret
    from pluma_tui.transport.http import ClientPool
    from pluma_tui.transport.ssh_line import Lend

P = TypeVar("P", bound=Connection)
Plugin = Union["ProviderPlugin", "ImageProviderPlugin"]


class Clients:
    """The one pool of HTTP connections, made when the first request is.

    `lend` lends the terminal to an ssh that may ask on it.
    """

    def __init__(self, fetch: "FetchSecret", lend: "Lend | None" = None) -> None:
        self.fetch = fetch
        self._lend = lend
        self._pool: ClientPool | None = None

    def pool(self) -> "ClientPool":
        """The pool; the HTTP library is loaded here and not before."""
        if self._pool is None:
            from pluma_tui.transport.http import ClientPool

            self._pool = ClientPool(lend=self._lend)
        return self._pool

    async def aclose(self) -> None:
        """Close all connections."""
        if self._pool is not None:
            await self._pool.aclose()


class Profiles(Generic[P]):
    """The profiles of one kind, which of them is active, and the fallback that exists for this run."""

    def __init__(
        self,
        profiles: Mapping[str, P],
        active: str = "",
        fallback: P | None = None,
        *,
        clients: Clients,
        broken: Callable[[str], ConfigError | None] = lambda name: None,
    ) -> None:
        """`broken` says what is wrong with a profile that could not be read, "" meaning any of them."""
        self._clients = clients
        self._to_close: dict[str, Callable[[], Awaitable[None]]] = {}
        self._broken = broken
        self._of_run = {} if fallback is None else {fallback.name: fallback}
        self._chosen = "" if fallback is None else fallback.name
        self.replace(profiles, active)

    def replace(self, profiles: Mapping[str, P], active: str = "") -> None:
        """The profiles of the file, and which of them it names. What was chosen for this run stays so."""
        self._of_file = dict(profiles)
        self._named = active or next(iter(profiles), "")

    def names(self) -> list[str]:
        """All profile names, in the order of the file."""
        return list(self._all())

    def active(self) -> P | None:
        """The profile a new conversation begins with; None with nothing configured."""
        return self._all().get(self._active())

    def add(self, profile: P) -> None:
        """Add a profile for this run; it becomes the active one if there is none."""
        self._of_run[profile.name] = profile
        if self.active() is None:
            self._chosen = profile.name

    def use(self, profile: str) -> None:
        """Make `profile` the active one for this run. Raises ConfigError if there is none of that name."""
        self._chosen = self.profile(profile).name

    def profile(self, name: str | None = None) -> P:
        """The profile of that name, or the active one. Raises ConfigError."""
        wanted = name or self._active()
        known = self._all()
        if wanted in known:
            return known[wanted]
        if (error := self._broken(wanted)) is not None:
            raise error
        if wanted:
            hint = did_you_mean(wanted, known) or (
                f"Defined: {', '.join(known)}." if known else "None is defined yet."
            )
            raise ConfigError(f'no profile is called "{wanted}"', hint=hint)
        raise self._nothing()

    def _all(self) -> dict[str, P]:
        return {**self._of_file, **self._of_run}

    def _active(self) -> str:
        return self._chosen if self._chosen in self._all() else self._named

    def _nothing(self) -> ConfigError:
        raise NotImplementedError

    def _client(self, profile: P, plugin: "Plugin") -> "httpx.AsyncClient":
        # A token of a sign-in is sent as RFC 6750 says, whatever a dialect does with its keys.
        signs_in = profile.api_key is not None and profile.api_key.kind in sign_ins.names()
        auth = AuthScheme() if signs_in else plugin.auth
        return self._clients.pool().client(
            profile,
            secret=self._clients.fetch,
            default_base_url=plugin.default_base_url,
            default_path=plugin.default_path,
            auth_header=auth.header,
            auth_prefix=auth.prefix,
            basic=profile.auth if isinstance(profile, ImageProfile) else None,
        )


class ConnectionManager(Profiles[ConnectionProfile]):
    """Chat profiles, and providers made from them."""

    def provider(self, profile: str | None = None) -> "Provider":
        """A provider for that profile, or for the active one. Raises ConfigError, UnknownPlugin."""
        chosen = self.profile(profile)
        plugin = chat_kinds.load(chosen.compat)
        if plugin.close is not None:
            self._to_close[chosen.compat] = plugin.close
        return plugin.factory(chosen, self._client(chosen, plugin))

    async def aclose(self) -> None:
        """End what providers keep running of their own."""
        while self._to_close:
            await self._to_close.popitem()[1]()

    def _nothing(self) -> ConfigError:
        return ConfigError(
            "no chat server is configured",
            hint="Name one (pluma --base-url http://127.0.0.1:11434), put a profile into the config file, "
            "or get a small model that runs on this machine: pluma local install",
        )


class ImageConnectionManager(Profiles[ImageProfile]):
    """Image profiles, and providers made from them."""

    def provider(self, profile: str | None = None) -> "ImageProvider":
        """A provider for that profile, or for the active one. Raises ConfigError, UnknownPlugin."""
        chosen = self.profile(profile)
        plugin = image_kinds.load(chosen.kind)
        return plugin.factory(chosen, self._client(chosen, plugin))

    def _nothing(self) -> ConfigError:
        return ConfigError(
            "no image server is configured",
            hint="Add one: pluma profile add box --kind a1111 --base-url http://127.0.0.1:7860, or with "
            "--kind comfy --base-url http://127.0.0.1:8188. pluma providers lists the kinds.",
        )
