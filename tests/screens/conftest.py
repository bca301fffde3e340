"""The whole app under Textual's Pilot, with a provider that says what a test tells it to."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from textual.events import Key
from textual.pilot import Pilot

from pluma_tui import providers
from pluma_tui.app import PlumaApp
from pluma_tui.core.chat import ChatRequest
from pluma_tui.core.events import ChatEvent, Finished
from pluma_tui.core.models import ModelInfo
from pluma_tui.runtime.wiring import Options, Runtime, open_runtime
from pluma_tui.screens.chat import ChatScreen

CONFIG = """
[chat]
active = "first"
[chat.profiles.first]
compat = "scripted"
model = "model-a"
[chat.profiles.second]
compat = "scripted"
model = "model-b"
"""


@dataclass
class Script:
    """A provider: `say` gives it the next event, or the error to raise."""

    id: str = "scripted"
    upstream: str = "a script"
    requests: list[ChatRequest] = field(default_factory=list)
    closed: int = 0
    offered: list[ModelInfo] = field(default_factory=lambda: [ModelInfo("model-a"), ModelInfo("model-z")])
    _next: "asyncio.Queue[ChatEvent | Exception]" = field(default_factory=asyncio.Queue)

    def say(self, *events: ChatEvent | Exception) -> None:
        for event in events:
            self._next.put_nowait(event)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        self.requests.append(request)
        try:
            while True:
                event = await self._next.get()
                if isinstance(event, Exception):
                    raise event
                yield event
                if isinstance(event, Finished):
                    return
        finally:
            self.closed += 1

    async def models(self) -> list[ModelInfo]:
        return self.offered


@dataclass
class Driven:
    """An app that runs, and what a test wants to see of it."""

    pilot: Pilot[int]
    runtime: Runtime
    script: Script

    @property
    def screen(self) -> ChatScreen:
        chat = self.pilot.app.screen_stack[-1]
        assert isinstance(chat, ChatScreen)
        return chat

    async def until(self, holds: Callable[[], bool], why: str = "") -> None:
        """Let the app work until something holds; fails after five seconds."""
        async with asyncio.timeout(5):
            while not holds():
                await self.pilot.pause()
                await asyncio.sleep(0)
        assert holds(), why

    async def until_shown(self, text: str) -> None:
        try:
            await self.until(lambda: text in self.text())
        except TimeoutError:
            raise AssertionError(f"{text!r} is not on the screen:\n{self.text()}") from None

    def text(self) -> str:
        """What is on the screen, line by line."""
        app = self.pilot.app
        _, height = app.size
        compositor = app.screen._compositor
        rows = compositor.render_strips(app.size)
        return "\n".join("".join(segment.text for segment in row).rstrip() for row in rows[:height])

    async def type(self, text: str) -> None:
        await self.pilot.press(*("space" if char == " " else char for char in text))

    def burst(self, *keys: str) -> None:
        """Keys that come all at once, as they do on a slow line: letters, or names of keys."""
        for key in keys:
            self.pilot.app.post_message(Key(key, key if len(key) == 1 else None))

    async def ask(self, text: str) -> None:
        sent = len(self.script.requests)
        await self.type(text)
        await self.pilot.press("enter")
        await self.until(lambda: len(self.script.requests) > sent)


Drive = Callable[..., contextlib.AbstractAsyncContextManager[Driven]]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    made = Script()
    monkeypatch.setattr(providers.registry, "_added", {})
    providers.register_provider("scripted", lambda profile, client: made)
    return made


@pytest.fixture
def drive(tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch) -> Drive:
    """`async with drive() as app:` runs the app; `config=` replaces the config file."""
    monkeypatch.setenv("PLUMA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TERM", "xterm-256color")  # whoever runs the tests may have none

    @contextlib.asynccontextmanager
    async def run(
        *, config: str = CONFIG, size: tuple[int, int] = (80, 24), continue_id: str | None = None
    ) -> AsyncIterator[Driven]:
        file = tmp_path / "config.toml"
        file.write_text(config)
        runtime = open_runtime(Options(config=str(file)), {})
        conversation = await runtime.store.find(continue_id) if continue_id else None
        app = PlumaApp(runtime, conversation)
        try:
            async with app.run_test(size=size, notifications=True) as pilot:
                await pilot.pause()
                yield Driven(pilot, runtime, script)
        finally:
            await runtime.aclose()

    return run
