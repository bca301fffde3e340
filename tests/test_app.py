"""The app from outside: a real terminal, a real llama.cpp server, real signals."""

import asyncio
import json
import queue
import re
import signal
import sqlite3
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import nasty
from tests.servers import llamacpp
from tests.servers.llamacpp import LlamaServer
from tests.servers.replay import Play, replay
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


def config(url: str) -> str:
    return f'[chat.profiles.box]\ncompat = "openai"\nbase_url = "{url}"\napi_key = {{ env = "KEY" }}\n'


@pytest.fixture
def home(tmp_path: Path, llama: LlamaServer) -> Home:
    return Home(tmp_path, config(llama.url))


@pytest.fixture
def slow_home(tmp_path: Path) -> Iterator[Home]:
    """An answer of numbered words, fifty a second, that takes a minute."""
    words = [{"choices": [{"index": 0, "delta": {"content": f" w{n:05d}"}}]} for n in range(3000)]
    events = [b"data: " + json.dumps(word).encode() + b"\n\n" for word in words]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    size = len(events[0])
    play = Play(head.rjust(len(head)) + b"".join(events), piece=size, every=0.02)
    with played(play) as url:
        yield Home(tmp_path, config(url) + 'model = "slow"\n')


@contextmanager
def played(*plays: Play) -> Iterator[str]:
    """The replay server in a thread of its own; yields its address."""
    started: queue.Queue[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = queue.Queue()

    async def serve() -> None:
        async with replay(*plays) as server:
            over = asyncio.Event()
            started.put((server.url, asyncio.get_running_loop(), over))
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    url, loop, over = started.get(timeout=10)
    yield url
    loop.call_soon_threadsafe(over.set)
    thread.join(10)


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


def test_escape_stops_the_server_within_a_second_and_keeps_the_text(
    tmp_path: Path, scripted_model: Path
) -> None:
    with llamacpp.run(scripted_model, context=60_000) as roomy:
        home = Home(tmp_path, config(roomy.url))
        with home.pluma() as terminal:
            terminal.until(READY)
            terminal.send("long\r")
            terminal.until("w29")
            terminal.send(ESC)
            pressed = time.monotonic()
            terminal.until(lambda: busy_slots(roomy) == 0)
            assert time.monotonic() - pressed < 1.0 + 0.3  # escape itself is known only after a pause
            terminal.until("stopped")
            terminal.send(CTRL_Q)
            assert terminal.wait() == 0
    ((text, ending),) = home.answers()
    assert "w29" in text
    assert ending == "stopped"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_in_mid_answer_stores_it_and_ends_within_two_seconds(
    slow_home: Home, number: signal.Signals
) -> None:
    with slow_home.pluma() as terminal:
        terminal.until(READY)
        terminal.send("go\r")
        terminal.until("w00040")
        terminal.kill(number)
        sent = time.monotonic()
        assert terminal.wait() == 128 + number
        assert time.monotonic() - sent < 3.0
        assert terminal.output.rfind(b"?1049h") < terminal.output.rfind(b"?1049l")
    ((text, ending),) = slow_home.answers()
    assert "w00040" in text
    assert ending == "stopped"


def test_kill_9_in_mid_answer_loses_at_most_the_last_second(slow_home: Home) -> None:
    with slow_home.pluma() as terminal:
        terminal.until(READY)
        terminal.send("go\r")
        terminal.until("w00030")
        terminal.until("w00085")  # fifty a second: over a second later
        terminal.kill(signal.SIGKILL)
        terminal.wait()
    ((text, ending),) = slow_home.answers()
    assert "w00030" in text
    assert ending is None
    with slow_home.pluma("--continue", "last") as terminal:
        terminal.until("unfinished")
        terminal.until("w00030")


def test_a_closed_terminal_ends_the_program_with_everything_stored(slow_home: Home) -> None:
    with slow_home.pluma() as terminal:
        terminal.until(READY)
        terminal.send("go\r")
        terminal.until("w00040")
        terminal.process.close(force=False)
        end = time.monotonic() + 5
        while terminal.process.isalive():
            assert time.monotonic() < end, "the program goes on without a terminal"
            time.sleep(0.02)
    ((text, ending),) = slow_home.answers()
    assert "w00040" in text
    assert ending == "stopped"


# What Textual itself writes: styles, cursor places, modes, queries, and links to the web.
_OURS = re.compile(
    "\x1b\\[[0-9;]*[mHJKCDABGu]|\x1b\\[[<>=?][0-9;]*[a-zA-Z]|\x1b\\[\\?[0-9;]*\\$p|\x1b\\[c|\x1b\\[1?[0-9]t|\x1b[78]"
    "|\x1b\\]22;[a-z]+\x07|\x1b\\]11;\\?\x1b\\\\|\x1b\\]8;[^;]*;(?:https?:[!-~]*|mailto:[!-~]*)?\x1b\\\\|[\r\n\t]"
)


def harmless(output: bytes) -> None:
    text = _OURS.sub("", output.decode("utf-8"))
    found = nasty.FORBIDDEN.search(text)
    assert found is None, ascii(text[max(0, found.start() - 60) : found.end() + 60])


def test_hostile_texts_in_a_stored_conversation_never_reach_the_terminal_as_they_are(slow_home: Home) -> None:
    rows = []
    for row in nasty.all_of_it():
        text = row.text[:20_000]
        rows.append({"role": "user", "text": text})
        rows.append(
            {"role": "assistant", "text": f"`{text}`\n\n{text}", "model": text[:80], "reasoning": text}
        )
    document = {"format": "pluma-conversation", "version": 1, "title": rows[3]["text"], "messages": rows}
    (slow_home.folder / "nasty.json").write_text(json.dumps(document))
    with slow_home.pluma("history", "import", str(slow_home.folder / "nasty.json")) as terminal:
        assert terminal.wait() == 0
    with slow_home.pluma("history", "list") as terminal:
        assert terminal.wait() == 0
        harmless(bytes(terminal.output))
    with slow_home.pluma("history", "show", "last") as terminal:
        assert terminal.wait(30) == 0
        harmless(bytes(terminal.output))
    with slow_home.pluma("--continue", "last") as terminal:
        terminal.until(READY)
        terminal.send("\x1bOS")  # F4: the reasoning, too
        for _ in range(60):
            terminal.send("\x1b[5~")
            terminal.read()  # a page of the same characters may change nothing
        terminal.send(CTRL_Q)
        assert terminal.wait() == 0
        harmless(bytes(terminal.output))


def test_hostile_answers_models_and_errors_never_reach_the_terminal_as_they_are(tmp_path: Path) -> None:
    text = "\n".join(row.text for row in nasty.all_of_it() if len(row.text) < 5000)
    model = "llama3\x1b[2J\x9b2J\u202e:latest"
    chunk = json.dumps({"model": model, "choices": [{"index": 0, "delta": {"content": text}}]})
    end = json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    stream = f"data: {chunk}\n\ndata: {end}\n\ndata: [DONE]\n\n".encode()
    error = json.dumps(
        {"error": {"message": f"no \x1b]0;PWNED\x07\x9b31m\u202e{text}", "code": 400}}
    ).encode()
    models = json.dumps({"data": [{"id": model}, {"id": text[:500]}]}).encode()
    kinds = [(b"200 OK", b"text/event-stream", stream), (b"400 Bad", b"application/json", error)]
    kinds.append((b"200 OK", b"application/json", models))
    plays = [Play(b"HTTP/1.1 %s\r\nContent-Type: %s\r\nConnection: close\r\n\r\n%s" % kind) for kind in kinds]
    with played(*plays) as url:
        home = Home(tmp_path, config(url) + f"model = {json.dumps('m' + chr(0x202E) + 'x')}\n")
        with home.pluma() as terminal:
            terminal.until(READY)
            terminal.send("one\r")
            terminal.until("done")
            terminal.send("two\r")
            terminal.until("failed")
            terminal.send("\x1bOR")  # F3: the models
            terminal.until("latest")
            terminal.send(ESC)
            terminal.send(CTRL_Q)
            assert terminal.wait() == 0
            harmless(bytes(terminal.output))
            assert b"PWNED" not in terminal.output


def test_a_program_that_asks_for_a_pass_phrase_gets_the_terminal(tmp_path: Path, llama: LlamaServer) -> None:
    asking = tmp_path / "asking"
    asking.write_text('#!/bin/sh\nprintf "Pass phrase: " >/dev/tty\nread word </dev/tty\necho "$word"\n')
    asking.chmod(0o755)
    home = Home(tmp_path, config(llama.url).replace('{ env = "KEY" }', f'{{ command = ["{asking}"] }}'))
    with home.pluma() as terminal:
        terminal.until(READY)
        terminal.send("hello\r")
        terminal.until("Pass phrase:")
        terminal.send(f"{llama.key}\r")
        terminal.until("Hello from a tiny scripted model.")
        terminal.send(CTRL_Q)
        assert terminal.wait() == 0
    assert b"?1049l" in terminal.output.split(b"Pass phrase")[0]


def test_escape_works_on_a_line_that_takes_nothing_any_more(tmp_path: Path) -> None:
    """A terminal that is not read stands for a line that is far too slow: the program must not hang on it."""
    words = [{"choices": [{"index": 0, "delta": {"content": f" w{n:05d}\\n\\n"}}]} for n in range(9000)]
    events = [b"data: " + json.dumps(word).encode() + b"\n\n" for word in words]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    with played(Play(head + b"".join(events), piece=len(events[0]), every=0.001)) as url:
        home = Home(tmp_path, config(url) + 'model = "fast"\n')
        with home.pluma() as terminal:
            terminal.until(READY)
            terminal.send("go\r")
            terminal.until("w00040")
            awaited(lambda: any("w02500" in text for text, _ in home.answers()), 20)  # nothing is read
            terminal.send(ESC)
            awaited(lambda: [ending for _, ending in home.answers()] == ["stopped"], 5)


def awaited(holds: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
