from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pluma_tui import providers
from pluma_tui.runtime import attempts
from pluma_tui.storage.base import Store
from pluma_tui.storage.memory import MemoryStore
from pluma_tui.storage.sqlite import SqliteStore
from tests.runtime.scripted import Bench, bench


@pytest.fixture(autouse=True)
def only_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone with it, and nobody waits for seconds."""
    monkeypatch.setattr(providers.registry, "_added", {})
    monkeypatch.setattr(attempts, "_back_off", lambda state: 0.0)
    monkeypatch.setattr(attempts, "POLL", 0.001)


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    made: Store = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "conversations.db")
    yield made
    await made.close()


@pytest.fixture
def at(store: Store) -> Bench:
    """A bench on either store."""
    return bench(store)


@pytest.fixture
def fast() -> Bench:
    """A bench on the store in memory, for what has nothing to do with stores."""
    return bench(MemoryStore())
