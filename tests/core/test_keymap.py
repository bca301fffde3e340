"""Which key does what, and where two actions want the same one."""

import pytest

from pluma_tui.core.actions import ACTIONS
from pluma_tui.core.keymap import Conflict, conflicts, keys_in_force


def test_without_settings_the_defaults_hold_and_nobody_quarrels():
    keys = keys_in_force({})
    assert keys == {action.id: action.keys for action in ACTIONS}
    assert conflicts(keys) == []


@pytest.mark.parametrize(
    ("value", "keys"),
    [
        ("ctrl+s", ("ctrl+s",)),
        (["ctrl+s", "f5"], ("ctrl+s", "f5")),
        ("ctrl+s, f5", ("ctrl+s", "f5")),
        (["f5", "f5"], ("f5",)),
        ("", ()),
        ([], ()),
    ],
)
def test_what_is_configured_takes_the_place_of_the_default(value: str | list[str], keys: tuple[str, ...]):
    assert keys_in_force({"chat.send": value})["chat.send"] == keys


def test_one_key_for_two_actions_that_can_both_be_meant():
    assert conflicts(keys_in_force({"help": "enter"})) == [Conflict("enter", "chat.send", "help")]


def test_a_key_that_arrives_as_another():
    found = conflicts(keys_in_force({"chat.new": "ctrl+m"}))
    assert found == [Conflict("enter", "chat.send", "chat.new", twin=True)]


def test_where_only_one_can_be_meant_there_is_no_conflict(monkeypatch: pytest.MonkeyPatch):
    """A composer and a transcript are never both at work."""
    from pluma_tui.core import keymap
    from pluma_tui.core.actions import Action

    table = (Action("a", "", "", ("x",), "composer"), Action("b", "", "", ("x",), "transcript"))
    monkeypatch.setattr(keymap, "ACTIONS", table)
    assert conflicts(keys_in_force({})) == []
