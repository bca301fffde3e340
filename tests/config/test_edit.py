from pathlib import Path

import pytest

from pluma_tui.config.edit import add_profile, replace
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
    assert 'active = "newer"  # for now\n' in path.read_text()


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


@pytest.mark.parametrize("text", ["[chat", "chat = 5", "[chat]\nprofiles = 5", "[ui]\nmouse = 5", "\udcff"])
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


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be"):
        replace(tmp_path / "file" / "config.toml", "")
