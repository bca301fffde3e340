"""Fixtures that tests of several rooms use."""

import os
import signal
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from tests.servers.llamacpp import LlamaServer

# A shell that starts the tests in the background has them, and all they start, ignore ctrl+c.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

DATA = Path(__file__).with_name("data")
NOTHING_MISSING = bool(os.environ.get("PLUMA_CI"))

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("pluma", deadline=None)
hypothesis.settings.load_profile("pluma")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> "Generator[None, pytest.TestReport, pytest.TestReport]":
    """With PLUMA_CI set nothing may be missing: a test that would skip fails, but for `real_backends`."""
    report = yield
    strict = NOTHING_MISSING and not item.get_closest_marker("real_backends")
    if strict and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, though everything should be here: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of the test's own: nothing of the person who runs the tests is read or written."""
    home = tmp_path_factory.mktemp("home")
    for name in [name for name in os.environ if name.startswith(("PLUMA_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    return home


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
