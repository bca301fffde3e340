"""Commands that are typed, and texts that only look like one."""

import pytest

from pluma_tui.core.slash import COMMANDS, command, said


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/model", ("/model", "")),
        ("/model  qwen3:8b ", ("/model", "qwen3:8b")),
        ("/system Be brief.\nAnd kind.", ("/system", "Be brief.\nAnd kind.")),
        ("/unknown x", ("/unknown", "x")),
        ("/etc/hosts", None),
        ("/usr is full", ("/usr", "is full")),
        ("//model", None),
        (" /model", None),
        ("/", None),
        ("/2 of it", None),
        ("a /model", None),
    ],
)
def test_a_command_and_what_follows_it(text: str, found: tuple[str, str] | None) -> None:
    assert command(text) == found


@pytest.mark.parametrize(
    ("text", "says"), [("//model x", "/model x"), ("//comment", "//comment"), ("// x", "// x"), ("x", "x")]
)
def test_two_slashes_are_one_before_the_name_of_a_command(text: str, says: str) -> None:
    assert said(text) == says


def test_every_command_can_be_typed() -> None:
    assert {
        "/model",
        "/profile",
        "/system",
        "/regenerate",
        "/export",
        "/help",
        "/new",
        "/quit",
        "/copy",
    } <= set(COMMANDS)
    for name in COMMANDS:
        assert command(f"{name} x") == (name, "x")
