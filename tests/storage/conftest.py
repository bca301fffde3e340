from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pluma_tui.storage.base import Store
from pluma_tui.storage.open import open_store


@pytest.fixture(params=["", "memory:"], ids=["sqlite", "memory"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Each kind of store in turn, empty."""
    opened = open_store(request.param, tmp_path / "data")
    yield opened
    await opened.close()
