"""The library: models are the files ``<data>/models/<name>.gguf``, put there by `pluma local install`."""

import difflib
import importlib.util
from pathlib import Path

import msgspec

from pluma_tui.core.errors import ConfigError, UsageError
from pluma_tui.files import paths

DEFAULT = "smollm2-135m"
"""The model that `pluma local install` fetches, and that answers where a profile names none."""

SUFFIX = ".gguf"
_MAGIC = b"GGUF"


class Model(msgspec.Struct, frozen=True):
    """An installed model. `size` is in bytes."""

    name: str
    path: Path
    size: int


def available() -> bool:
    """Whether the extra `local` is installed. Imports nothing of it."""
    return importlib.util.find_spec("xllamacpp") is not None


def folder(data: Path) -> Path:
    """The library's folder within the data folder."""
    return data / "models"


def installed(data: Path) -> list[Model]:
    """The models in the library of the data folder, the default one first. Raises ConfigError."""
    try:
        files = [path for path in folder(data).iterdir() if path.suffix == SUFFIX and path.is_file()]
        found = [_model(path) for path in files if not path.name.startswith(".")]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(f"{paths.shown(folder(data))} cannot be read: {error.strerror}") from error
    return sorted(found, key=lambda model: (model.name != DEFAULT, model.name.casefold()))


def find(name: str, data: Path) -> Model:
    """The installed model of that name. Raises UsageError."""
    models = installed(data)
    for model in models:
        if model.name == name:
            return model
    raise UsageError(f'no model is called "{name}" here', hint=_did_you_mean(name, models))


def resolve(wanted: str, data: Path) -> Model:
    """The model a profile means: a name, a path to a .gguf file, or nothing for the default one.

    Nothing also means the first of the library where the default one is not in it. Raises ConfigError.
    """
    if is_path(wanted):
        path = paths.expanded(wanted).absolute()
        if problem := gguf_problem(path):
            hint = "A model is a .gguf file, or a name that `pluma local list` shows."
            raise ConfigError(problem, hint=hint, key="model")
        return _model(path)
    models = installed(data)
    if not models:
        raise ConfigError("no local model is installed", hint="Get a small one: pluma local install")
    if not wanted:
        return models[0]
    for model in models:
        if model.name == wanted:
            return model
    hint = _did_you_mean(wanted, models)
    raise ConfigError(f'no local model is called "{wanted}"', hint=hint, key="model")


def remove(name: str, data: Path) -> Model:
    """Delete the model of that name and say what it was. Raises UsageError, ConfigError."""
    model = find(name, data)
    try:
        model.path.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"{paths.shown(model.path)} cannot be removed: {error.strerror}") from error
    return model


def is_path(text: str) -> bool:
    """Whether `text` means a file rather than a model of the library."""
    return "/" in text or text.startswith("~") or text.lower().endswith(SUFFIX)


def gguf_problem(path: Path) -> str:
    """What is wrong with `path` as a model file, in words; empty if it begins as a GGUF does."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        return f"{paths.shown(path)} cannot be read: {error.strerror}"
    return "" if magic == _MAGIC else f"{paths.shown(path)} is no GGUF file"


def size_text(size: int) -> str:
    """Bytes for people, in powers of ten as shops and downloads say them: 98 MB, 4.9 GB."""
    for unit, power in (("GB", 9), ("MB", 6), ("kB", 3)):
        if size >= 10**power:
            amount = size / 10**power
            return f"{amount:.1f} {unit}" if amount < 10 else f"{amount:.0f} {unit}"
    return f"{size} bytes"


def _model(path: Path) -> Model:
    return Model(path.stem, path, path.stat().st_size)


def _did_you_mean(name: str, models: list[Model]) -> str:
    names = [model.name for model in models]
    if near := difflib.get_close_matches(name, names, 1):
        return f'Did you mean "{near[0]}"?'
    return f"Installed: {', '.join(names)}." if names else "Get a small one: pluma local install"
