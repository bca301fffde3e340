"""What `pluma doctor` looks at, and what it advises."""

import argparse
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pluma_tui.cli.diagnosis import clipboard, machine, servers, settings, tmux
from pluma_tui.cli.diagnosis.finding import Finding
from pluma_tui.config.read import load
from pluma_tui.core.chat import Conversation
from pluma_tui.runtime.discover import Found
from pluma_tui.storage.open import DATABASE
from pluma_tui.storage.sqlite import SqliteStore
from pluma_tui.terminal.tmux import ask
from tests.cli.program import PLUMA, Program
from tests.servers.terminal import Terminal

SECRET = "sk-nobody-may-see-this"


def hints(findings: Iterator[Finding]) -> list[str]:
    return [finding.hint for finding in findings if finding.hint]


class TestStorage:
    @pytest.fixture
    def database(self, tmp_path: Path) -> Path:
        return tmp_path / DATABASE

    async def filled(self, database: Path) -> None:
        store = SqliteStore(database)
        for number in range(300):
            await store.create(Conversation(id=f"c{number}", title="x" * 500))
        await store.close()

    async def test_size_schema_and_check(self, database: Path):
        await self.filled(database)
        before = {path.name: path.read_bytes() for path in database.parent.iterdir()}
        (finding,) = machine.storage("", database.parent)
        assert finding.state == "ok"
        assert finding.text.startswith("300 conversations, 0.")
        assert finding.text.endswith("schema 1 of 1, whole")
        assert {path.name: path.read_bytes() for path in database.parent.iterdir()} == before

    async def test_while_the_app_has_it_open(self, database: Path):
        store = SqliteStore(database)
        await store.create(Conversation(id="c"))
        (finding,) = machine.storage("", database.parent)
        await store.close()
        assert finding.text.startswith("1 conversation, ")

    def test_none_yet(self, tmp_path: Path):
        assert list(machine.storage("", tmp_path)) == [
            Finding("storage", "ok", "no conversation is stored yet")
        ]
        assert list(tmp_path.iterdir()) == []

    async def test_one_that_is_damaged(self, database: Path):
        await self.filled(database)
        with database.open("r+b") as file:
            file.seek(3 * 4096)
            file.write(b"\xff" * 4096 * 4)
        (finding,) = machine.storage("", database.parent)
        assert finding.state == "error"
        assert "damaged" in finding.text
        assert "copy" in finding.hint

    def test_one_of_another_program(self, database: Path):
        with sqlite3.connect(database) as connection:
            connection.execute("CREATE TABLE birds (name TEXT)")
        connection.close()
        (finding,) = machine.storage("", database.parent)
        assert finding.state == "error"
        assert "another program" in finding.text

    async def test_one_that_takes_too_long_to_check(self, database: Path, monkeypatch: pytest.MonkeyPatch):
        from pluma_tui.storage import health

        await self.filled(database)
        monkeypatch.setattr(health, "_TIME_LIMIT", -1.0)
        monkeypatch.setattr(health, "_EVERY", 1)
        (finding,) = machine.storage("", database.parent)
        assert finding.text.endswith("too large for a quick check")

    async def test_one_that_others_can_read(self, database: Path):
        await self.filled(database)
        database.chmod(0o644)
        assert [finding.state for finding in machine.storage("", database.parent)] == ["ok", "warning"]

    def test_an_address_is_not_repeated(self, tmp_path: Path):
        (finding,) = machine.storage(f"postgresql://me:{SECRET}@host/db", tmp_path)
        assert SECRET not in repr(finding)


