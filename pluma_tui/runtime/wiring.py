"""Puts the parts together: the one place that knows them all, and what every face is given."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from pluma_tui import local
from pluma_tui.config.problems import Problem
from pluma_tui.config.read import Loaded
from pluma_tui.config.schema import Config
from pluma_tui.config.watched import Settings
from pluma_tui.core.chat import Conversation
from pluma_tui.core.errors import ConfigError
from pluma_tui.core.profile import Connection, ConnectionProfile, SecretRef
from pluma_tui.files import paths
from pluma_tui.runtime.connections import Clients, ConnectionManager, ImageConnectionManager
from pluma_tui.runtime.pictures import Pictures
from pluma_tui.runtime.turns import Turns
from pluma_tui.secrets.base import Secrets, key_of
from pluma_tui.storage.base import Store
from pluma_tui.storage.open import open_store

P = TypeVar("P", bound=Connection)
FALLBACK = "fallback"
EMBEDDED = "local"


@dataclass(frozen=True)
class Options:
    """What the command line says about this run; None or empty where it says nothing."""

    config: str | None = None
    data_dir: str | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    profile: str | None = None
    save: bool = True


@dataclass(frozen=True)
class Runtime:
    """What a face is given, and all that it is given.

    `named` is the profile that the command line asks for: it goes before the one a conversation keeps.
    `kept` is where conversations are; `store` is the same, or forgets all with this run.
    """

    settings: Settings
    data: Path
    named: str | None
    kept: Store
    store: Store
    secrets: Secrets
    clients: Clients
    connections: ConnectionManager
    images: ImageConnectionManager
    turns: Turns
    pictures: Pictures

    @property
    def loaded(self) -> Loaded:
        """The config file as it was read last, with its problems."""
        return self.settings.loaded

    @property
    def config(self) -> Config:
        """The settings in force."""
        return self.settings.config

    def refresh(self) -> tuple[Problem, ...] | None:
        """Take in what has changed in the config file, for the next turn; see `Settings.refresh`."""
        errors = self.settings.refresh()
        if errors == ():
            chat, images = self.config.chat, self.config.images
            self.connections.replace(_keyed(chat.profiles, self.data), chat.active)
            self.images.replace(_keyed(images.profiles, self.data), images.active)
            self.turns.system = chat.system
            self.pictures.settle(images.directory, images.template)
        return errors

    async def aclose(self) -> None:
        """Turns and pictures first, so that what they got is kept; then connections, then the store."""
        await self.turns.aclose()
        await self.pictures.aclose()
        await self.connections.aclose()
        await self.clients.aclose()
        await self.store.close()
        await self.kept.close()

    async def find(self, name: str) -> Conversation:
        """The stored conversation of that name, in `store` to be continued. Raises UnknownConversation."""
        found = await self.kept.find(name)
        if self.store is not self.kept:
            await self.store.insert(found, await self.kept.tree(found.id))
        return found


def open_runtime(options: Options, environ: Mapping[str, str] | None = None) -> Runtime:
    """Read the config and make the parts; opens no file and no connection yet. Raises ConfigError."""
    environ = os.environ if environ is None else environ
    settings = Settings(paths.config_file(options.config), environ)
    data = paths.data_dir(options.data_dir)
    loaded, config = settings.loaded, settings.config
    secrets = Secrets()
    clients = Clients(secrets.fetch, secrets.lend)
    connections = ConnectionManager(
        _keyed(config.chat.profiles, data),
        config.chat.active,
        boot_fallback(options, environ, loaded) or embedded(loaded, data),
        clients=clients,
        broken=lambda name: _told(settings.loaded, "chat", name),
    )
    named = FALLBACK if options.base_url else options.profile
    if named:
        connections.use(named)
    images = ImageConnectionManager(
        _keyed(config.images.profiles, data),
        config.images.active,
        clients=clients,
        broken=lambda name: _told(settings.loaded, "images", name),
    )
    kept = open_store(config.storage.url, data)
    store = kept if options.save else open_store("memory:", data)
    turns = Turns(store, connections, config.chat.system)
    pictures = Pictures(images, data, config.images.directory, config.images.template)
    return Runtime(settings, data, named, kept, store, secrets, clients, connections, images, turns, pictures)


def boot_fallback(options: Options, environ: Mapping[str, str], loaded: Loaded) -> ConnectionProfile | None:
    """The profile of `--base-url`, or with nothing configured that of the environment: for this run."""
    base_url = options.base_url or ("" if configured(loaded) else environ.get("PLUMA_BASE_URL", ""))
    if not base_url:
        return None
    variable = options.api_key_env or ("PLUMA_API_KEY" if environ.get("PLUMA_API_KEY") else "")
    return ConnectionProfile(
        name=FALLBACK,
        compat=environ.get("PLUMA_COMPAT") or "openai",
        base_url=base_url,
        model=environ.get("PLUMA_MODEL", ""),
        api_key=SecretRef("env", variable) if variable else None,
    )


def embedded(loaded: Loaded, data: Path) -> ConnectionProfile | None:
    """With nothing configured, the model that runs inside pluma, once its server and a model are here."""
    if configured(loaded) or not local.available() or not local.installed(data):
        return None
    return ConnectionProfile(name=EMBEDDED, compat="local", model=local.installed(data)[0].name)


def configured(loaded: Loaded) -> bool:
    """Whether the config file has chat profiles, be they good or broken."""
    return bool(loaded.config.chat.profiles) or loaded.problem_with("chat", "profiles") is not None


def _keyed(profiles: Mapping[str, P], data: Path) -> dict[str, P]:
    """The profiles, with the tokens they sign in for as the keys of those that have no other."""
    return {
        name: msgspec.structs.replace(profile, api_key=key_of(profile, data))
        for name, profile in profiles.items()
    }


def _told(loaded: Loaded, section: str, profile: str) -> ConfigError | None:
    problem = loaded.problem_with(section, "profiles", *([profile] if profile else []))
    return problem.error(loaded.path) if problem else None
