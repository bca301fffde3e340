"""The app and its terminal: colours that follow, no mouse where none is wanted, ctrl+z, sizes that storm."""

import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.answering import LIGHT, Answering
from tests.servers.llamacpp import LlamaServer
from tests.test_app import CTRL_Q, READY, Home, awaited, config, slow_home

__all__ = ["slow_home"]
CTRL_Z = "\x1a"
# Backgrounds as 24-bit colours: those of pluma's own dark and light.
ON_DARK, ON_LIGHT = b"48;2;22;24;28", b"48;2;251;250;247"


@pytest.fixture
def home(tmp_path: Path, llama: LlamaServer) -> Home:
    return Home(tmp_path, config(llama.url))


def opened(home: Home, *args: str, late: bool = False, background: str = "", **env: str) -> Answering:
    """The app, in a terminal that answers."""
    argv = [sys.executable, "-m", "pluma_tui", *args]
    terminal = Answering(argv, {**home.env, **env})
    terminal.background = background or terminal.background
    terminal.late = late
    return terminal


def colours(output: bytes) -> set[bytes]:
    """All 24-bit backgrounds in it."""
    return set(re.findall(rb"48;2;\d+;\d+;\d+", output))


def test_a_light_terminal_gets_the_light_theme_and_a_change_is_followed(home: Home) -> None:
    with opened(home, background=LIGHT) as terminal:
        terminal.until(READY)
        terminal.until(lambda: ON_LIGHT in terminal.output)
        terminal.background = "rgb:0000/0000/0000"
        before = len(terminal.output)
        terminal.send("\x1b[?997;1n")
        terminal.until(lambda: ON_DARK in terminal.output[before:])
        terminal.send(CTRL_Q)
        assert terminal.wait() == 0
        assert terminal.output.rfind(b"\x1b[?2031l") > terminal.output.rfind(b"\x1b[?2031h")


def test_answers_that_come_late_are_no_typing(home: Home) -> None:
    with opened(home, late=True, background=LIGHT) as terminal:
        terminal.until(READY)  # the first paint waits for nobody
        assert ON_DARK in terminal.output
        terminal.send("written")
        terminal.until("written")
        terminal.answer_now()
        terminal.until(lambda: ON_LIGHT in terminal.output)
        assert "rgb" not in terminal.text()
        assert "pretended" not in terminal.text()
        terminal.late = False
        terminal.send(CTRL_Q)
        assert terminal.wait() == 0


def test_a_theme_that_is_named_stays_whatever_the_terminal_says(home: Home) -> None:
    (home.folder / "config.toml").open("a").write('[ui]\ntheme = "pluma-dark"\n')
    with opened(home, background=LIGHT) as terminal:
        terminal.until(READY)
        terminal.send(CTRL_Q)
        assert terminal.wait() == 0
        assert ON_LIGHT not in terminal.output


def test_a_theme_file_is_worn_again_when_it_is_saved_and_a_mistake_is_told(home: Home) -> None:
    file = home.folder / "data" / "themes" / "evening.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[colors]\nbackground = "#102030"\n')
    (home.folder / "config.toml").open("a").write('[ui]\ntheme = "evening"\n')
    with opened(home) as terminal:
        terminal.until(READY)
        assert b"48;2;16;32;48" in terminal.output
        file.write_text('[colors]\nbackground = "#000000"\n')
        terminal.until(lambda: b"48;2;0;0;0" in terminal.output)
        before = len(terminal.output)
        file.write_text("[colors]\nbackground = 3\n")
        terminal.until("evening.toml:2:")
        assert colours(bytes(terminal.output[before:])) & {ON_DARK, ON_LIGHT} == set()
        terminal.send(CTRL_Q)
        assert terminal.wait() == 0


def test_no_color_means_no_colour_at_all(home: Home) -> None:
    with opened(home, NO_COLOR="1") as terminal:
        terminal.until(READY)
        terminal.send("markdown\r")
        terminal.until("done")
        before = len(terminal.output)
        terminal.send("\x10")  # ctrl+p
        terminal.until("Begin a new conversation")
        assert b"\x1b[1;4;39;49m" in terminal.output[before:]  # what is chosen can be told from the rest
        terminal.send("\x1b")
        terminal.send(CTRL_Q)
        assert terminal.wait() == 0
        codes = {code for row in re.findall(rb"\x1b\[([\d;]*)m", terminal.output) for code in row.split(b";")}
        assert codes <= {b"", b"0", b"1", b"2", b"3", b"4", b"7", b"9", b"39", b"49"}


def test_sixteen_colours_are_the_terminals_own(home: Home) -> None:
    with opened(home, TERM="xterm", COLORTERM="") as terminal:
        terminal.until(READY)
        terminal.send(CTRL_Q)
        assert terminal.wait() == 0
        assert re.search(rb"[34]8;[25];", terminal.output) is None


def test_256_colours_are_asked_for_by_number(home: Home) -> None:
    with opened(home, COLORTERM="") as terminal:
        terminal.until(READY)
        terminal.send(CTRL_Q)
        assert terminal.wait() == 0
        assert b"48;5;" in terminal.output
        assert b"8;2;" not in terminal.output


@pytest.mark.parametrize("mouse", [True, False])
def test_the_mouse_is_asked_for_only_where_it_is_wanted(home: Home, mouse: bool) -> None:
    (home.folder / "config.toml").open("a").write(f"[ui]\nmouse = {str(mouse).lower()}\n")
    with opened(home) as terminal:
        terminal.until(READY)
        terminal.send(CTRL_Q)
        assert terminal.wait() == 0
        found = re.search(rb"\x1b\[\?(9|100[0236]|101[56])h", terminal.output.replace(b"?1004h", b""))
        assert (found is not None) is mouse


