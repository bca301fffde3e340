import pytest

from pluma_tui.terminal import attention
from pluma_tui.terminal.attention import BELL


@pytest.mark.parametrize(
    ("name", "environ", "sent"),
    [
        ("", {"TERM": "xterm-256color"}, BELL),
        ("foot(1.13.1)", {}, "\x1b]777;notify;pluma;Answered: a, b\x1b\\"),
        ("", {"TERM": "xterm-kitty"}, "\x1b]9;Answered: a, b\x1b\\"),
        ("", {"LC_TERMINAL": "iTerm2"}, "\x1b]9;Answered: a, b\x1b\\"),
    ],
)
def test_each_terminal_is_called_in_its_own_way(name: str, environ: dict[str, str], sent: str) -> None:
    assert attention.call("auto", environ, name, "Answered: a; b") == sent


def test_the_setting_goes_before_what_the_terminal_is() -> None:
    assert attention.call("off", {}, "foot", "x") == ""
    assert attention.call("bell", {}, "foot", "x") == BELL
    assert attention.call("osc9", {}, "", "x") == "\x1b]9;x\x1b\\"


def test_a_title_cannot_end_the_sequence() -> None:
    sent = attention.call("osc9", {}, "", "a\x07b\x1b\\c\x9c\nd")
    assert sent.startswith("\x1b]9;")
    assert sent.endswith("\x1b\\")
    assert not set(sent[4:-2]) & {"\x07", "\x1b", "\x9c", "\n"}


def test_in_a_tmux_that_does_not_answer_it_is_the_bell() -> None:
    assert attention.call("osc9", {"TMUX": "/nowhere,1,0", "PATH": "/nowhere"}, "", "x") == BELL
