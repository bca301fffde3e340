"""Copying: the way is found, and no message claims more than what is known."""

import base64
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pluma_tui.terminal import clipboard
from pluma_tui.terminal.clipboard import COPIED, UNKNOWN

TEXT = "Grüße\nfrom pluma"


class Line:
    """A terminal: `takes` what is written, `tells` what its clipboard holds."""

    def __init__(self, *, name: str = "", takes: bool = True, tells: bool = True) -> None:
        self.name = name
        self.written = ""
        self.asked = 0
        self._takes = takes
        self._tells = tells

    def write(self, data: str) -> None:
        self.written += data

    async def clipboard(self) -> str | None:
        self.asked += 1
        held = self.written.removeprefix("\x1b]52;c;").removesuffix("\x1b\\") if self._takes else ""
        return held if self._tells else None


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder for programs; PATH holds nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def program(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


class TestChoosing:
    def test_a_setting_is_followed(self) -> None:
        assert clipboard.choose("tmux", {}) == "tmux"

    def test_a_program_on_ones_own_machine(self, tools: Path) -> None:
        program(tools, "xclip", "true")
        assert clipboard.choose("auto", {"PATH": str(tools), "DISPLAY": ":0", "TMUX": "x"}) == "command"

    def test_over_ssh_a_program_would_copy_on_the_wrong_machine(self, tools: Path) -> None:
        program(tools, "xclip", "true")
        environ = {"PATH": str(tools), "DISPLAY": ":0", "SSH_TTY": "/dev/pts/1"}
        assert clipboard.choose("auto", environ) == "osc52"
        assert clipboard.choose("auto", {**environ, "TMUX": "x"}) == "tmux"

    def test_without_a_display_there_is_nothing_for_it_to_copy_to(self, tools: Path) -> None:
        program(tools, "xclip", "true")
        assert clipboard.choose("auto", {"PATH": str(tools)}) == "osc52"


class TestByProgram:
    async def test_its_exit_says_that_it_is_copied(self, tools: Path) -> None:
        program(tools, "wl-copy", f'PATH=/usr/bin:/bin; cat > "{tools}/held"')
        environ = {"PATH": str(tools), "WAYLAND_DISPLAY": "wayland-0"}
        assert await clipboard.copy(TEXT, "command", environ, Line()) == COPIED
        assert (tools / "held").read_text() == TEXT

    async def test_one_that_stays_behind_to_hold_the_text_is_not_waited_for(self, tools: Path) -> None:
        program(tools, "wl-copy", "PATH=/usr/bin:/bin; cat >/dev/null; sleep 30 &")
        environ = {"PATH": str(tools), "WAYLAND_DISPLAY": "wayland-0"}
        assert await clipboard.copy(TEXT, "command", environ, Line()) == COPIED

    async def test_one_that_fails_is_told(self, tools: Path) -> None:
        program(tools, "xclip", "exit 3")
        told = await clipboard.copy(TEXT, "command", {"PATH": str(tools), "DISPLAY": ":0"}, Line())
        assert told == "Nothing was copied: xclip failed (3)."

    async def test_none_is_told(self, tools: Path) -> None:
        told = await clipboard.copy(TEXT, "command", {"PATH": str(tools)}, Line())
        assert told.startswith("Nothing was copied: there is no program")


class TestOsc52:
    async def test_what_can_be_read_back_is_copied(self) -> None:
        line = Line()
        assert await clipboard.copy(TEXT, "osc52", {}, line) == COPIED
        assert line.written == f"\x1b]52;c;{base64.b64encode(TEXT.encode()).decode()}\x1b\\"

    async def test_what_reads_back_as_something_else_was_not_taken(self) -> None:
        told = await clipboard.copy(TEXT, "osc52", {}, Line(takes=False))
        assert told.startswith("The terminal did not take it")

    async def test_where_nothing_is_answered_nothing_is_claimed(self) -> None:
        assert await clipboard.copy(TEXT, "osc52", {}, Line(tells=False)) == UNKNOWN

    @pytest.mark.parametrize(("name", "term"), [("kitty(0.41.1)", ""), ("", "xterm-ghostty")])
    async def test_a_terminal_that_would_ask_the_person_is_not_asked(self, name: str, term: str) -> None:
        line = Line(name=name)
        assert await clipboard.copy(TEXT, "osc52", {"TERM": term}, line) == UNKNOWN
        assert line.asked == 0

    async def test_a_very_long_text_is_sent_with_a_warning(self) -> None:
        told = await clipboard.copy("x" * 80_000, "osc52", {}, Line(tells=False))
        assert "longer than many terminals take" in told

    async def test_text_that_is_no_text(self) -> None:
        assert await clipboard.copy("a\ud800b", "osc52", {}, Line()) == COPIED


async def test_off_is_off() -> None:
    line = Line()
    assert await clipboard.copy(TEXT, "off", {}, line) == "Nothing was copied: ui.clipboard is off."
    assert line.written == ""


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A real tmux without a terminal around it; yields what a program inside of it has in its environment."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    socket = tmp_path / "tmux"
    base = ["tmux", "-f", "/dev/null", "-S", str(socket)]
    subprocess.run([*base, "new-session", "-d", "cat"], env=environ, check=True)
    try:
        yield {**environ, "TMUX": f"{socket},1,0"}
    finally:
        subprocess.run([*base, "kill-server"], env=environ, check=False)


class TestTmux:
    async def test_its_buffer_holds_the_text_and_no_more_is_claimed(self, tmux: dict[str, str]) -> None:
        told = await clipboard.copy(TEXT, "auto", {**tmux, "SSH_TTY": "x"}, Line())
        assert told.startswith("Copied to tmux's buffer; its terminal is not known to have a clipboard")
        held = subprocess.run(["tmux", "show-buffer"], env=tmux, capture_output=True, check=True).stdout
        assert held.decode() == TEXT

    async def test_osc_52_that_does_not_get_through_is_not_sent(self, tmux: dict[str, str]) -> None:
        line = Line()
        told = await clipboard.copy(TEXT, "osc52", tmux, line)
        assert told.startswith("Nothing was copied: tmux lets no OSC 52 through")
        assert line.written == ""

    async def test_osc_52_is_wrapped_where_tmux_passes_things_on(self, tmux: dict[str, str]) -> None:
        subprocess.run(["tmux", "set", "-g", "allow-passthrough", "on"], env=tmux, check=True)
        line = Line()
        assert await clipboard.copy(TEXT, "osc52", tmux, line) == UNKNOWN
        assert line.written.startswith("\x1bPtmux;\x1b\x1b]52;c;")
        assert line.asked == 0

    async def test_without_tmux_it_is_told(self) -> None:
        told = await clipboard.copy(TEXT, "tmux", {}, Line())
        assert told == "Nothing was copied: ui.clipboard is tmux, and no tmux answers."