class TestSettings:
    def find(self, tmp_path: Path, text: str) -> list[Finding]:
        config = tmp_path / "config.toml"
        config.write_text(text)
        config.chmod(0o644)
        return list(settings.findings(load(config, {})))

    @pytest.mark.parametrize(
        ("section", "key", "command"),
        [
            ("chat.profiles.home", "api_key", "pluma secret set home moves"),
            ('chat.profiles."a.b"', "api_key", "pluma secret set a.b moves"),
            ("images.profiles.box", "auth", "pluma secret set box --images --auth moves"),
        ],
    )
    def test_a_key_in_the_file_comes_with_the_command_that_moves_it(
        self, tmp_path: Path, section: str, key: str, command: str
    ):
        chooser = 'compat = "openai"' if section.startswith("chat") else 'kind = "a1111"'
        found = self.find(tmp_path, f'[{section}]\n{chooser}\n{key} = "{SECRET}"\n')
        assert SECRET not in repr(found)
        assert any(hint.startswith(command) for hint in hints(iter(found)))
        assert any("can be read by others" in finding.text for finding in found)

    def test_image_profiles_are_told_too(self, tmp_path: Path):
        found = self.find(tmp_path, '[images.profiles.box]\nkind = "a1111"\nbase_url = "http://h:1"\n')
        assert Finding("images", "ok", "box (active): a1111 http://h:1") in found

    async def test_a_home_folder_is_a_tilde(self, program: Program):
        (program.home / "data").mkdir(mode=0o755)
        done = await program.run("doctor")
        assert str(program.home) not in done.out
        assert "~/data" in done.out
        assert str(program.home) not in (await program.run("doctor", "--json")).out

    def test_what_cannot_be_written_to_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        """The system's answer is replaced: root may write everywhere."""
        config, data = str(tmp_path / "c" / "config.toml"), str(tmp_path / "d")
        args = argparse.Namespace(config=config, data_dir=data, log_file=None)
        assert [finding.state for finding in machine.folders(args)] == ["ok"] * 4
        may = os.access
        monkeypatch.setattr(os, "access", lambda path, how: how != os.W_OK and may(path, how))
        found = [finding for finding in machine.folders(args) if finding.state != "ok"]
        assert [(finding.topic, finding.state) for finding in found] == [
            ("config", "warning"),
            ("data", "error"),
        ]


class TestServers:
    OLLAMA = Found("Ollama", "ollama", "http://127.0.0.1:11434")
    COMFY = Found("ComfyUI", "comfy", "http://127.0.0.1:8188", "images", "comfy")

    def find(self, tmp_path: Path, *found: Found, config: str = "") -> list[Finding]:
        (tmp_path / "config.toml").write_text(config)
        return list(servers.findings(found, load(tmp_path / "config.toml", {})))

    def test_each_comes_with_how_to_use_it(self, tmp_path: Path):
        chat, images = self.find(tmp_path, self.OLLAMA, self.COMFY)
        assert chat.hint == "pluma --base-url http://127.0.0.1:11434"
        assert images.hint == "pluma profile add comfy --kind comfy --base-url http://127.0.0.1:8188"

    def test_one_with_a_profile_is_told_by_it(self, tmp_path: Path):
        config = '[chat.profiles.mine]\ncompat = "openai"\nbase_url = "http://localhost:11434/v1"\n'
        (finding,) = self.find(tmp_path, self.OLLAMA, config=config)
        assert finding == Finding("servers", "ok", "Ollama at http://127.0.0.1:11434: profile mine")

    def test_one_that_wants_a_key_says_so(self, tmp_path: Path):
        server = Found("vLLM", "vllm", "http://127.0.0.1:8000", wants_key=True)
        (finding,) = self.find(tmp_path, server)
        assert "which wants a key" in finding.text


class TestColours:
    @pytest.mark.parametrize(
        ("env", "text"),
        [
            ({"COLORTERM": "truecolor", "TERM": "xterm"}, "24-bit"),
            ({"COLORTERM": "truecolor", "NO_COLOR": "1"}, "greys only"),
            ({"TERM": "xterm-256color"}, "256"),
            ({"TERM": "vt100"}, "2 "),
            ({"TERM": "linux"}, "8 "),
            ({"TERM": "no-such-terminal"}, "is not described here"),
        ],
    )
    async def test_as_the_environment_says(self, program: Program, env: dict[str, str], text: str):
        """In a process each: a process can read one terminal's description only."""
        assert text in await self.told(program, **env)

    async def test_over_ssh_how_to_pass_them_on(self, program: Program):
        assert "SendEnv" in await self.told(program, TERM="xterm-256color", SSH_CONNECTION="x")

    @staticmethod
    async def told(program: Program, **env: str) -> str:
        findings = (await program.run("doctor", "--json", **env)).json
        (colours,) = (finding for finding in findings if finding["topic"] == "colours")
        return f"{colours['text']} {colours.get('hint', '')}"


class TestClipboard:
    def find(self, path: Path, setting: str = "auto", **env: str) -> Finding:
        (finding,) = clipboard.findings({"PATH": str(path), **env}, setting)
        return finding

    @pytest.fixture
    def tools(self, tmp_path: Path) -> Path:
        for name in ("wl-copy", "xclip"):
            (tmp_path / name).write_text("#!/bin/sh\n")
            (tmp_path / name).chmod(0o755)
        return tmp_path

    def test_programs_count_where_they_have_a_display(self, tools: Path):
        assert "xclip" not in self.find(tools).text
        assert "xclip" in self.find(tools, DISPLAY=":0").text
        assert "wl-copy" in self.find(tools, WAYLAND_DISPLAY="w").text
        assert "tmux's buffers" in self.find(tools, TMUX="x").text

    def test_over_ssh_they_copy_to_the_wrong_machine(self, tools: Path):
        assert "only OSC 52" in self.find(tools, DISPLAY=":0", SSH_TTY="x").hint

    def test_what_to_install(self, tmp_path: Path):
        assert "install xclip" in self.find(tmp_path, DISPLAY=":0").hint
        assert self.find(tmp_path, "command").state == "warning"


