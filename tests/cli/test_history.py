"""`pluma history`, through the whole command line."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pluma_tui.cli.main import main

HOSTILE = "a\ud800b \x1b[2J\x9b漢字"
FILE: dict[str, Any] = {
    "format": "pluma-conversation",
    "version": 1,
    "id": "abc",
    "title": "Birds",
    "created": "2026-01-01T10:00:00Z",
    "updated": "2026-01-02T10:00:00Z",
    "profile": "home",
    "model": "m",
    "messages": [
        {"id": "q", "parent": None, "role": "user", "text": "Which?", "chosen": True},
        {"id": "a", "parent": "q", "role": "assistant", "text": "The robin", "chosen": True, "mood": 1},
        {"id": "b", "parent": "q", "role": "assistant", "text": "The wren", "chosen": False},
    ],
}


class Done(NamedTuple):
    code: int
    out: str
    err: str


Pluma = Callable[..., Done]


@pytest.fixture
def pluma(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Pluma:
    monkeypatch.setenv("PLUMA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PLUMA_CONFIG", str(tmp_path / "config.toml"))

    def run(*args: object) -> Done:
        code = main(["history", *map(str, args)])
        out, err = capsysbinary.readouterr()
        return Done(code, out.decode("utf-8"), err.decode("utf-8"))

    return run


@pytest.fixture
def stored(pluma: Pluma, file: Callable[..., Path]) -> None:
    assert pluma("import", file()) == (0, "abc\n", "")


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    """A file of that conversation, with what the test wants otherwise."""

    def write(**changes: Any) -> Path:
        path = tmp_path / "in.json"
        path.write_text(json.dumps({**FILE, **changes}))
        return path

    return write


def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)


def test_an_empty_history_says_so_and_is_no_error(pluma: Pluma) -> None:
    done = pluma("list")
    assert (done.code, done.out) == (0, "")
    assert "no conversation yet" in done.err
    assert json.loads(pluma("list", "--json").out) == []


def test_list_shows_the_newest_first(pluma: Pluma, stored: None, file: Callable[..., Path]) -> None:
    pluma("import", file(id="new", title=HOSTILE, updated="2026-01-03T10:00:00Z"))
    lines = pluma("list").out.splitlines()
    assert [line.split()[0] for line in lines] == ["new", "abc"]
    assert all(word in lines[1] for word in ("2026-01-0", "3", "home", "m", "Birds"))


def test_list_json_is_an_array_with_the_promised_fields(
    pluma: Pluma, stored: None, file: Callable[..., Path]
) -> None:
    pluma("import", file(id="new", title=HOSTILE, updated="2026-01-03T10:00:00Z"))
    first, second = json.loads(pluma("list", "--json").out)
    assert first["title"] == HOSTILE
    assert second == {
        "id": "abc", "title": "Birds", "created": "2026-01-01T10:00:00Z", "updated": "2026-01-02T10:00:00Z",
        "messages": 3, "profile": "home", "model": "m",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["abc", "ab", "last"])
def test_show_prints_the_chosen_path(pluma: Pluma, stored: None, name: str) -> None:
    done = pluma("show", name)
    assert done.code == 0
    assert "# Birds" in done.out and "The robin" in done.out and "The wren" not in done.out


def test_show_is_true_in_a_pipe_and_safe_on_a_terminal(
    pluma: Pluma, file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pluma("import", file(messages=[{"role": "user", "text": HOSTILE}]))
    assert "a?b \x1b[2J\x9b漢字" in pluma("show", "abc").out
    on_a_terminal(monkeypatch)
    shown = pluma("show", "abc").out
    assert "漢字" in shown and "\x1b" not in shown and "\x9b" not in shown
    listed = pluma("list").out
    assert "\x1b" not in listed


def test_show_json_is_the_file_that_was_imported(pluma: Pluma, stored: None) -> None:
    assert json.loads(pluma("show", "abc", "--json").out) == FILE


@pytest.mark.parametrize("where", ["-", "out.json", "out.txt"])
def test_export_json_is_the_file_that_was_imported(
    pluma: Pluma, stored: None, tmp_path: Path, where: str
) -> None:
    path = where if where == "-" else tmp_path / where
    done = pluma("export", "abc", "--format", "json", "--output", path)
    text = done.out if isinstance(path, str) else path.read_text()
    assert json.loads(text) == FILE
    assert bool(done.out) == (where == "-")


def test_export_is_markdown_unless_the_name_says_json(pluma: Pluma, stored: None, tmp_path: Path) -> None:
    assert pluma("export", "abc").out.startswith("# Birds\n")
    pluma("export", "abc", "-o", tmp_path / "x.md")
    pluma("export", "abc", "-o", tmp_path / "x.json")
    assert (tmp_path / "x.md").read_text() == pluma("show", "abc").out
    assert json.loads((tmp_path / "x.json").read_text()) == FILE
    assert (tmp_path / "x.md").stat().st_mode & 0o777 == 0o600


def test_what_unicode_cannot_carry_survives_in_json_files(
    pluma: Pluma, file: Callable[..., Path], tmp_path: Path
) -> None:
    pluma("import", file(messages=[{"role": "user", "text": HOSTILE}], title=HOSTILE))
    assert json.loads(pluma("export", "abc", "--json").out)["title"] == HOSTILE
    assert pluma("export", "abc", "-o", tmp_path / "x.json").code == 0
    assert pluma("delete", "abc").code == 0
    assert pluma("import", tmp_path / "x.json").out == "abc\n"
    assert json.loads(pluma("show", "abc", "--json").out)["messages"][0]["text"] == HOSTILE
    assert pluma("export", "abc", "-o", tmp_path / "x.md").code == 0
    assert "a?b" in (tmp_path / "x.md").read_text()


def test_importing_the_same_file_again_stores_nothing(
    pluma: Pluma, stored: None, file: Callable[..., Path]
) -> None:
    done = pluma("import", file())
    assert (done.code, done.out) == (0, "abc\n")
    assert "stored already" in done.err
    assert len(json.loads(pluma("list", "--json").out)) == 1


def test_importing_another_conversation_of_that_id_gives_it_a_new_one(
    pluma: Pluma, stored: None, file: Callable[..., Path]
) -> None:
    done = pluma("import", file(title="Fish"), "--json")
    (new,) = json.loads(done.out)
    assert new != "abc" and new in done.err
    titles = {one["id"]: one["title"] for one in json.loads(pluma("list", "--json").out)}
    assert titles == {"abc": "Birds", new: "Fish"}


@pytest.mark.parametrize("content", [b"{", b"\xff", json.dumps({**FILE, "version": 2}).encode()])
def test_a_file_that_is_none_of_ours_is_refused(pluma: Pluma, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    done = pluma("import", path)
    assert (done.code, done.out) == (2, "")
    assert "bad.json" in done.err
    assert json.loads(pluma("list", "--json").out) == []


def test_files_that_cannot_be_opened_are_told(pluma: Pluma, stored: None, tmp_path: Path) -> None:
    for args in (
        ("import", tmp_path / "missing.json"),
        ("import", tmp_path),
        ("export", "abc", "-o", tmp_path),
        ("export", "abc", "-o", tmp_path / "missing" / "x.md"),
    ):
        done = pluma(*args)
        assert (done.code, done.out) == (2, "")
        assert str(tmp_path) in done.err


def test_export_writes_into_a_device_and_does_not_replace_it(
    pluma: Pluma, stored: None, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert pluma("export", "abc", "-o", pipe).code == 0
        assert os.read(reader, 100).startswith(b"# Birds")
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_delete_removes_it(pluma: Pluma, stored: None) -> None:
    done = pluma("delete", "abc")
    assert (done.code, done.out) == (0, "")
    assert "Birds" in done.err
    assert json.loads(pluma("list", "--json").out) == []


@pytest.mark.parametrize("action", ["show", "export", "delete"])
@pytest.mark.parametrize("name", ["nope", "", "last"])
def test_a_conversation_that_is_not_there_is_wrong_use(pluma: Pluma, action: str, name: str) -> None:
    done = pluma(action, name)
    assert (done.code, done.out) == (2, "")
    assert "there is no conversation" in done.err


@pytest.mark.parametrize("url", ['"postgresql://u:secret@h/d"', '"nonsense"', "3"])
def test_a_store_that_cannot_be_used_is_a_matter_of_the_config(
    pluma: Pluma, tmp_path: Path, url: str
) -> None:
    (tmp_path / "config.toml").write_text(f"[storage]\nurl = {url}\n")
    done = pluma("list")
    assert done.code == 3
    assert "storage.url" in done.err and "secret" not in done.err
    assert not (tmp_path / "data").exists()


def test_a_damaged_database_is_a_line_and_no_traceback(pluma: Pluma, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "conversations.db").write_bytes(b"\x00" * 20_000)
    done = pluma("list")
    assert done.code == 1
    assert "damaged" in done.err and "Traceback" not in done.err


def test_import_and_export_work_in_a_pipe(tmp_path: Path) -> None:
    def run(*args: str, data: bytes = b"") -> bytes:
        pluma = [sys.executable, "-m", "pluma_tui", "--data-dir", str(tmp_path / "data"), "history"]
        return subprocess.run([*pluma, *args], input=data, capture_output=True, check=True).stdout

    assert run("import", "-", data=json.dumps(FILE).encode()) == b"abc\n"
    assert json.loads(run("export", "last", "--format", "json")) == FILE


def test_the_command_loads_nothing_heavy(tmp_path: Path) -> None:
    probe = (
        "import sys; from pluma_tui.cli.main import main; main(sys.argv[1:]);"
        "print([name for name in ('httpx', 'textual', 'markdown_it') if name in sys.modules])"
    )
    path = tmp_path / "in.json"
    path.write_text(json.dumps(FILE))
    for args in (["import", str(path)], ["list"], ["export", "abc"]):
        command = [sys.executable, "-c", probe, "--data-dir", str(tmp_path), "history", *args]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.endswith("\n[]\n")
