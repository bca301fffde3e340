"""The app from outside: a real terminal, a real llama.cpp server, real signals."""

import json
import signal
import sqlite3
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.servers.llamacpp import LlamaServer
from tests.servers.terminal import Terminal

READY = "Message"
ESC = "\x1b"
CTRL_Q = "\x11"


class Home:
    """A person's home folder, and pluma started in it."""

    def __init__(self, folder: Path, config: str) -> None:
        self.folder = folder
        self.env = {
            "HOME": str(folder),
            "PATH": "/usr/bin:/bin",
            "PLUMA_CONFIG": str(folder / "config.toml"),
            "PLUMA_DATA_DIR": str(folder / "data"),
            "KEY": "sk-local-key-of-the-tests",
        }
        (folder / "config.toml").write_text(config)

    def pluma(self, *args: str, **env: str) -> Terminal:
        return Terminal([sys.executable, "-m", "pluma_tui", *args], {**self.env, **env})

    def answers(self) -> list[tuple[str, str | None]]:
        """Text and ending of every stored answer."""
        with sqlite3.connect(self.folder / "data" / "conversations.db") as database:
            rows = database.execute(
                "select text, ending from messages where role = 'assistant' order by position"
            )
            return [(str(text), ending) for text, ending in rows]


@pytest.fixture
def home(tmp_path: Path, llama: LlamaServer) -> Home:
    return Home(
        tmp_path,
        f'[chat.profiles.box]\ncompat = "openai"\nbase_url = "{llama.url}"\napi_key = {{ env = "KEY" }}\n'
        "[chat.profiles.box.sampling]\nmax_tokens = 1500\n",
    )


def busy_slots(llama: LlamaServer) -> int:
    request = urllib.request.Request(f"{llama.url}/slots", headers={"Authorization": f"Bearer {llama.key}"})
    with urllib.request.urlopen(request, timeout=5) as response:
        return sum(slot["is_processing"] for slot in json.load(response))


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("hello", "Hello from a tiny scripted model."),
        ("think", "Answer: 42"),
        ("markdown", "• item one"),
        ("unicode", "Café 🎉"),
        ("weather", "Hello from a tiny"),
    ],
)
def test_every_scripted_answer_is_shown(home: Home, word: str, shown: str) -> None:
    with home.pluma() as terminal:
        terminal.until(READY)
        terminal.send(f"{word}\r")
        terminal.until(shown)
        terminal.until("done")
        terminal.send(CTRL_Q)
        assert terminal.wait() == 0
    assert [ending for _, ending in home.answers()] == ["complete"]


def test_an_endless_answer_ends_at_the_limit(home: Home) -> None:
    with home.pluma() as terminal:
        terminal.until(READY)
        terminal.send("long\r")
        terminal.until("cut off at the limit of tokens")
        terminal.send(CTRL_Q)
        assert terminal.wait() == 0
    assert [ending for _, ending in home.answers()] == ["length"]


def test_quitting_leaves_the_terminal_as_it_was(home: Home) -> None:
    with home.pluma() as terminal:
        terminal.until(READY)
        terminal.send(CTRL_Q)
        assert terminal.wait() == 0
        for mode in (b"?1049", b"?1000", b"?2004"):
            entered, left = terminal.output.rfind(mode + b"h"), terminal.output.rfind(mode + b"l")
            assert entered < left, mode
        assert terminal.output.rfind(b"\x1b[?25l") < terminal.output.rfind(b"\x1b[?25h")


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_can_show_nothing_is_refused_in_words(home: Home, term: str) -> None:
    with home.pluma(TERM=term) as terminal:
        assert terminal.wait() == 2
        assert "pluma ask" in terminal.text()
        assert b"\x1b" not in terminal.output
