from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.servers import llamacpp
from tests.servers.llamacpp import LlamaServer


@pytest.fixture
def program(home: Path) -> Program:
    return Program(home)


@pytest.fixture
def with_llama(program: Program, llama: LlamaServer) -> Program:
    """pluma with a profile for the real server, and its key."""
    program.configure(llama.url)
    program.env["HOME_KEY"] = llama.key
    return program


@pytest.fixture(scope="module")
def endless(scripted_model: Path) -> Iterator[LlamaServer]:
    """A real server with room for an answer of many seconds."""
    pytest.importorskip("xllamacpp", reason="no wheel of xllamacpp for this Python")
    with llamacpp.run(scripted_model, context=65536) as server:
        yield server
