"""Answers of a terminal never become typing, in whatever pieces they come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluma_tui.terminal import replies
from pluma_tui.terminal.replies import Reply, Splitter

BACKGROUND = "\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\"
ANSWERS = [
    (BACKGROUND, Reply("11", "rgb:1e1e/1e1e/2e2e")),
    ("\x1b]11;rgb:ff/ff/ff\x07", Reply("11", "rgb:ff/ff/ff")),
    ("\x1b[?997;2n", Reply("n", "997;2")),
    ("\x1b[?62;4;22c", Reply("c", "62;4;22")),
    ("\x1bP>|foot(1.13.1)\x1b\\", Reply("P", ">|foot(1.13.1)")),
    ("\x1b_Gi=31;OK\x1b\\", Reply("_", "Gi=31;OK")),
    ("\x1b]52;c;aGVsbG8=\x1b\\", Reply("52", "c;aGVsbG8=")),
]
# What keys and the mouse send, a mode's report that Textual reads, and letters.
TYPED = [
    "a",
    "ü",
    "\r",
    "\x1b[A",
    "\x1bOP",
    "\x1b[1;5C",
    "\x1b[<0;3;4M",
    "\x1b[97;;97u",
    "\x1b[?2026;2$y",
    "\x1b[I",
]


def cut(text: str, places: list[int]) -> list[str]:
    at = sorted({place % (len(text) + 1) for place in places})
    return [text[a:b] for a, b in zip([0, *at], [*at, len(text)], strict=True)]


@given(st.lists(st.sampled_from([*TYPED, *(sent for sent, _ in ANSWERS)])), st.lists(st.integers(0, 500)))
def test_in_any_pieces_keys_are_keys_and_answers_are_answers(parts: list[str], places: list[int]) -> None:
    splitter = Splitter()
    splitter.expecting = True
    typed, said = "", []
    for piece in cut("".join(parts), places):
        keys, answers = splitter.feed(piece)
        typed += keys
        said += answers
    typed += splitter.release()
    known = dict(ANSWERS)
    assert typed == "".join(part for part in parts if part not in known)
    assert said == [known[part] for part in parts if part in known]


@given(st.text(alphabet="ab\x1b[]\\\x07;?01cnP~", max_size=30), st.lists(st.integers(0, 500)))
def test_what_is_pasted_is_text_without_escapes(pasted: str, places: list[int]) -> None:
    if "\x1b[201~" in pasted:
        return
    splitter = Splitter()
    splitter.expecting = True
    typed, said = "", []
    for piece in cut(f"x\x1b[200~{pasted}\x1b[201~y", places):
        keys, answers = splitter.feed(piece)
        typed += keys
        said += answers
    assert typed == "x\x1b[200~" + pasted.replace("\x1b", "") + "\x1b[201~y"
    assert said == []


def test_the_escape_key_is_held_only_while_an_answer_may_begin_with_it() -> None:
    splitter = Splitter()
    assert splitter.feed("\x1b") == ("\x1b", [])
    splitter.expecting = True
    assert splitter.feed("\x1b") == ("", [])
    assert splitter.unclear
    assert splitter.release() == "\x1b"


def test_an_answer_that_stays_unfinished_is_never_released_as_keys() -> None:
    splitter = Splitter()
    assert splitter.feed("\x1b]11;rgb:1e1e") == ("", [])
    assert not splitter.unclear
    assert splitter.feed("/1e1e/2e2e\x1b\\x") == ("x", [Reply("11", "rgb:1e1e/1e1e/2e2e")])


@pytest.mark.parametrize(
    ("colour", "dark"),
    [
        ("rgb:0000/0000/0000", True),
        ("rgb:ffff/ffff/ffff", False),
        ("rgb:fb/fa/f7", False),
        ("rgba:1e1e/1e1e/2e2e/ffff", True),
        ("rgb:0000/0000/ffff", True),
        ("rgb:ffff/ffff/0000", False),
        ("#000000", None),
        ("rgb:zz/00/00", None),
        ("", None),
    ],
)
def test_dark_and_light_backgrounds(colour: str, dark: bool | None) -> None:
    assert replies.is_dark(colour) is dark


def test_reports_of_mode_2031() -> None:
    assert replies.prefers_dark("997;1") is True
    assert replies.prefers_dark("997;2") is False
    assert replies.prefers_dark("0") is None


def test_the_name_of_a_terminal() -> None:
    assert replies.name(">|kitty(0.41.1)") == "kitty(0.41.1)"
    assert replies.name("0+r") == ""
