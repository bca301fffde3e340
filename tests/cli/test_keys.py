"""`pluma keys` and `pluma theme`."""

import os
import signal
import termios

import pytest

from pluma_tui.core.actions import ACTIONS
from tests.cli.program import PLUMA, Program
from tests.servers.terminal import Terminal


class TestList:
    async def test_every_action_and_its_keys(self, program: Program):
        done = await program.run("keys")
        assert (done.code, done.err) == (0, "")
        assert [line.split()[0] for line in done.out.splitlines()] == [action.id for action in ACTIONS]
        assert "ctrl+j, shift+enter" in done.out

    async def test_as_configured_with_conflicts_and_problems(self, program: Program):
        program.config.write_text('[keys]\n"chat.new" = ["ctrl+m", "f9"]\nhelp = "f2"\n"chat.sned" = "x"\n')
        done = await program.run("keys")
        assert done.code == 0
        assert "ctrl+m, f9" in done.out
        assert "f2 is one key for two actions: profile.switch and help" in done.err
        assert "enter arrives as the same key in most terminals: chat.send and chat.new" in done.err
        assert 'Did you mean "chat.send"?' in done.err

    async def test_as_json(self, program: Program):
        program.config.write_text('[keys]\nhelp = "f2"\n"chat.stop" = []\n')
        rows = {row["id"]: row for row in (await program.run("keys", "--json")).json}
        assert rows["help"]["keys"] == ["f2"]
        assert rows["help"]["default"] == ["f1"]
        assert rows["help"]["conflicts"] == [{"key": "f2", "with": "profile.switch"}]
        assert rows["profile.switch"]["conflicts"] == [{"key": "f2", "with": "help"}]
        assert rows["chat.stop"]["keys"] == []
        assert rows["chat.send"]["scope"] == "composer"


@pytest.fixture
def listening(program: Program):
    with Terminal([*PLUMA, "keys", "--test"], program.env, columns=100) as terminal:
        terminal.until("q twice or ctrl+c leaves")
        terminal.until(lambda: b"\x1b[>25u" in terminal.output)
        yield terminal


def row(terminal: Terminal, name: str) -> list[str]:
    """The words of the last line that tells of that key."""
    terminal.until(lambda: any(line.split()[:1] == [name] for line in terminal.text().splitlines()))
    return [line.split() for line in terminal.text().splitlines() if line.split()[:1] == [name]][-1]


class TestListening:
    @pytest.mark.parametrize(
        ("sent", "shown"),
        [
            ("a", ["a", "a", "a"]),
            ("\r", ["enter", r"\r", "chat.send"]),
            ("\n", ["ctrl+j", r"\n", "chat.newline"]),
            ("\x1b[13;2u", ["shift+enter", r"\x1b[13;2u", "chat.newline"]),
            ("\x1b[A", ["up", r"\x1b[A", "composer.older"]),
            ("\x1bOQ", ["f2", r"\x1bOQ", "profile.switch"]),
            ("\x1b[1;5F", ["ctrl+end", r"\x1b[1;5F", "transcript.end"]),
            ("\x11", ["ctrl+q", r"\x11", "app.quit"]),
            ("ü", ["ü", "ü", r"\xc3\xbc"]),
        ],
    )
    def test_a_press_is_shown_by_name_bytes_and_action(
        self, listening: Terminal, sent: str, shown: list[str]
    ):
        listening.send(sent)
        assert row(listening, shown[0]) == shown

    def test_an_escape_alone_is_shown_after_a_moment(self, listening: Terminal):
        listening.send("\x1b")
        assert row(listening, "escape") == ["escape", r"\x1b", "chat.stop"]

    def test_what_no_key_sends_is_shown_as_it_came(self, listening: Terminal):
        listening.send("\x1b[?62;4c")
        listening.until(r"\x1b[?62;4c")

    @pytest.mark.parametrize("keys", ["qq", "\x03"])
    def test_leaving_puts_the_terminal_right(self, listening: Terminal, keys: str):
        for key in keys:
            listening.send(key)
        assert listening.wait() == 0
        assert listening.output.rstrip().endswith(b"\x1b[<u")

    def test_one_q_is_a_key(self, listening: Terminal):
        listening.send("q")
        row(listening, "q")
        listening.send("w")
        row(listening, "w")
        listening.send("q")
        listening.until(lambda: sum(line.split()[:1] == ["q"] for line in listening.text().splitlines()) == 2)
        assert listening.process.isalive()

    def test_a_signal_ends_it_and_the_terminal_is_put_right(self, program: Program):
        shell = f"trap '' TERM; {' '.join(PLUMA)} keys --test; exec cat"
        with Terminal(["sh", "-c", shell], program.env) as terminal:

            def echoes() -> bool:
                return bool(termios.tcgetattr(terminal.process.fd)[3] & termios.ECHO)

            terminal.until(lambda: b"\x1b[>25u" in terminal.output)
            assert not echoes()
            os.killpg(terminal.process.pid, signal.SIGTERM)
            terminal.until(lambda: echoes() and b"\x1b[<u" in terminal.output)

    async def test_without_a_terminal_it_says_so(self, program: Program):
        done = await program.run("keys", "--test")
        assert (done.code, done.out) == (2, "")
        assert "needs a terminal" in done.err


class TestThemes:
    async def test_built_in_ones_and_files_the_active_one_marked(self, program: Program):
        folder = program.home / "data" / "themes"
        folder.mkdir(parents=True)
        (folder / "evening.toml").touch()
        (folder / ".hidden.toml").touch()
        program.config.write_text('[ui]\ntheme = "evening"\n')
        done = await program.run("theme", "list")
        assert (done.code, done.err) == (0, "")
        assert "*  evening" in done.out
        assert "~/data/themes/evening.toml" in done.out
        assert "pluma-dark " in done.out
        assert "nord " in done.out
        assert ".hidden" not in done.out

    async def test_as_json(self, program: Program):
        rows = {row["name"]: row for row in (await program.run("theme", "list", "--json")).json}
        assert rows["pluma-dark"] == {
            "name": "pluma-dark",
            "origin": "pluma",
            "dark": True,
            "active": False,
        }
        assert rows["auto"]["active"]
        assert rows["pluma-light"]["dark"] is False
        assert [row["active"] for row in rows.values()].count(True) == 1

    async def test_every_listed_name_is_one_the_app_takes(self, program: Program):
        from textual.app import App

        rows = (await program.run("theme", "list", "--json")).json
        assert {row["name"] for row in rows if row["origin"] == "built-in"} == set(App().available_themes)

    async def test_a_theme_that_is_not_there_is_told(self, program: Program):
        program.config.write_text('[ui]\ntheme = "pluma-drak"\n')
        done = await program.run("theme", "list")
        assert done.code == 0
        assert 'ui.theme names "pluma-drak", which is not there. Did you mean "pluma-dark"?' in done.err

    async def test_a_broken_file_is_told_with_its_line(self, program: Program):
        folder = program.home / "data" / "themes"
        folder.mkdir(parents=True)
        (folder / "evening.toml").write_text('dark = true\n[colors]\nbackgruond = "#000000"\n')
        done = await program.run("theme", "list")
        assert done.code == 3
        assert "evening.toml:3: backgruond" in done.err
        assert 'Did you mean "background"?' in done.err
        assert "pluma-dark" in done.out
