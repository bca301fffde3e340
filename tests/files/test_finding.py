"""Files by a few letters of their names."""

import shutil
import subprocess
from pathlib import Path

import pytest

from pluma_tui.files import finding
from pluma_tui.files.finding import below, beside, best


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.py", "sub/b.py", "sub/deep/c.py", ".hidden/d.py", ".env", "build/out.o"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "around").symlink_to(tmp_path, target_is_directory=True)
    return tmp_path


def test_a_folder_is_walked_near_ones_first_without_hidden_folders_or_links(folder: Path) -> None:
    found = below(folder)
    assert set(found) == {"a.py", ".env", "sub/b.py", "build/out.o", "sub/deep/c.py"}
    assert found[-1] == "sub/deep/c.py"


def test_a_walk_ends_at_its_limit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "MOST", 3)
    assert len(below(folder)) <= 3


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_in_a_work_tree_what_git_ignores_is_left_out_and_no_program_of_it_is_run(folder: Path) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)

    git("init", "-q")
    git("config", "core.fsmonitor", f"touch {folder}/ran; false")
    (folder / ".gitignore").write_text("build/\n")
    (folder / "é x.py").write_text("x")
    assert {"a.py", "sub/b.py", "é x.py", ".hidden/d.py"} <= set(below(folder))
    assert "build/out.o" not in below(folder)
    assert not (folder / "ran").exists()


def test_the_entries_beside_are_named_as_the_path_was_begun(folder: Path) -> None:
    assert beside(f"{folder}/su") == [
        f"{folder}/{name}" for name in (".env", ".hidden/", "a.py", "around/", "build/", "sub/")
    ]
    assert beside("/nowhere/at/all/x") == beside("/\0/x") == []


def test_the_likeliest_come_first() -> None:
    names = ["src/player.py", "docs/plan.md", "plan", "src/plan_b.py", "apple/lane.py"]
    assert best(names, "plan", 10) == ["plan", "docs/plan.md", "src/plan_b.py", "apple/lane.py"]
    assert best(names, "splyr", 10) == ["src/player.py"]
    assert best(names, "p", 2) == ["plan", "docs/plan.md"]
    assert best(names, "(.*", 2) == []


def test_hidden_files_are_found_if_they_are_asked_for() -> None:
    names = [".env", "env.py", "a/.git/env"]
    assert best(names, "env", 10) == ["env.py"]
    assert best(names, ".env", 10)[0] == ".env"
    assert best(["../x", "../.y"], "../", 10) == ["../x"]
