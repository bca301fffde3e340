"""The config file: what is wrong with it, and whom the profiles talk to."""

from collections.abc import Iterator, Mapping

from pluma_tui.cli.diagnosis.finding import Finding
from pluma_tui.config.problems import Problem
from pluma_tui.config.read import Loaded
from pluma_tui.config.schema import SECRET_KEYS
from pluma_tui.core.errors import ConfigError
from pluma_tui.core.profile import Connection, ConnectionProfile, ImageProfile
from pluma_tui.files import paths


def findings(loaded: Loaded) -> Iterator[Finding]:
    """Problems first, then the profiles."""
    for problem in loaded.problems:
        where = f"line {problem.line}" if problem.line else paths.shown(loaded.path)
        words = ": ".join(part for part in (where, problem.key, problem.message) if part)
        yield Finding("config", problem.severity, words, _mover(problem) or problem.hint)
    chat, images = loaded.config.chat, loaded.config.images
    yield from _profiles("profile", chat.profiles, chat.active)
    yield from _profiles("images", images.profiles, images.active)
    if not chat.profiles and not loaded.problems:
        hint = "Start pluma: it offers what it finds. Or: pluma --base-url URL"
        yield Finding("profile", "warning", "no chat profile is configured", hint)


def _mover(problem: Problem) -> str:
    """The command that takes a plain key out of the file, for a problem that is about one."""
    parts = problem.key.split(".")
    if problem.severity != "warning" or len(parts) < 4 or parts[-1] not in SECRET_KEYS:
        return ""
    section, name = parts[0], ".".join(parts[2:-1]).strip('"')
    flags = (" --images" if section == "images" else "") + (" --auth" if parts[-1] == "auth" else "")
    return f"pluma secret set {name}{flags} moves it out of the file."


def _profiles(
    topic: str, profiles: Mapping[str, ConnectionProfile] | Mapping[str, ImageProfile], active: str
) -> Iterator[Finding]:
    active = active or next(iter(profiles), "")
    for name, profile in profiles.items():
        mark = " (active)" if name == active else ""
        provider = profile.compat if isinstance(profile, ConnectionProfile) else profile.kind
        try:
            words = f"{name}{mark}: {provider} {_address(profile)} {profile.model}"
            yield Finding(topic, "ok", " ".join(words.split()))
        except ConfigError as error:
            yield Finding(topic, "error", f"{name}{mark}: {error.message}", error.hint)


def _address(profile: Connection) -> str:
    """Where its server is, without a password that may stand in it. Raises ConfigError."""
    from pluma_tui.transport.address import read_base_url, upstream

    return upstream(read_base_url(profile.base_url)) if profile.base_url else ""
