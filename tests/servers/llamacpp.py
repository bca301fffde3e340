"""A real llama.cpp server with the scripted model, as a child process on a free loopback port."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

KEY = "sk-local-key-of-the-tests"
CONTEXT = 2048
"""Tokens of context that each of the server's two slots has."""


@dataclass(frozen=True)
class LlamaServer:
    """`url` has no path; `key` is what it asks for; one of its `slots` serves one answer at a time."""

    url: str
    key: str = KEY
    slots: int = 2


@contextmanager
def run(model: Path, *, ping: int = 30, context: int = CONTEXT) -> Iterator[LlamaServer]:
    """Start the server and end it with the block.

    `ping` is in seconds between keep-alive comments, `context` in tokens for each slot.
    """
    settings = {"context": 2 * context, "slots": 2, "keys": [KEY], "ping": ping}
    child = Path(__file__).with_name("llamacpp_child.py")
    process = subprocess.Popen(
        [sys.executable, str(child), str(model), json.dumps(settings)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        try:
            url = process.stdout.readline().strip()
            assert url, "llama.cpp's server did not start"
            yield LlamaServer(url)
        finally:
            process.stdin.close()
            process.wait(10)
