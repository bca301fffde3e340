"""The keys that the config file names: whose they are, and where it says that they are."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pluma_tui.config.problems import did_you_mean
from pluma_tui.config.read import Loaded
from pluma_tui.config.schema import PROFILES
from pluma_tui.core.errors import ConfigError, UsageError
from pluma_tui.core.profile import Connection, SecretRef

KINDS = ("api_key", "auth")


@dataclass(frozen=True)
class ProfileKey:
    """One key: `section` "chat" or "images", the profile's name, `kind` "api_key" or "auth"."""

    section: str
    profile: str
    kind: str = "api_key"
    ref: SecretRef | None = field(default=None, compare=False)

    @property
    def path(self) -> tuple[str, ...]:
        """Where it stands in the file."""
        return (self.section, "profiles", self.profile, self.kind)

    @property
    def owner(self) -> str:
        """What it is kept under; no profile's name can hold an @."""
        return f"{self.section}/{self.profile}{'' if self.kind == 'api_key' else f'@{self.kind}'}"

    @property
    def plain(self) -> str:
        """The key itself if it stands in the file, else empty."""
        return str(self.ref.value) if self.ref is not None and self.ref.kind == "literal" else ""

    def __str__(self) -> str:
        return f'the {self.kind} of "{self.profile}"'


def every(loaded: Loaded) -> Iterator[ProfileKey]:
    """All keys that there could be, in the order of the file; `ref` is None where there is none."""
    for section in PROFILES:
        for name, profile in _profiles(loaded, section).items():
            for kind in KINDS:
                if hasattr(profile, kind):
                    yield ProfileKey(section, name, kind, getattr(profile, kind))


def named(loaded: Loaded, name: str, section: str | None, kind: str) -> ProfileKey:
    """The key of a profile; where `section` is None, in whichever has it. Raises ConfigError, UsageError."""
    sections = [section] if section else list(PROFILES)
    for candidate in sections:
        if problem := loaded.problem_with(candidate, "profiles", name):
            raise problem.error(loaded.path)
    found = [key for key in every(loaded) if key.section in sections and key.profile == name]
    if not found:
        known = [name for candidate in sections for name in _profiles(loaded, candidate)]
        hint = did_you_mean(name, known) or f"Defined: {', '.join(known) or 'none'}."
        raise ConfigError(f'no profile is called "{name}"', hint=hint)
    of_kind = [key for key in found if key.kind == kind]
    if not of_kind:
        raise UsageError("only image profiles have auth")
    if len(of_kind) > 1:
        raise UsageError(f'"{name}" is a chat and an image profile', hint="Say which: --chat or --images")
    return of_kind[0]


def command(key: ProfileKey, loaded: Loaded) -> str:
    """The command that moves a plain key out of the config file."""
    both = key.kind == "api_key" and all(key.profile in _profiles(loaded, section) for section in PROFILES)
    auth = " --auth" if key.kind == "auth" else ""
    return f"pluma secret set {key.profile}{f' --{key.section}' if both else ''}{auth}"


def _profiles(loaded: Loaded, section: str) -> dict[str, Connection]:
    profiles: dict[str, Connection] = getattr(loaded.config, section).profiles
    return profiles