def test_synchronised_output_is_used_where_the_terminal_has_it(home: Home) -> None:
    with opened(home) as terminal:
        terminal.until(READY)
        terminal.send("hello\r")
        terminal.until("done")
        terminal.send(CTRL_Q)
        assert terminal.wait() == 0
        begun, ended = terminal.output.count(b"\x1b[?2026h"), terminal.output.count(b"\x1b[?2026l")
        assert begun == ended > 0


def test_a_paste_with_escapes_in_it_is_one_text_and_presses_no_key(home: Home) -> None:
    with opened(home) as terminal:
        terminal.until(READY)
        terminal.send("\x1b[200~one \x1b[Atwo\x1b]11;rgb:ffff/ffff/ffff\x07 three\x1b[201~")
        terminal.until("one [Atwo]11;rgb:ffff/ffff/ffff")
        assert ON_LIGHT not in terminal.output
        terminal.send(CTRL_Q)
        assert terminal.wait() == 0


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[list[str]]:
    """A shell with job control that runs pluma and can be told to go on with it."""
    script = tmp_path / "shell"
    lines = [
        f'"{sys.executable}" -m pluma_tui',
        'echo "stopped: $?"',
        "read word",
        "fg >/dev/null",
        'echo "left: $?"',
    ]
    script.write_text("\n".join(["set -m", *lines]))
    yield ["/bin/bash", str(script)]


def test_ctrl_z_goes_to_the_shell_and_comes_back_also_while_an_answer_comes(
    slow_home: Home, shell: list[str]
) -> None:
    with Answering(shell, slow_home.env) as terminal:
        terminal.until(READY)
        terminal.send("go\r")
        terminal.until("w00030")
        terminal.send(CTRL_Z)
        terminal.until("stopped: 147")  # 128 and SIGSTOP
        left = len(terminal.output)
        assert terminal.output.rfind(b"?1049l") > terminal.output.rfind(b"?1049h")
        terminal.send("on\n")
        terminal.until(lambda: b"?1049h" in terminal.output[left:])
        terminal.until(lambda: "w00030" in terminal.text(), 5)  # painted anew, though nothing of it changed
        terminal.until("w00090")
        terminal.send("typed")
        terminal.until("typed")
        terminal.send(CTRL_Q)
        terminal.until("left: 0")
    ((text, _),) = slow_home.answers()
    assert "w00090" in text


def test_without_a_shell_ctrl_z_stops_nothing(home: Home) -> None:
    with opened(home) as terminal:
        terminal.until(READY)
        terminal.send(CTRL_Z)
        terminal.until("There is no shell to go back to.")
        terminal.send(CTRL_Q)
        assert terminal.wait() == 0


def test_a_storm_of_sizes_while_an_answer_comes(slow_home: Home) -> None:
    with opened(slow_home) as terminal:
        terminal.until(READY)
        terminal.send("go\r")
        terminal.until("w00010")
        end = time.monotonic() + 5
        for number in range(100):
            terminal.resize(*((3, 2), (200, 60), (40, 8), (1, 1), (101, 31))[number % 5])
            while time.monotonic() < end - (99 - number) * 0.05:
                terminal.read()
        terminal.resize(100, 30)
        terminal.until(READY)
        terminal.until("esc stop", 10)
        terminal.send("typed")
        terminal.until("typed")
        terminal.send(CTRL_Q)
        assert terminal.wait() == 0
    ((text, _),) = slow_home.answers()
    assert "w00050" in text


def test_nothing_is_sent_while_nothing_happens(home: Home) -> None:
    with opened(home) as terminal:
        terminal.until(READY)
        terminal.send("hello\r")
        terminal.until("done")
        quiet = time.monotonic() + 3.0
        while terminal.read() and time.monotonic() < quiet - 1.0:
            pass
        before = len(terminal.output)
        while time.monotonic() < quiet:
            terminal.read()
        assert terminal.output[before:] == b""


def test_a_long_answer_rings_only_while_one_looks_elsewhere(home: Home) -> None:
    (home.folder / "config.toml").open("a").write('[ui]\nbell = "osc9"\nbell_after = 0\n')
    with opened(home) as terminal:
        terminal.until(READY)
        terminal.send("hello\r")
        terminal.until("done")
        assert b"\x1b]9;" not in terminal.output
        terminal.send("hello\r\x1b[O")
        terminal.until(lambda: b"\x1b]9;Answered: hello\x1b\\" in terminal.output)


def test_a_line_that_ends_without_a_signal_ends_the_program(slow_home: Home) -> None:
    """As under nohup: the hangup is ignored, and only the end of the input tells."""
    argv = ["/bin/sh", "-c", f"trap '' HUP; exec '{sys.executable}' -m pluma_tui"]
    with Answering(argv, slow_home.env) as terminal:
        terminal.until(READY)
        terminal.send("go\r")
        terminal.until("w00040")
        pid = terminal.process.pid
        os.close(terminal.process.fd)
        awaited(lambda: _gone(pid), 5)
        terminal.process.closed = terminal.process.terminated = True
    ((text, ending),) = slow_home.answers()
    assert "w00040" in text
    assert ending == "stopped"


def _gone(pid: int) -> bool:
    done, _ = os.waitpid(pid, os.WNOHANG)
    return done == pid
