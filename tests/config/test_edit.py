import subprocess
import sys
from pathlib import Path

import pytest

from pluma_tui.config.edit import change, set_value, unset_value
from pluma_tui.config.profiles import add as add_profile
from pluma_tui.config.read import load
from pluma_tui.core.errors import ConfigError
from pluma_tui.core.profile import SecretRef

VALUES = {"compat": "openai", "base_url": "http://127.0.0.1:1/v1", "api_key": {"env": "KEY"}}
HOME = "[chat.profiles.home]\ncompat = 'openai'\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pluma" / "config.toml"


def put(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_bytes(text.encode())


def add(path: Path, name: str = "new", *, active: bool = True) -> None:
    add_profile(path, "chat", name, VALUES, active=active)


def test_the_first_profile_makes_a_private_file(path: Path):
    add(path)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    loaded = load(path, {})
    assert (loaded.problems, loaded.config.chat.active) == ((), "new")
    assert loaded.config.chat.profiles["new"].api_key == SecretRef("env", "KEY")


def test_an_image_profile_goes_to_its_own_table(path: Path):
    add_profile(path, "images", "box", {"kind": "a1111"}, active=False)
    config = load(path, {}).config
    assert (list(config.images.profiles), config.images.active, config.chat.profiles) == (["box"], "", {})


def test_comments_order_and_what_was_said_survive(path: Path):
    before = (
        "# mine\n[ui]  # how it looks\nmouse = false\n\n[chat]\n# who answers\nactive = 'home'  # for now\n\n"
        "[chat.profiles.home]\ncompat = 'openai'\n# the end\n"
    )
    put(path, before)
    add(path, active=False)
    after = path.read_text()
    assert after.startswith(before)
    assert load(path, {}).config.chat.active == "home"
    add(path, "newer")
    assert "active = 'newer'  # for now\n" in path.read_text()


@pytest.mark.parametrize("text", [
    "",
    "chat.active = 'home'\nchat.profiles.home.compat = 'openai'\n",
    "chat = { profiles = { home = { compat = 'openai' } } }\n",
    "[chat]\nprofiles = {}\n",
    "chat = {}\n",
    HOME + "[ui]\nmouse = true\n[chat]\nactive = 'home'\n",
    HOME + "[chat.profiles.home.sampling]\nseed = 1\n[ui]\nmouse = true\n",
    "[chat.profiles]\n" + HOME,
    "\ufeff[chat]\r\nactive = 'home'\r\n[chat.profiles.home]\r\ncompat = 'openai'\r\n",
    HOME + "unknown = 1\n",
])  # fmt: skip
def test_a_profile_fits_into_any_form_of_the_file(path: Path, text: str):
    put(path, text)
    had = set(load(path, {}).config.chat.profiles)
    add(path)
    config = load(path, {}).config
    assert set(config.chat.profiles) == had | {"new"}
    assert config.chat.active == "new"
    assert config.chat.profiles["new"].base_url == VALUES["base_url"]


@pytest.mark.parametrize("text", ["[chat", "chat = 5", "[chat]\nprofiles = 5", "\udcff"])
def test_a_broken_file_is_left_alone(path: Path, text: str):
    path.parent.mkdir()
    path.write_bytes(before := text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError) as error:
        add(path)
    assert path.read_bytes() == before
    assert str(path) in error.value.message
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("name", "words"), [("home", "is there already"), ("a b", "is not a name for a profile")]
)
def test_a_name_that_cannot_be_used_changes_nothing(path: Path, name: str, words: str):
    put(path, HOME)
    with pytest.raises(ConfigError, match=words):
        add(path, name)
    assert path.read_text() == HOME


def test_values_that_would_not_load_change_nothing(path: Path):
    put(path, HOME)
    with pytest.raises(ConfigError, match="expected a number"):
        add_profile(path, "chat", "new", {**VALUES, "timeout": "soon"}, active=True)
    assert path.read_text() == HOME


