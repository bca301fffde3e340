"""`pluma ask` when it cannot be done: an exit code for scripts, and a line that says what to do."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.cli.program import DATABASE_FILE, Done, Program
from tests.servers.llamacpp import LlamaServer
from tests.servers.replay import Play, answer, replay
from tests.servers.sse import chunk, whole

RECORDED = Path(__file__).parents[1] / "data" / "chat"


def one_line(done: Done, *words: str) -> None:
    """Nothing on stdout, one line on stderr with the words."""
    assert done.out == ""
    assert done.err.startswith("pluma: ")
    assert done.err.count("\n") == 1
    for word in words:
        assert word in done.err


@contextmanager
def nobody() -> Iterator[str]:
    """An address on this machine where nobody listens, for as long as the block lasts."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def deaf() -> Iterator[str]:
    """An address where connecting never ends: the queue of those who want to is full."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


class TestConfig:
    async def test_nothing_configured_says_what_to_do(self, program: Program):
        done = await program.run("ask", "hi")
        assert done.code == 3
        one_line(done, "no chat server is configured", "--base-url", "pluma local install")
        assert program.files() == {}

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (
                "[chat.profiles.home]\ncompat = 5\n",
                "config.toml:2: chat.profiles.home.compat: expected a string",
            ),
            ("[chat.profiles.home]\ncompat = 'opnai'\n", 'Did you mean "openai"?'),
            ("[chat.profiles.home]\ncompat = 'openai'\nbase_url = 'nonsense'\n", "is no address of a server"),
            ("[chat\n", "config.toml:1: not valid TOML"),
            ("[chat]\nactive = 'hom'\n[chat.profiles.home]\ncompat = 'openai'\n", 'Did you mean "home"?'),
        ],
    )
    async def test_what_is_broken_is_told_with_its_line(self, program: Program, text: str, words: str):
        program.config.write_text(text)
        done = await program.run("ask", "hi")
        assert (done.code, done.out) == (3, "")
        assert words in done.err
        assert "Traceback" not in done.err
        assert program.files() == {}

    async def test_an_unknown_profile_is_told(self, program: Program):
        program.configure("http://127.0.0.1:1")
        done = await program.run("ask", "hi", "-p", "hone")
        assert done.code == 3
        one_line(done, 'no profile is called "hone"', 'Did you mean "home"?')

    async def test_what_is_broken_elsewhere_is_told_and_does_not_matter(self, program: Program):
        async with replay(answer(whole("fine"))) as server:
            program.configure(server.url)
            program.config.write_text(program.config.read_text() + "[ui]\nmouse = 5\n")
            done = await program.run("ask", "hi", HOME_KEY="k")
        assert (done.code, done.out) == (0, "fine\n")
        assert "ui.mouse: expected true or false" in done.err


class TestKeys:
    async def test_a_wrong_key(self, program: Program, llama: LlamaServer):
        program.configure(llama.url)
        done = await program.run("ask", "hi", HOME_KEY="sk-wrong")
        assert done.code == 4
        one_line(done, "Invalid API Key", llama.url, "Check api_key")
        assert (await program.stored())[-1].ending == "failed"

    async def test_a_key_that_is_not_there(self, program: Program, llama: LlamaServer):
        program.configure(llama.url)
        done = await program.run("ask", "hi")
        assert done.code == 4
        one_line(done, "the variable HOME_KEY is not set")


class TestNobody:
    async def test_nobody_listens(self, program: Program):
        with nobody() as url:
            program.configure(url)
            done = await program.run("ask", "hi", HOME_KEY="k")
        assert done.code == 5
        one_line(done, url, "Is the server running")

    async def test_connecting_takes_too_long(self, program: Program):
        with deaf() as url:
            program.configure(url, connect_timeout=0.2)
            async with asyncio.timeout(10):
                done = await program.run("ask", "hi", HOME_KEY="k")
        assert done.code == 5
        one_line(done, url, "in time")

    @pytest.mark.parametrize(
        "said", [b"", b"HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\n\r\n: ping\n\n"]
    )
    async def test_nothing_is_said_in_time(self, program: Program, said: bytes):
        async with replay(Play(said, silent=True)) as server:
            program.configure(server.url, first_event_timeout=0.3)
            done = await program.run("ask", "hi", HOME_KEY="k")
        assert done.code == 5
        one_line(done, "in time", "first_event_timeout")


class TestRefused:
    async def test_the_servers_own_words_are_told(self, program: Program):
        async with replay((RECORDED / "transformers-err-404.http").read_bytes()) as server:
            program.configure(server.url)
            done = await program.run("ask", "hi", HOME_KEY="k")
        assert done.code == 6
        one_line(done, "404")

    async def test_an_unknown_model(self, program: Program):
        said = {
            "error": {"message": 'model "no-such" not found, try pulling it first', "code": "model_not_found"}
        }
        async with replay(answer(said, status=404)) as server:
            program.configure(server.url)
            done = await program.run("ask", "hi", "-m", "no-such", HOME_KEY="k")
        assert done.code == 6
        one_line(done, 'model "no-such" not found, try pulling it first', "pluma models")
        assert server.requests[0].json["model"] == "no-such"

    async def test_a_busy_server_is_tried_again_and_each_time_told(self, program: Program):
        busy = answer({"error": {"message": "slow down"}}, status=429, retry_after="0")
        async with replay(busy, busy, answer(whole("at last"))) as server:
            program.configure(server.url)
            done = await program.run("ask", "hi", HOME_KEY="k")
        assert (done.code, done.out) == (0, "at last\n")
        assert done.err.count("slow down") == 2
        assert "(2 of 3)" in done.err

    async def test_and_after_three_times_given_up(self, program: Program):
        async with replay(answer({"error": {"message": "slow down"}}, status=429, retry_after="0")) as server:
            program.configure(server.url)
            done = await program.run("ask", "hi", HOME_KEY="k")
        assert (done.code, len(server.requests)) == (6, 4)

    async def test_a_server_that_loads_its_model_is_waited_for(self, program: Program):
        loading = (RECORDED / "llamacpp-err-503-loading-v1-chat-completions.http").read_bytes()
        async with replay(loading, answer(whole("ready"))) as server:
            program.configure(server.url)
            done = await program.run("ask", "hi", HOME_KEY="k")
        assert (done.code, done.out) == (0, "ready\n")
        assert done.err == "pluma: The server is loading its model…\n"


BROKEN = [
    pytest.param(Play(answer(chunk("half an answer"))), id="ends"),
    pytest.param(Play(answer(chunk("half an answer") + chunk("lost")), cut=-20), id="cut"),
    pytest.param(Play(answer(chunk("half an answer")), silent=True), id="silent"),
    pytest.param(Play(answer(chunk("half an answer") + b'data: {"nonsense\n\n')), id="nonsense"),
]


class TestBroken:
    @pytest.mark.parametrize("play", BROKEN)
    @pytest.mark.parametrize("flags", [(), ("--no-stream",)])
    async def test_what_came_is_printed_and_kept(self, program: Program, play: Play, flags: tuple[str, ...]):
        async with replay(play) as server:
            program.configure(server.url, timeout=0.3)
            done = await program.run("ask", "hi", *flags, HOME_KEY="k")
        assert (done.code, done.out) == (7, "half an answer\n")
        assert done.err.startswith(f"pluma: {server.url}")
        assert done.err.count("\n") == 1
        message = (await program.stored())[-1]
        assert (message.text, message.ending) == ("half an answer", "failed")
        assert message.error

    async def test_an_error_in_the_middle_is_the_servers_no(self, program: Program):
        body = chunk("half") + b'data: {"error": {"message": "out of memory", "code": 500}}\n\n'
        async with replay(answer(body)) as server:
            program.configure(server.url)
            done = await program.run("ask", "hi", HOME_KEY="k")
        assert (done.code, done.out) == (6, "half\n")
        assert "out of memory" in done.err


class TestJson:
    """With --json the last line is an error object with the exit code."""

    @staticmethod
    def failed(done: Done, kind: str, code: int) -> None:
        assert (done.code, done.err) == (code, "")
        error = done.lines[-1]
        assert (error["type"], error["kind"], error["exit_code"]) == ("error", kind, code)
        assert error["message"]
        assert set(error) == {"type", "kind", "message", "hint", "exit_code"}

    async def test_wrong_use(self, program: Program):
        self.failed(await program.run("ask", "--json"), "UsageError", 2)

    async def test_nothing_configured(self, program: Program):
        self.failed(await program.run("ask", "hi", "--json"), "ConfigError", 3)

    async def test_an_unknown_provider(self, program: Program):
        program.configure("http://127.0.0.1:1", compat="zzz")
        self.failed(await program.run("ask", "hi", "--json"), "UnknownPlugin", 3)

    async def test_no_secret(self, program: Program):
        program.configure("http://127.0.0.1:1")
        self.failed(await program.run("ask", "hi", "--json"), "SecretError", 4)

    async def test_nobody(self, program: Program):
        with nobody() as url:
            program.configure(url)
            self.failed(await program.run("ask", "hi", "--json", HOME_KEY="k"), "Unreachable", 5)

    async def test_a_wrong_key(self, program: Program, llama: LlamaServer):
        program.configure(llama.url)
        self.failed(await program.run("ask", "hi", "--json", HOME_KEY="sk-wrong"), "Unauthorized", 4)

    async def test_broken(self, program: Program):
        async with replay(answer(chunk("half"))) as server:
            program.configure(server.url)
            done = await program.run("ask", "hi", "--json", HOME_KEY="k")
        self.failed(done, "BrokenStream", 7)
        assert done.lines[0] == {"type": "text", "text": "half"}

    async def test_a_database_that_is_none(self, program: Program):
        program.configure("http://127.0.0.1:1")
        (program.home / "data").mkdir()
        (program.home / DATABASE_FILE).write_text("this is no database at all, and long enough to tell")
        self.failed(await program.run("ask", "hi", "--json", HOME_KEY="k"), "StoreError", 1)
        assert (program.home / DATABASE_FILE).read_text().startswith("this is no database")
