"""How reasoning is shown is remembered, until the settings say another thing."""

import pytest

from pluma_tui.runtime import unfolding


def test_the_setting_holds_until_something_is_chosen_and_the_choice_until_the_setting_changes(tmp_path):
    assert unfolding.shown(tmp_path, "folded") == "folded"
    unfolding.choose(tmp_path, "folded", "shown")
    assert unfolding.shown(tmp_path, "folded") == "shown"
    assert unfolding.shown(tmp_path, "hidden") == "hidden"


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff", b'{"setting": "folded", "reasoning": "\\u001b"}', b"[]"]
)
def test_a_file_that_is_damaged_counts_as_none(tmp_path, data):
    (tmp_path / unfolding.FILE).write_bytes(data)
    assert unfolding.shown(tmp_path, "folded") == "folded"


def test_where_nothing_can_be_written_nothing_breaks(tmp_path):
    (tmp_path / "file").write_text("")
    unfolding.choose(tmp_path / "file", "folded", "shown")
    assert unfolding.shown(tmp_path / "file", "folded") == "folded"
