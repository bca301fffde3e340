"""Fixtures that tests of several rooms use."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.servers.llamacpp import LlamaServer

DATA = Path(__file__).with_name("data")


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that is about proxies sets its own."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="session")
def scripted_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model file of `tests/servers/scripted_model.py`."""
    pytest.importorskip("gguf", reason="the scripted model is built with gguf")
    from tests.servers.scripted_model import build

    path = tmp_path_factory.mktemp("model") / "scripted.gguf"
    build(path)
    return path


@pytest.fixture(scope="session")
def llama(scripted_model: Path) -> "Iterator[LlamaServer]":
    """A real llama.cpp server, one for each worker: it is up in a third of a second."""
    pytest.importorskip("xllamacpp", reason=f"no wheel of xllamacpp for Python {sys.version_info[:2]}")
    from tests.servers import llamacpp

    with llamacpp.run(scripted_model) as server:
        yield server
