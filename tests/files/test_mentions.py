"""Files that a message names."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pluma_tui.core.chat import File
from pluma_tui.core.errors import UsageError
from pluma_tui.files.mentions import mention, mentioned, picture, read


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a.txt", "b c.txt", "cat.png", "it's here.png"):
        (tmp_path / name).write_text("text")
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("see @a.txt", ["a.txt"]),
        ("(@a.txt), @a.txt.", ["a.txt"]),
        ('@"b c.txt" and @~/a.txt', ["b c.txt", "~/a.txt"]),
        ("me@a.txt", []),
        ("@sub @nothing @ @\0 @" + "x" * 5000, []),
    ],
)
def test_names_of_files_that_are_there(folder: Path, text: str, names: list[str]) -> None:
    assert mentioned(text) == names


def test_the_files_are_parts_in_their_order(folder: Path) -> None:
    assert read('@"b c.txt" @a.txt') == (File("b c.txt", "text"), File("a.txt", "text"))


def test_a_file_that_is_no_text_is_told(folder: Path) -> None:
    (folder / "blob").write_bytes(b"\0")
    with pytest.raises(UsageError, match="neither a picture nor text"):
        read("@a.txt @blob")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text())
def test_any_text_can_be_looked_through(folder: Path, text: str) -> None:
    assert all(Path(name).expanduser().is_file() for name in mentioned(f"@{text}"))


@pytest.mark.parametrize("name", ["a.txt", "b c.txt"])
def test_a_name_that_is_put_in_is_found_again(folder: Path, name: str) -> None:
    assert mentioned(f"x {mention(name)} y") == [name]


def test_a_picture_s_path_is_known_however_a_terminal_pastes_it(folder: Path) -> None:
    path = str(folder / "it's here.png")
    escaped = path.replace("'", "\\'").replace(" ", "\\ ")
    for pasted in (f'"{path}"', escaped, f"file://{path.replace(' ', '%20')}", f"{path}\n"):
        assert picture(pasted) == path
    assert picture("~/cat.png") == "~/cat.png"


@pytest.mark.parametrize(
    "pasted", ["cat.png", "/nowhere/cat.png", "~/a.txt", "see ~/cat.png", "", "/x\n.png"]
)
def test_any_other_text_is_none(folder: Path, pasted: str) -> None:
    assert picture(pasted) == ""
