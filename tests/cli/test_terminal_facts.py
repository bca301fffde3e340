"""What `pluma doctor` asks a terminal, and what it makes of the answers."""

import os
import termios

import pytest

from pluma_tui.cli.terminal_facts import Answers, parse, questions, within_multiplexer
from tests.cli.program import PLUMA, Program
from tests.servers.terminal import Terminal

# As these terminals sent them, on a virtual display.
KITTY = b"\x1bP>|kitty(0.41.1)\x1b\\\x1b[?0u\x1b_Gi=31;OK\x1b\\\x1b[?62;c"
XTERM = b"\x1bP>|XTerm(379)\x1b\\\x1b[?63;1;2;4;6;9;15;16;22;28c"
TMUX = b"\x1bP>|tmux 3.3a\x1b\\\x1b[?1;2c"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (KITTY, Answers("kitty(0.41.1)", kitty_keys=True, kitty_graphics=True)),
        (XTERM, Answers("XTerm(379)", sixel=True)),
        (TMUX, Answers("tmux 3.3a")),
        (b"\x1b[?6c", Answers()),
        (b"abc" + XTERM + b"def", Answers("XTerm(379)", sixel=True)),
        (b"\x1b[?4c", Answers()),  # the first number is the terminal's class: 4 is no sixel there
        (b"\x1b_Gi=31;ENOTSUP:no\x1b\\\x1b[?62c", Answers()),
        (KITTY[:-1], None),
        (b"", None),
    ],
)
def test_answers_are_read(sent: bytes, said: Answers | None):
    assert parse(sent) == said


@pytest.mark.parametrize("env", [{"TMUX": "x"}, {"STY": "x"}, {"TERM": "screen"}, {"TERM": "tmux-256color"}])
def test_what_stands_between_is_not_asked_for_graphics(env: dict[str, str]):
    """It would take the question for a window's title."""
    assert within_multiplexer(env)
    assert b"\x1b_G" not in questions(env)
    assert b"\x1b_G" in questions({"TERM": "xterm"})


def doctor(program: Program, **env: str) -> Terminal:
    """doctor, and after it a shell's place: what is left in the input comes out of cat."""
    shell = f"{' '.join(PLUMA)} doctor; exec cat"
    return Terminal(["sh", "-c", shell], {**program.env, **env}, rows=60)


def echoes(terminal: Terminal) -> bool:
    return bool(termios.tcgetattr(terminal.process.fd)[3] & termios.ECHO)


def asked(terminal: Terminal) -> bool:
    return b"\x1b[c" in terminal.output


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (KITTY, ["kitty(0.41.1)", "kitty keyboard protocol: shift+enter", "kitty graphics"]),
        (KITTY.replace(b"41.1", b"26.5"), ["kitty's graphics need kitty 0.28"]),
        (XTERM, ["XTerm(379)", "no kitty keyboard protocol", "sixel"]),
        (b"\x1b[?1;2c", ["as mosaics of half blocks"]),
    ],
)
def test_what_the_terminal_says_is_told(program: Program, answer: bytes, shown: list[str]):
    with doctor(program) as terminal:
        terminal.until(lambda: asked(terminal))
        assert not echoes(terminal)
        os.write(terminal.process.fd, answer)
        terminal.until("servers")
        terminal.until(lambda: echoes(terminal))
        assert all(words in terminal.text() for words in shown)


def test_a_terminal_that_says_nothing_is_waited_for_shortly_and_told(program: Program):
    with doctor(program) as terminal:
        terminal.until("servers")
        assert "it told nothing of itself in time" in terminal.text()


def test_answers_that_come_late_do_not_land_in_the_shell(program: Program):
    """As over a slow line: half an answer in time, the rest when doctor has gone on."""
    with doctor(program) as terminal:
        terminal.until(lambda: asked(terminal))
        os.write(terminal.process.fd, KITTY[:20])
        os.write(terminal.process.fd, KITTY[20:-1])
        terminal.until("servers")
        terminal.until(lambda: echoes(terminal))
        terminal.send("the shell\n")
        terminal.until(lambda: terminal.output.endswith(b"\r\nthe shell\r\nthe shell\r\n"))
        assert b"kitty(" not in terminal.output
        assert b"31;OK" not in terminal.output


def test_a_hostile_name_does_nothing(program: Program):
    with doctor(program) as terminal:
        terminal.until(lambda: asked(terminal))
        before = len(terminal.output)
        os.write(terminal.process.fd, b"\x1bP>|evil\x07\x9b2J\xff\x1b\\\x1b[?1;2c")
        terminal.until("servers")
        assert "evil" in terminal.text()
        assert b"\x07" not in terminal.output[before:]
        assert "\x9b" not in terminal.output[before:].decode("utf-8", "replace")


@pytest.mark.parametrize("term", ["dumb", "linux"])
def test_a_simple_terminal_is_not_asked(program: Program, term: str):
    with doctor(program, TERM=term) as terminal:
        terminal.until("servers")
        assert b"\x1b" not in terminal.output


async def test_without_a_terminal_nobody_is_asked(program: Program):
    done = await program.run("doctor")
    assert "\x1b" not in done.out
    assert "not asked: this output goes elsewhere" in done.out
