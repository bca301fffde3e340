"""The library: which models are there, and which one a profile means."""

from pathlib import Path

import pytest

from pluma_tui import local
from pluma_tui.core.errors import ConfigError, UsageError
from pluma_tui.local.models import folder, remove, resolve, size_text


def put(data: Path, name: str, content: bytes = b"GGUF and more") -> Path:
    folder(data).mkdir(parents=True, exist_ok=True)
    path = folder(data) / name
    path.write_bytes(content)
    return path


def test_no_folder_is_an_empty_library(tmp_path: Path) -> None:
    assert local.installed(tmp_path) == []


def test_lists_the_default_first_then_by_name(tmp_path: Path) -> None:
    for name in ("Zebra.gguf", "ant.gguf", "smollm2-135m.gguf", ".hidden.gguf", "notes.txt"):
        put(tmp_path, name)
    (folder(tmp_path) / "folder.gguf").mkdir()
    models = local.installed(tmp_path)
    assert [model.name for model in models] == ["smollm2-135m", "ant", "Zebra"]
    assert models[0].size == len(b"GGUF and more")


def test_a_link_to_a_model_elsewhere_is_a_model_and_removing_it_keeps_the_file(tmp_path: Path) -> None:
    big = tmp_path / "elsewhere.gguf"
    big.write_bytes(b"GGUF")
    put(tmp_path, "x.gguf")
    (folder(tmp_path) / "linked.gguf").symlink_to(big)
    assert [model.name for model in local.installed(tmp_path)] == ["linked", "x"]
    remove("linked", tmp_path)
    assert big.exists()
    assert [model.name for model in local.installed(tmp_path)] == ["x"]


def test_an_unreadable_library_is_said_to_be_one(tmp_path: Path) -> None:
    folder(tmp_path).write_text("a file in the way")
    with pytest.raises(ConfigError, match="cannot be read: Not a directory"):
        local.installed(tmp_path)


def test_a_profile_without_a_model_means_the_default_else_the_first(tmp_path: Path) -> None:
    put(tmp_path, "zebra.gguf")
    put(tmp_path, "ant.gguf")
    assert resolve("", tmp_path).name == "ant"
    put(tmp_path, "smollm2-135m.gguf")
    assert resolve("", tmp_path).name == "smollm2-135m"


def test_a_profile_may_name_a_model_or_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "ant.gguf")
    put(tmp_path, "zebra.gguf")
    assert resolve("zebra", tmp_path).path == folder(tmp_path) / "zebra.gguf"
    (tmp_path / "own.gguf").write_bytes(b"GGUF")
    assert resolve(str(tmp_path / "own.gguf"), tmp_path).name == "own"
    monkeypatch.chdir(tmp_path)
    assert resolve("own.gguf", tmp_path).path == tmp_path / "own.gguf"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve("~/own.gguf", tmp_path).path == tmp_path / "own.gguf"


def test_an_empty_library_says_how_to_get_a_model(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve("", tmp_path)
    assert "pluma local install" in caught.value.hint


def test_an_unknown_model_says_what_was_meant(tmp_path: Path) -> None:
    put(tmp_path, "qwen3-8b.gguf")
    with pytest.raises(ConfigError) as caught:
        resolve("qwen3-8", tmp_path)
    assert "qwen3-8b" in caught.value.hint
    with pytest.raises(UsageError) as wrong:
        remove("something", tmp_path)
    assert "qwen3-8b" in wrong.value.hint


@pytest.mark.parametrize("content", [b"", b"GGU", b"<html>", b"\x00\x00\x00\x00"])
def test_a_path_to_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.gguf").write_bytes(content)
    with pytest.raises(ConfigError, match="no GGUF"):
        resolve(str(tmp_path / "x.gguf"), tmp_path)


def test_a_path_to_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        resolve(str(tmp_path / "x.gguf"), tmp_path)


def test_remove_never_leaves_the_library(tmp_path: Path) -> None:
    put(tmp_path, "in.gguf")
    outside = tmp_path / "out.gguf"
    outside.write_bytes(b"GGUF")
    for name in ("../out", "../out.gguf", str(outside), "", "."):
        with pytest.raises(UsageError):
            remove(name, tmp_path)
    assert outside.exists()


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (98_362_432, "98 MB"), (4_920_000_000, "4.9 GB")],
)
def test_sizes_for_people(size: int, text: str) -> None:
    assert size_text(size) == text
