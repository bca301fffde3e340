"""Theme files: what they can say, and what is told of a mistake."""

import re
from pathlib import Path

import pytest

from pluma_tui.core.errors import ConfigError
from pluma_tui.themes import files, own
from pluma_tui.themes.choose import Wardrobe, automatic

DOCS = Path(__file__).parents[2] / "docs" / "themes.md"


@pytest.fixture
def evening(tmp_path: Path) -> Path:
    files.folder(tmp_path).mkdir()
    return files.folder(tmp_path) / "evening.toml"


def test_the_example_of_the_docs_is_read_and_all_of_it_means_something(evening: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    evening.write_text(example)
    theme = files.read(evening)
    assert (theme.name, theme.dark, theme.primary) == ("evening", True, "#c8a27a")
    assert theme.secondary == own.DARK.secondary
    assert theme.variables["text-muted"] == "#a89c8c"
    for colour in (*files.COLOURS, files.MUTED):
        assert colour in DOCS.read_text()


def test_all_that_is_not_said_is_as_in_the_theme_below(evening: Path) -> None:
    evening.write_text('based_on = "nord"\n[colors]\naccent = "teal"\n')
    theme = files.read(evening)
    assert (theme.background, theme.accent) == ("#2E3440", "teal")


@pytest.mark.parametrize(("text", "dark"), [("", True), ("dark = false", False), ("dark = true", True)])
def test_an_empty_file_is_pluma_s_own(evening: Path, text: str, dark: bool) -> None:
    evening.write_text(text)
    assert files.read(evening).dark is dark


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[colors]\nprimary = \n", "no TOML"),
        ("\n\nbased_onn = 'nord'", ":3: based_onn: is not known here"),
        ("[colours]\n", ":1: colours: is not known here"),
        ("[colors]\nprimary = '#12'\naccent = 'zz'", ":2: primary: is no colour"),
        ("[colors]\nprimary = 3", ":2: primary: is no colour"),
        ("based_on = 'norf'", ":1: based_on: there is no theme"),
        ("dark = 'yes'", ":1: dark: must be true or false"),
        ("colors = 3", ":1: colors: must be a table"),
        ("x" * 200_000, "no TOML"),
    ],
)
def test_a_mistake_is_told_with_its_line(evening: Path, text: str, told: str) -> None:
    evening.write_text(text)
    with pytest.raises(ConfigError) as caught:
        files.read(evening)
    assert told in caught.value.message
    assert "evening.toml" in caught.value.message


def test_a_file_that_is_no_text(evening: Path) -> None:
    evening.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="no TOML"):
        files.read(evening)


class TestChoosing:
    def test_dark_and_light_follow_the_terminal(self) -> None:
        assert automatic(True, few_colours=False, environ={}) == own.DARK
        assert automatic(False, few_colours=False, environ={}) == own.LIGHT

    @pytest.mark.parametrize(
        ("hint", "theme"),
        [("", own.DARK), ("15;0", own.DARK), ("0;15", own.LIGHT), ("0;default;7", own.LIGHT)],
    )
    def test_a_terminal_that_says_nothing(self, hint: str, theme: object) -> None:
        assert automatic(None, few_colours=False, environ={"COLORFGBG": hint}) == theme

    def test_with_few_colours_the_terminals_own(self) -> None:
        assert automatic(False, few_colours=True, environ={}) == own.SIXTEEN

    def test_a_file_goes_before_a_built_in_theme_of_its_name(self, evening: Path) -> None:
        evening.with_name("nord.toml").write_text('[colors]\nprimary = "#123456"\n')
        assert Wardrobe(evening.parents[1]).named("nord").primary == "#123456"

    def test_a_name_that_is_none(self, evening: Path) -> None:
        evening.touch()
        with pytest.raises(ConfigError) as caught:
            Wardrobe(evening.parents[1]).named("evning")
        assert caught.value.hint == 'Did you mean "evening"?'

    def test_a_file_that_is_saved_again_is_seen(self, evening: Path) -> None:
        evening.touch()
        wardrobe = Wardrobe(evening.parents[1])
        assert not wardrobe.saved_again()
        wardrobe.named("evening")
        assert not wardrobe.saved_again()
        new = evening.with_name("new")
        new.touch()
        new.replace(evening)
        assert wardrobe.saved_again()