GOOD = {
    "version": "3.5a",
    "client_termname": "xterm-256color",
    "client_termfeatures": "256,RGB,extkeys",
    "allow-passthrough": "on",
    "set-clipboard": "on",
    "extended-keys": "always",
    "default-terminal": "tmux-256color",
    "escape-time": "10",
}


class TestTmux:
    def advice(self, **facts: str) -> list[str]:
        return hints(tmux.findings({"TMUX": "x"}, {**GOOD, **facts}))

    def test_a_good_setting_needs_no_advice(self):
        assert self.advice() == []

    @pytest.mark.parametrize(
        ("facts", "line"),
        [
            ({"allow-passthrough": "0"}, "set -g allow-passthrough on"),
            ({"set-clipboard": "external"}, "set -s set-clipboard on"),
            ({"extended-keys": "on"}, "set -s extended-keys always"),
            ({"client_termfeatures": "256,RGB"}, 'set -as terminal-features ",*:extkeys"'),
            ({"client_termfeatures": "256,extkeys"}, 'set -as terminal-features ",*:RGB"'),
            ({"default-terminal": "screen"}, 'set -g default-terminal "tmux-256color"'),
            ({"escape-time": "500"}, "set -s escape-time 10"),
        ],
    )
    def test_each_shortcoming_has_its_line(self, facts: dict[str, str], line: str):
        assert self.advice(**facts) == [f"In tmux.conf: {line}"]

    def test_kitty_outside_has_a_line_of_its_own(self):
        (hint,) = self.advice(client_termname="xterm-kitty", **{"extended-keys": "off"})
        assert hint.startswith("In kitty.conf: map shift+enter")

    def test_outside_of_it_there_is_nothing_to_tell(self):
        assert list(tmux.findings({}, None)) == []
        assert ask({}) is None

    def test_one_that_is_gone(self, tmp_path: Path):
        env = {"TMUX": f"{tmp_path}/gone,1,0", "PATH": str(tmp_path)}
        (finding,) = tmux.findings(env, ask(env))
        assert (finding.state, finding.text) == ("warning", "TMUX is set, and tmux does not answer")


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
class TestInARealTmux:
    @pytest.fixture
    def inside(self, program: Program, tmp_path: Path) -> Iterator[Any]:
        """Starts tmux with these lines of tmux.conf, in it a command, and gives the screen."""
        socket = str(tmp_path / "s")

        def start(command: str, *lines: str) -> Terminal:
            conf = tmp_path / "tmux.conf"
            conf.write_text("\n".join(lines))
            argv = ["tmux", "-S", socket, "-f", str(conf), "new-session", f"{command}; cat"]
            return Terminal(argv, program.env, columns=110, rows=60)

        yield start
        subprocess.run(["tmux", "-S", socket, "kill-server"], capture_output=True, check=False)

    def test_its_settings_are_told_with_the_lines_that_better_them(self, inside: Any):
        with inside(" ".join([*PLUMA, "doctor"]), "set -g status on") as screen:
            screen.until("servers")
            text = screen.text()
        assert "inside tmux" in text
        assert "in a terminal that says xterm-256color" in text
        for line in (
            "set -s set-clipboard on",
            "set -g allow-passthrough on",
            "set -s extended-keys always",
            "set -s escape-time 10",
        ):
            assert line in text
        assert "Gi=31" not in text  # the question about graphics, taken for a title

    def test_the_lines_do_what_they_say(self, inside: Any):
        lines = (
            "set -s set-clipboard on",
            "set -g allow-passthrough on",
            "set -s extended-keys always",
            'set -as terminal-features ",*:extkeys"',
            'set -as terminal-features ",*:RGB"',
            "set -s escape-time 10",
        )
        with inside(" ".join([*PLUMA, "doctor"]), *lines) as screen:
            screen.until("servers")
            text = screen.text()
        assert "inside tmux" in text
        assert "In tmux.conf" not in text

    def test_shift_enter_gets_through(self, inside: Any):
        lines = ("set -s extended-keys always", 'set -as terminal-features ",*:extkeys"')
        with inside(" ".join([*PLUMA, "keys", "--test"]), *lines) as screen:
            screen.until("q twice")
            screen.send("\x1b[27;2;13~")  # as xterm says it
            screen.until(lambda: "shift+enter" in screen.text() and "chat.newline" in screen.text())
