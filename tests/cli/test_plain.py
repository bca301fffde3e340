"""`pluma --plain`: a chat line by line, as a person at a simple terminal and a pipe meet it."""

import signal
import sqlite3
from pathlib import Path

import pytest

from tests.cli.program import DATABASE_FILE, PLUMA, Program
from tests.servers.llamacpp import LlamaServer
from tests.servers.replay import answer, replay
from tests.servers.sse import whole
from tests.servers.terminal import Terminal

HELLO = "Hello from a tiny scripted model."
CTRL_C, CTRL_D = "\x03", "\x04"


def on_terminal(program: Program, *args: str, **env: str) -> Terminal:
    whole = {**program.env, "TERM": "dumb", **env}
    return Terminal([*PLUMA, "--plain", *args], whole, columns=120)


def answers(home: Path) -> list[tuple[str, str]]:
    """Text and ending of every stored answer."""
    with sqlite3.connect(home / DATABASE_FILE) as database:
        rows = database.execute(
            "select text, ending from messages where role = 'assistant' order by position"
        )
        return [(str(text), str(ending)) for text, ending in rows]


@pytest.mark.parametrize("term", ["dumb", "xterm-256color"])
def test_questions_and_answers_line_by_line_without_one_escape_sequence(
    with_llama: Program, term: str
) -> None:
    with on_terminal(with_llama, TERM=term) as terminal:
        terminal.until("You:")
        terminal.send("hello\n")
        terminal.until(f"micro: {HELLO}")
        terminal.until(lambda: terminal.output.count(b"You:") == 2)
        terminal.send(CTRL_D)
        assert terminal.wait() == 0
        assert b"\x1b" not in terminal.output
    assert answers(with_llama.home) == [(HELLO, "complete")]


def test_ctrl_c_stops_the_answer_and_the_chat_goes_on(program: Program, endless: LlamaServer) -> None:
    program.configure(endless.url)
    program.env["HOME_KEY"] = endless.key
    with on_terminal(program) as terminal:
        terminal.until("You:")
        terminal.send("long\n")
        terminal.until("w29")
        terminal.send(CTRL_C)
        terminal.until("Stopped; what came is kept.")
        terminal.until(lambda: terminal.output.count(b"You:") == 2)
        terminal.send("hello\n")
        terminal.until(lambda: terminal.output.count(b"You:") == 3)
        terminal.send(CTRL_D)
        assert terminal.wait() == 0
        assert HELLO in terminal.text()
    (long, ending), second = answers(program.home)
    assert "w29" in long
    assert ending == "stopped"
    assert second == (HELLO, "complete")


def test_ctrl_c_at_the_prompt_gives_up_the_line_and_says_how_to_leave(with_llama: Program) -> None:
    with on_terminal(with_llama) as terminal:
        terminal.until("You:")
        terminal.send("half a thou")
        terminal.until("half a thou")
        terminal.send(CTRL_C)
        terminal.until("ctrl+d leaves, /help tells the commands.")
        terminal.send("/quit\n")
        assert terminal.wait() == 0
    assert not (with_llama.home / DATABASE_FILE).exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_at_the_prompt_ends_it(with_llama: Program, number: signal.Signals) -> None:
    with on_terminal(with_llama) as terminal:
        terminal.until("You:")
        terminal.kill(number)
        assert terminal.wait() == 128 + number


def test_a_signal_in_mid_answer_ends_it_and_keeps_what_came(program: Program, endless: LlamaServer) -> None:
    program.configure(endless.url)
    program.env["HOME_KEY"] = endless.key
    with on_terminal(program) as terminal:
        terminal.until("You:")
        terminal.send("long\n")
        terminal.until("w29")
        terminal.kill(signal.SIGTERM)
        assert terminal.wait() == 128 + signal.SIGTERM
    ((text, ending),) = answers(program.home)
    assert "w29" in text
    assert ending == "stopped"


def test_a_text_of_several_lines_is_one_question(with_llama: Program) -> None:
    with on_terminal(with_llama) as terminal:
        terminal.until("You:")
        terminal.send('"""first\n')
        terminal.until("...")
        terminal.send('hello"""\n')
        terminal.until(lambda: terminal.output.count(b"You:") == 2)
        terminal.send(CTRL_D)
        assert terminal.wait() == 0
    with sqlite3.connect(with_llama.home / DATABASE_FILE) as database:
        assert database.execute("select text from messages where role = 'user'").fetchall() == [
            ("first\nhello",)
        ]


async def test_continue_goes_on_where_the_conversation_stands(with_llama: Program) -> None:
    assert (await with_llama.run("--plain", stdin=b"hello\n")).code == 0
    done = await with_llama.run("--plain", "--continue", "last", stdin=b"think\n")
    assert done.code == 0
    path = await with_llama.stored()
    assert [message.text for message in path if message.role == "user"] == ["hello", "think"]


async def test_in_a_pipe_there_are_the_answers_and_nothing_else(with_llama: Program) -> None:
    done = await with_llama.run("--plain", stdin=b"hello\n\nhello\n")
    assert (done.code, done.out, done.err) == (0, f"{HELLO}\n{HELLO}\n", "")


async def test_in_a_pipe_the_exit_code_is_that_of_the_last_question(program: Program) -> None:
    async with replay(answer(whole("fine"))) as server:
        program.configure(server.url)
        done = await program.run("--plain", stdin=b"one\n/nonsense\n", HOME_KEY="k")
    assert done.out == "fine\n"
    assert done.code == 2
    assert "/nonsense" in done.err


async def test_bytes_that_are_no_text_end_nothing(with_llama: Program) -> None:
    done = await with_llama.run("--plain", stdin=b"\xff\xfe\nhello\n")
    assert done.code == 0
    assert HELLO in done.out


async def test_nobody_to_talk_to_is_told_at_once(program: Program) -> None:
    done = await program.run("--plain", stdin=b"hello\n")
    assert done.code == 3
    assert done.out == ""


async def test_commands_switch_profile_and_model_and_begin_anew(with_llama: Program) -> None:
    config = with_llama.config.read_text()
    with_llama.config.write_text(config + config.replace("profiles.home", "profiles.other"))
    lines = b"hello\n/profile\n/profile other\n/model micro-two\n/model\n/new\nhello\n/default\n/help\n"
    done = await with_llama.run("--plain", stdin=lines)
    assert done.code == 0
    assert "*  home   micro" in done.out
    assert "other · micro-two answers from here on." in done.err
    assert "/profile" in done.out
    listed = await with_llama.run("history", "list", "--json")
    assert [row["messages"] for row in listed.json] == [2, 2]
    assert 'active = "home"' in with_llama.config.read_text()  # a new conversation begins with the default


async def test_a_command_that_is_misspelt_is_told_what_was_meant(with_llama: Program) -> None:
    done = await with_llama.run("--plain", stdin=b"/modle\n")
    assert done.err == 'pluma: there is no command /modle here. Did you mean "/model"?\n'


async def test_a_path_is_no_command(with_llama: Program) -> None:
    done = await with_llama.run("--plain", stdin=b"/etc/hosts hello\n")
    assert done.code == 0
    assert (await with_llama.stored())[0].text == "/etc/hosts hello"
