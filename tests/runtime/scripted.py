"""A provider that says what a test tells it to, and a runtime around it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pluma_tui import providers
from pluma_tui.core.chat import ChatRequest, Message
from pluma_tui.core.events import ChatEvent, Finished
from pluma_tui.core.models import ModelInfo
from pluma_tui.core.profile import ConnectionProfile, SecretRef
from pluma_tui.runtime.connections import Clients, ConnectionManager
from pluma_tui.runtime.turn import Turn
from pluma_tui.runtime.turns import Question, Turns
from pluma_tui.storage.base import Store

DONE = Finished("complete")


@dataclass
class Script:
    """`say` gives it the next events, or the error to raise; `END` ends a stream without a `Finished`."""

    id: str = "scripted"
    upstream: str = "a script"
    requests: list[ChatRequest] = field(default_factory=list)
    closed: int = 0
    offered: list[ModelInfo] | list[Exception] = field(default_factory=lambda: [ModelInfo("model-a")])
    _next: "asyncio.Queue[ChatEvent | Exception | None]" = field(default_factory=asyncio.Queue)

    def say(self, *events: ChatEvent | Exception | None) -> "Script":
        for event in events:
            self._next.put_nowait(event)
        return self

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        self.requests.append(request)
        try:
            while (event := await self._next.get()) is not None:
                if isinstance(event, Exception):
                    raise event
                yield event
                if isinstance(event, Finished):
                    return
        finally:
            self.closed += 1

    async def models(self) -> list[ModelInfo]:
        models = []
        for item in list(self.offered):
            if isinstance(item, Exception):
                self.offered.pop(0)
                raise item
            models.append(item)
        return models


END = None


async def no_secret(ref: SecretRef) -> str:
    raise AssertionError(f"nobody asked for {ref}")


@dataclass
class Bench:
    """A store, a script and the turns over them."""

    script: Script
    store: Store
    turns: Turns
    connections: ConnectionManager

    async def begin(self, text: str = "hi", **question: Any) -> Turn:
        return await self.turns.begin(Question(text, **question))

    async def ask(self, text: str = "hi", **question: Any) -> Turn:
        """A whole turn."""
        turn = await self.begin(text, **question)
        await turn.wait()
        return turn

    async def stored(self, turn: Turn) -> Message:
        """The answer as the store has it."""
        (answer,) = (m for m in await self.store.tree(turn.conversation.id) if m.id == turn.id)
        return answer


def bench(store: Store, *, default_system: str = "", **profile: Any) -> Bench:
    """A bench with the profiles "home" (as given) and "other"."""
    script = Script()
    providers.register_provider("scripted", lambda *_: script)
    values = {"model": "model-a", **profile}
    home = ConnectionProfile(name="home", compat="scripted", base_url="http://localhost:9", **values)
    other = ConnectionProfile(name="other", compat="scripted", base_url="http://localhost:9", model="model-b")
    connections = ConnectionManager({"home": home, "other": other}, clients=Clients(no_secret))
    return Bench(script, store, Turns(store, connections, default_system), connections)


async def until(holds: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    """Let others work until something holds; fails after five seconds."""
    async with asyncio.timeout(5):
        while True:
            held = holds()
            if held if isinstance(held, bool) else await held:
                return
            await asyncio.sleep(0.001)
