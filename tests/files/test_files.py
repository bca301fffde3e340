import os
from pathlib import Path

import pytest

from pluma_tui.core.chat import File, Image
from pluma_tui.core.errors import UsageError
from pluma_tui.files import atomic, attach, paths

PNG = b"\x89PNG\r\n\x1a\n rest"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


class TestPaths:
    def test_everything_is_below_home_by_default(self, home: Path):
        places = [paths.config_file(), paths.data_dir(), paths.cache_dir(), paths.log_file()]
        assert all(place.is_relative_to(home) and "pluma" in place.parts for place in places)
        assert paths.config_file().name == "config.toml"
        assert list(home.iterdir()) == []

    def test_a_flag_wins_over_the_variable_and_the_variable_over_the_default(
        self, monkeypatch: pytest.MonkeyPatch, home: Path
    ):
        for variable, find in (
            ("PLUMA_CONFIG", paths.config_file),
            ("PLUMA_DATA_DIR", paths.data_dir),
            ("PLUMA_LOG", paths.log_file),
        ):
            monkeypatch.setenv(variable, "~/from-variable")
            assert find("/from/flag") == Path("/from/flag")
            assert find() == home / "from-variable"

    def test_a_home_that_nobody_has_is_no_error(self):
        assert paths.expanded("~nobody-of-that-name/x") == Path("~nobody-of-that-name/x")

    def test_pictures_go_where_the_setting_says_else_to_the_users_folder_else_to_the_data(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ):
        data = Path("/data")
        assert paths.pictures_dir("~/mine", data) == home / "mine"
        assert paths.pictures_dir("", data) == data / "pictures"
        (home / "Pictures").mkdir()
        assert paths.pictures_dir("", data) == home / "Pictures" / "pluma"

    def test_a_private_folder_is_its_owners_and_its_parents_are_usual(self, tmp_path: Path):
        folder = paths.private_dir(tmp_path / "a" / "b")
        assert mode(folder) == 0o700
        assert mode(tmp_path / "a") != 0o700
        folder.chmod(0o755)
        assert mode(paths.private_dir(folder)) == 0o755

    def test_the_home_folder_is_shown_short(self, home: Path):
        assert paths.shown(home / "a") == "~/a"
        assert paths.shown(Path("/etc/a")) == "/etc/a"


class TestAtomic:
    def test_a_new_file_is_private(self, tmp_path: Path):
        path = tmp_path / "new" / "file"
        atomic.write(path, b"data")
        assert (path.read_bytes(), mode(path), mode(path.parent)) == (b"data", 0o600, 0o700)

    def test_an_old_file_keeps_its_mode(self, tmp_path: Path):
        path = tmp_path / "file"
        path.write_bytes(b"old")
        path.chmod(0o640)
        atomic.write(path, b"new")
        assert (path.read_bytes(), mode(path)) == (b"new", 0o640)

    def test_a_link_stays_a_link(self, tmp_path: Path):
        (tmp_path / "link").symlink_to("target")
        atomic.write(tmp_path / "link", b"data")
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "target").read_bytes() == b"data"

    def test_what_fails_half_way_leaves_the_old_file_and_nothing_else(self, tmp_path: Path):
        path = tmp_path / "file"
        path.write_bytes(b"old")
        with pytest.raises(KeyboardInterrupt), atomic.replacing(path) as file:
            file.write(b"half of the new")
            raise KeyboardInterrupt
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_disk_that_refuses_leaves_the_old_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        path = tmp_path / "file"
        path.write_bytes(b"old")

        def full(handle: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            atomic.write(path, b"new")
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]


class TestAttach:
    @pytest.mark.parametrize(
        ("start", "kind"),
        [
            (PNG, "image/png"),
            (b"\xff\xd8\xff\xe0", "image/jpeg"),
            (b"GIF89a", "image/gif"),
            (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        ],
    )
    def test_a_picture_is_told_by_its_bytes_whatever_its_name(self, tmp_path: Path, start: bytes, kind: str):
        path = tmp_path / "notes.txt"
        path.write_bytes(start)
        assert attach.read(str(path)) == Image(start, kind, "notes.txt")

    def test_text_is_read(self, tmp_path: Path):
        path = tmp_path / "a.md"
        path.write_text("grün\n", "utf-8")
        assert attach.read(str(path)) == File("a.md", "grün\n")

    @pytest.mark.parametrize("data", [b"\xff\xfeh\0i\0", b"\0" * 100, b"RIFF\0\0\0\0WAVE", b"text\xff"])
    def test_what_is_neither_is_refused(self, tmp_path: Path, data: bytes):
        path = tmp_path / "a.bin"
        path.write_bytes(data)
        with pytest.raises(UsageError, match=r"a\.bin is neither a picture nor text"):
            attach.read(str(path))

    @pytest.mark.parametrize("name", ["nothing-here", ".", "~nobody-of-that-name"])
    def test_what_cannot_be_read_is_told(self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(UsageError, match="cannot be read: "):
            attach.read(name)

    def test_a_file_that_no_server_takes_is_refused_unread(self, tmp_path: Path):
        path = tmp_path / "large"
        with path.open("wb") as file:
            file.truncate(attach.LIMIT + 1)
        with pytest.raises(UsageError, match="larger than 20 MB"):
            attach.read(str(path))
