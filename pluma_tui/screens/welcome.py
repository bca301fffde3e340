"""The first start, with nothing configured: who was found on this machine, and a model inside pluma."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from pluma_tui import local
from pluma_tui.core.errors import ConfigError, PlumaError
from pluma_tui.core.profile import ConnectionProfile
from pluma_tui.core.text import clean_line
from pluma_tui.files import paths
from pluma_tui.runtime.discover import Found, discover
from pluma_tui.runtime.wiring import EMBEDDED, Runtime

_EMBEDDED = "embedded"


class Welcome(ModalScreen[str | None]):
    """Offers who could answer; returns the name of the profile that was made, or None."""

    CSS_PATH = "welcome.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Later", show=False)]

    def __init__(self, runtime: Runtime) -> None:
        super().__init__()
        self._runtime = runtime
        self._found: dict[str, Found] = {}
        self._cancelled = threading.Event()
        self._fetching = False

    def compose(self) -> ComposeResult:
        with Vertical(id="welcome"):
            yield Static(Content("pluma").stylize("$primary bold"), id="welcome-name")
            yield Static("Nothing is configured yet. Who shall answer?", id="welcome-question")
            yield OptionList(id="welcome-list")
            yield Static("", id="welcome-note")
            yield Static(Content(_foot(self._runtime)), id="welcome-foot")

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()
        self._look()

    @work
    async def _look(self) -> None:
        self._note("Looking for servers on this machine…")
        options = self.query_one(OptionList)
        for server in await discover():
            if server.section != "chat":
                continue
            self._found[server.name] = server
            options.add_option(Option(Content(f"{server.label}  {server.base_url}"), id=server.name))
        if local.available():
            options.add_option(Option(_offer(self._runtime.data), id=_EMBEDDED))
        options.highlighted = 0 if options.option_count else None
        self._note("enter takes it · esc: not now" if options.option_count else _nothing())

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        chosen = event.option.id or ""
        if chosen in self._found:
            self._take(self._found[chosen])
        elif not self._fetching:
            self._embed()

    def _take(self, server: Found) -> None:
        """Write the server down as a profile, so that it is there the next time."""
        from pluma_tui.config import profiles

        try:
            profiles.add(self._runtime.loaded.path, "chat", server.name, server.values, active=True)
            self._runtime.refresh()
        except ConfigError:  # it answers all the same, for this run
            profile = ConnectionProfile(name=server.name, compat=server.kind, base_url=server.base_url)
            self._runtime.connections.add(profile)
        self.dismiss(server.name)

    @work
    async def _embed(self) -> None:
        self._fetching = True
        try:
            if not local.installed(self._runtime.data):
                await asyncio.to_thread(_fetch, self._runtime.data, self._progress)
        except PlumaError as error:
            self._note(error.sentence)
            return
        except _LeftError:
            return
        finally:
            self._fetching = False
        self._runtime.connections.add(ConnectionProfile(name=EMBEDDED, compat="local"))
        self.dismiss(EMBEDDED)

    def _progress(self, done: int, total: int | None) -> None:
        """Called in the fetching thread, at least once a second; raising ends the fetch."""
        if self._cancelled.is_set():
            raise _LeftError
        part = f" of {total / 1e6:.0f} MB" if total else " MB"
        bar = _bar(done / total) if total else ""
        self.app.call_from_thread(self._note, f"Fetching the model  {bar} {done / 1e6:.0f}{part}")

    def _note(self, text: str) -> None:
        self.query_one("#welcome-note", Static).update(Content(clean_line(text, 400)))

    def action_leave(self) -> None:
        """Not now: the app stays open, without anybody to talk to."""
        self._cancelled.set()
        self.dismiss(None)


class _LeftError(Exception):
    """The person left while a model was being fetched."""


def _fetch(data: Path, progress: Callable[[int, int | None], None]) -> None:
    from pluma_tui.local.fetch import install

    install("", data, progress=progress)


def _offer(data: Path) -> Content:
    from pluma_tui.local.catalogue import CATALOGUE
    from pluma_tui.local.models import DEFAULT

    offer = CATALOGUE[DEFAULT]
    here = bool(local.installed(data))
    cost = "here already" if here else f"{offer.download / 1e6:.0f} MB to fetch once"
    return Content(f"{offer.label} inside pluma · {cost}")


def _nothing() -> str:
    return "No server answers on this machine's usual ports, and the extra `local` is not installed."


def _foot(runtime: Runtime) -> str:
    return (
        f"A server elsewhere: pluma --base-url URL, or a profile in {paths.shown(runtime.loaded.path)} "
        "(config.example.toml shows how)."
    )


def _bar(part: float, width: int = 20) -> str:
    full = round(min(part, 1.0) * width)
    return "━" * full + "╌" * (width - full)
