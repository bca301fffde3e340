from pathlib import Path

import pytest

from pluma_tui.core.chat import Conversation
from pluma_tui.core.errors import ConfigError
from pluma_tui.storage.open import open_store


async def test_without_an_address_conversations_are_in_the_data_folder(tmp_path: Path) -> None:
    store = open_store("", tmp_path / "data")
    await store.create(Conversation(id="one"))
    await store.close()
    assert (tmp_path / "data" / "conversations.db").is_file()


async def test_in_memory_nothing_is_written(tmp_path: Path) -> None:
    store = open_store("memory:", tmp_path / "data")
    await store.create(Conversation(id="one"))
    await store.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://me:hunter2@db/pluma", "later version"),
        ("postgres://me:hunter2@db/pluma", "later version"),
        ("mysql://me:hunter2@db/pluma", "no address"),
        ("hunter2", "no address"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_without_what_is_in_it(
    tmp_path: Path, url: str, words: str
) -> None:
    with pytest.raises(ConfigError) as problem:
        open_store(url, tmp_path)
    assert words in problem.value.message
    assert problem.value.key == "storage.url"
    assert "hunter2" not in problem.value.message + problem.value.hint
