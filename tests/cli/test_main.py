"""The command line itself: flags, commands, what it says of wrong use."""

import pytest

from pluma_tui import __version__
from pluma_tui.cli.main import COMMANDS, build_parser
from tests.cli.program import PLUMA, Program
from tests.servers.terminal import Terminal


async def test_the_version_is_one_line(program: Program):
    done = await program.run("--version")
    assert (done.code, done.out, done.err) == (0, f"pluma {__version__}\n", "")
    assert program.files() == {}


async def test_help_names_every_command(program: Program):
    done = await program.run("--help")
    assert done.code == 0
    assert all(f"\n    {name} " in done.out for name in COMMANDS)


@pytest.mark.parametrize(
    "args", [("--versio",), ("ask", "--mod", "m", "hi"), ("ask", "--jso", "hi"), ("as", "hi")]
)
def test_nothing_is_guessed_from_an_abbreviation(args: tuple[str, ...], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args(args)
    assert ended.value.code == 2
    assert "usage: pluma" in capsys.readouterr().err


@pytest.mark.parametrize(
    "args", [("--nonsense",), ("nonsense",), ("ask", "--nonsense", "hi"), ("ask", "a", "b")]
)
async def test_wrong_use_exits_2(program: Program, args: tuple[str, ...]):
    done = await program.run(*args)
    assert (done.code, done.out) == (2, "")
    assert "usage: pluma" in done.err


FLAGS = ("--config", "C", "--data-dir", "D", "--log-file", "L", "--base-url", "U", "--api-key-env", "K")


@pytest.mark.parametrize(
    "args",
    [
        (*FLAGS, "ask", "hi"),
        ("ask", *FLAGS, "hi"),
        ("ask", "hi", *FLAGS),
        (*FLAGS[:4], "ask", *FLAGS[4:], "hi"),
    ],
)
def test_global_flags_stand_before_or_after_the_command(args: tuple[str, ...]):
    parsed = build_parser().parse_args(args)
    found = (
        parsed.config,
        parsed.data_dir,
        parsed.log_file,
        parsed.base_url,
        parsed.api_key_env,
        parsed.prompt,
    )
    assert found == ("C", "D", "L", "U", "K", "hi")


@pytest.mark.parametrize(
    "args", [("-p", "P", "-m", "M", "-c", "C", "ask"), ("ask", "-p", "P", "-m", "M", "-c", "C")]
)
def test_what_stands_before_the_command_is_not_lost(args: tuple[str, ...]):
    parsed = build_parser().parse_args(args)
    assert (parsed.profile, parsed.model, parsed.continue_id) == ("P", "M", "C")


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_short_option_has_a_long_one(command: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        build_parser().parse_args([command, "--help"])
    options = [line.split("  ")[1] for line in capsys.readouterr().out.splitlines() if line.startswith("  -")]
    assert options
    assert [option for option in options if "--" not in option] == []


async def test_the_app_needs_a_terminal_and_says_so(program: Program):
    done = await program.run()
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("pluma: the app needs a terminal. ")
    assert "pluma --plain" in done.err
    assert "pluma ask" in done.err


async def test_the_app_refuses_a_dumb_terminal(program: Program):
    code, output = await program.on_terminal(TERM="dumb")
    assert code == 2
    assert b"cannot show a full-screen app" in output
    assert b"pluma --plain" in output
    assert b"\x1b" not in output


def test_the_app_refuses_a_terminal_that_is_too_small(program: Program):
    with Terminal(PLUMA, program.env, columns=20, rows=5) as terminal:
        assert terminal.wait() == 2
        assert b"20x5" in terminal.output
        assert b"\x1b" not in terminal.output
