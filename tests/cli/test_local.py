"""`pluma local`, as a script and as a person at a terminal call it."""

import json
import subprocess
import sys
from pathlib import Path

import ptyprocess
import pytest

from pluma_tui.cli import main as cli


def pluma(data: Path, *words: str) -> int:
    return cli.main(["--data-dir", str(data), "local", *words])


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(b"GGUF and more")
    return path


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUMA_DATA_DIR", "")  # --data-dir sets it: undone after the test


def test_a_file_is_installed_listed_and_removed(
    tmp_path: Path, gguf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    assert pluma(data, "install", str(gguf)) == 0
    out, err = capsys.readouterr()
    assert out == f"{data}/models/tiny.gguf\n"
    assert "Installed tiny" in err
    assert pluma(data, "list") == 0
    assert capsys.readouterr().out == "tiny  13 bytes\n"
    assert pluma(data, "remove", "tiny") == 0
    out, err = capsys.readouterr()
    assert (out, "Removed tiny" in err) == ("", True)
    assert pluma(data, "list") == 0
    out, err = capsys.readouterr()
    assert (out, "pluma local install" in err) == ("", True)


def test_json_is_all_of_stdout(tmp_path: Path, gguf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    assert pluma(data, "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []
    expected = {"name": "tiny", "size": 13, "path": f"{data}/models/tiny.gguf"}
    assert pluma(data, "install", str(gguf), "--json") == 0
    assert json.loads(capsys.readouterr().out) == expected
    assert pluma(data, "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == [expected]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["install", "gpt-9"], 2, "smollm2-135m"),
        (["install", "https://models.example/x.gguf"], 2, "--sha256"),
        (["install", "missing.gguf"], 2, "No such file"),
        (["remove", "gpt-9"], 2, "gpt-9"),
        (["install", "http://127.0.0.1:1/x.gguf", "--sha256", "0" * 64], 5, "127.0.0.1:1"),
    ],
)
def test_what_goes_wrong_is_one_line_and_a_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, told: str
) -> None:
    assert pluma(tmp_path / "data", *words) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err
    assert err.count("\n") == 1


def test_names_cannot_act_on_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / "a\x1b[2J\nb.gguf").write_bytes(b"GGUF")
    assert pluma(tmp_path, "list") == 0
    assert capsys.readouterr().out == "a b  4 bytes\n"
    assert pluma(tmp_path, "remove", "c") == 2
    assert "\x1b" not in capsys.readouterr().err
    assert pluma(tmp_path, "remove", "a\x1b[2J\nb") == 0
    assert "\x1b" not in capsys.readouterr().err


def test_a_terminal_sees_how_much_has_come(tmp_path: Path, gguf: Path) -> None:
    gguf.write_bytes(b"GGUF" + bytes(3_000_000))
    command = [sys.executable, "-m", "pluma_tui", "--data-dir", str(tmp_path / "data"), "local", "install"]
    terminal = ptyprocess.PtyProcess.spawn([*command, str(gguf)])
    seen = b""
    with pytest.raises(EOFError):
        while True:
            seen += terminal.read()
    terminal.wait()
    assert terminal.exitstatus == 0
    assert b"3.0 MB of 3.0 MB, 100 %" in seen


def test_no_library_of_the_network_or_the_screen_is_loaded(tmp_path: Path, gguf: Path) -> None:
    program = (
        "import sys; from pluma_tui.cli.main import main\n"
        "for words in (['list'], ['install', sys.argv[2]], ['remove', 'tiny']):\n"
        "    assert main(['--data-dir', sys.argv[1], 'local', *words]) == 0\n"
        "print(sorted({'httpx', 'textual', 'xllamacpp'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "data"), str(gguf)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