def test_an_error_elsewhere_in_the_file_stands_in_nobody_s_way(path: Path):
    put(path, "[ui]\nmouse = 5\nframe_rate = 'x'\n")
    assert set_value(path, ("ui", "mouse"), False)
    assert path.read_text() == "[ui]\nmouse = false\nframe_rate = 'x'\n"


def test_setting_an_equal_value_does_not_touch_the_file(path: Path):
    put(path, "[ui]\nframe_rate = 0b1111 # fifteen\n")
    before = path.stat()
    assert not set_value(path, ("ui", "frame_rate"), 15)
    assert path.stat().st_ino == before.st_ino


def test_bom_line_ends_and_mode_are_kept(path: Path):
    put(path, "\ufeff[ui]\r\nmouse = true\r\n")
    path.chmod(0o640)
    assert set_value(path, ("ui", "theme"), "x")
    assert path.read_bytes() == '\ufeff[ui]\r\nmouse = true\r\ntheme = "x"\r\n'.encode()
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_symbolic_link_is_followed_to_its_target(path: Path, tmp_path: Path):
    path.parent.mkdir()
    target = tmp_path / "dotfiles" / "pluma.toml"
    target.parent.mkdir()
    target.write_text(HOME)
    path.symlink_to(target)
    assert unset_value(path, ("chat", "profiles", "home"))
    assert path.is_symlink()
    assert target.read_text() == ""


def test_what_a_killed_writer_left_is_gone_after_the_next_change(path: Path):
    put(path, HOME)
    (path.parent / ".config.toml.abc123.tmp").write_text("half")
    set_value(path, ("ui", "mouse"), False)
    assert [file.name for file in path.parent.iterdir()] == ["config.toml"]


def test_fifty_writers_at_once_all_land(path: Path):
    put(path, HOME)
    code = (
        "import sys; from pathlib import Path; from pluma_tui.config.edit import set_value\n"
        "set_value(Path(sys.argv[1]), ('chat', 'profiles', 'home', 'headers', sys.argv[2]), sys.argv[2])"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), f"x{n}"]) for n in range(50)]
    assert [writer.wait(60) for writer in writers] == [0] * 50
    assert load(path, {}).config.chat.profiles["home"].headers == {f"x{n}": f"x{n}" for n in range(50)}
    assert [file.name for file in path.parent.iterdir()] == ["config.toml"]


def test_kill_9_at_any_write_leaves_the_old_file_or_the_new_one(path: Path):
    put(path, HOME + "# " + "x" * 200_000 + "\n")
    code = (
        "import sys; from pathlib import Path; from pluma_tui.config.edit import set_value\n"
        "print('go', flush=True)\n"
        "for n in range(10_000): set_value(Path(sys.argv[1]), ('ui', 'frame_rate'), n % 60 + 1)"
    )
    for round_ in range(6):
        writer = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        before = path.stat().st_ino
        while path.stat().st_ino == before:  # it is writing by now
            pass
        for _ in range(round_ * 2000):
            pass
        writer.kill()
        writer.wait(10)
        loaded = load(path, {})
        assert loaded.writable
        assert 1 <= loaded.config.ui.frame_rate <= 60
        assert path.read_text().startswith(HOME)
    set_value(path, ("ui", "mouse"), False)
    assert [file.name for file in path.parent.iterdir()] == ["config.toml"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be"):
        change(tmp_path / "file" / "config.toml", lambda text: text)


def test_a_folder_without_permission_is_told(path: Path, monkeypatch: pytest.MonkeyPatch):
    put(path, HOME)

    def refused(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", refused)  # root may write anywhere
    with pytest.raises(ConfigError, match="Permission denied"):
        set_value(path, ("ui", "mouse"), False)
    assert path.read_text() == HOME


def test_a_full_disk_is_told_and_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch):
    put(path, HOME)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ConfigError, match="No space left"):
        set_value(path, ("ui", "mouse"), False)
    assert path.read_text() == HOME
    assert [file.name for file in path.parent.iterdir()] == ["config.toml"]
