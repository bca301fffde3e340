"""What a word on the command line may be, asked by the shell each time a person presses tab.

Nothing heavy is loaded here, nobody is asked, and whatever is wrong means no words. Only plain words are
offered: a server chooses the names of its models, and what it chose must mean nothing to a shell.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/@+-]*")


def words(kind: str, config: Path) -> list[str]:
    """The words of that kind, one of KINDS; `config` is the config file."""
    return [word for word in dict.fromkeys(KINDS[kind](config)) if _PLAIN.fullmatch(word)]


def _profiles(config: Path) -> Iterable[str]:
    """Chat profiles, then image profiles; the broken ones too, which one may want to mend."""
    document = _document(config)
    return [*_names(document, "chat"), *_names(document, "images")]


def _models(config: Path) -> Iterable[str]:
    from pluma_tui.runtime import fetched

    return fetched.names()


def _keys(config: Path) -> Iterable[str]:
    """All keys but those of profiles, then those of the profiles that are there."""
    import msgspec

    from pluma_tui.config.schema import PROFILES, SECTIONS
    from pluma_tui.core.actions import ACTIONS

    for section, kind in SECTIONS.items():
        names = (field.name for field in msgspec.structs.fields(kind))
        yield from (f"{section}.{name}" for name in names if name != "profiles")
    yield from (f"keys.{action.id}" for action in ACTIONS)
    document = _document(config)
    for section in PROFILES:
        for name in _names(document, section):
            yield from (f"{section}.profiles.{name}.{key}" for key in _profile_keys(section))


def _keys_of_a_profile(config: Path) -> Iterable[str]:
    yield from _profile_keys("chat")
    yield from _profile_keys("images")


def _profile_keys(section: str) -> Iterable[str]:
    import msgspec

    from pluma_tui.config.schema import PROFILES
    from pluma_tui.core.chat import Sampling

    kind, _ = PROFILES[section]
    for field in msgspec.structs.fields(kind):
        if field.name == "sampling":
            yield from (f"sampling.{inner}" for inner in Sampling.__struct_fields__)
        elif field.name != "name":
            yield field.name


def _compats(config: Path) -> Iterable[str]:
    from pluma_tui.providers import registry

    return registry.names()


def _kinds(config: Path) -> Iterable[str]:
    from pluma_tui.imaging import registry

    return registry.names()


def _names(document: dict[str, object], section: str) -> list[str]:
    chapter = document.get(section)
    profiles = chapter.get("profiles") if isinstance(chapter, dict) else None
    return list(profiles) if isinstance(profiles, dict) else []


def _document(config: Path) -> dict[str, object]:
    import tomllib

    try:
        return tomllib.loads(config.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}


KINDS: dict[str, Callable[[Path], Iterable[str]]] = {
    "profiles": _profiles,
    "models": _models,
    "keys": _keys,
    "profile-keys": _keys_of_a_profile,
    "compats": _compats,
    "kinds": _kinds,
}
