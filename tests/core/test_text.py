import sys
import unicodedata
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pluma_tui.core import text
from pluma_tui.core.text import Cleaner, clean, clean_line, clean_url
from tests.nasty import FORBIDDEN, Nasty, all_of_it

NASTY = all_of_it()
# What sequences are made of, so that chance finds them, their beginnings, and what makes them end.
PARTS = st.sampled_from([
    "\x1b", "\x1b[", "\x1b]", "\x1bP", "\x1b_", "\x1b\\", "\x9b", "\x9d", "\x9c", "\x90", "\x07", "\r", "\n",
    "\r\n", "31", "m", ";", "?", "(", "0", "a", " ", "x" * 4094, "\u0301", "\u3099", "\ufe0f", "\u200b",
    "\u200d", "\u202e", "\u2028", "\ud800", "\udc9b", "\U0010eeee", "\U0001f469", "世", "\x85", "\x00",
])  # fmt: skip
HOSTILE = st.lists(PARTS | st.text(max_size=3), max_size=40)


def in_pieces(pieces: list[str]) -> str:
    cleaner = Cleaner()
    return "".join([*map(cleaner.feed, pieces), cleaner.flush()])


@pytest.mark.parametrize("nasty", NASTY, ids=lambda nasty: nasty.id)
def test_hostile_text_loses_its_power(nasty: Nasty):
    safe = clean(nasty.text)
    assert not FORBIDDEN.search(safe)
    assert clean(safe) == safe
    safe.encode()
    if nasty.visible is not None:
        assert safe == nasty.visible


@pytest.mark.parametrize("nasty", [n for n in NASTY if len(n.text) < 500], ids=lambda nasty: nasty.id)
def test_hostile_text_split_anywhere_is_the_same(nasty: Nasty):
    whole = clean(nasty.text)
    assert in_pieces(list(nasty.text)) == whole
    for at in range(len(nasty.text)):
        assert in_pieces([nasty.text[:at], nasty.text[at:]]) == whole


@pytest.mark.parametrize("id", ["cjk_ok", "emoji_zwj_ok", "indic_ok", "markup_json_u001b", "markup_md_html"])
def test_what_people_write_stays_as_it_is(id: str):
    (nasty,) = (n for n in NASTY if n.id == id)
    assert clean(nasty.text) == nasty.text


@given(HOSTILE)
@example(["\x1b", "\x1b[31m", "[31m"])  # the ESC must not meet the "[" from behind the sequence
@example(["a\u0301\u0301\u0301\u0301\u200b", "\u0301"])  # marks are counted over what nobody sees
@example(["\r", "\x1b[m", "\n"])
def test_pieces_give_the_same_as_the_whole(pieces: list[str]):
    assert in_pieces(pieces) == clean("".join(pieces))


@given(HOSTILE)
def test_nothing_hostile_is_left_and_once_is_enough(pieces: list[str]):
    safe = clean("".join(pieces))
    assert not FORBIDDEN.search(safe)
    assert clean(safe) == safe


@given(HOSTILE)
def test_no_piece_on_its_way_is_hostile(pieces: list[str]):
    cleaner = Cleaner()
    for piece in pieces:
        assert not FORBIDDEN.search(cleaner.feed(piece))


def test_every_combining_mark_of_unicode_is_counted():
    marks = [c for c in map(chr, range(sys.maxunicode)) if unicodedata.category(c) in ("Mn", "Me")]
    too_many = [f"U+{ord(mark):04X}" for mark in marks if len(clean("a" + mark * 9)) > 5]
    assert too_many == []


def test_marks_in_excess_go_and_four_stay():
    assert clean("e" + "\u0301" * 50 + "f") == "e" + "\u0301" * 4 + "f"
    assert in_pieces(["e", *"\u0301" * 50, "f"]) == "e" + "\u0301" * 4 + "f"


def test_a_picture_of_text_is_shown_at_once_and_only_a_beginning_is_held_back():
    cleaner = Cleaner()
    assert [cleaner.feed(piece) for piece in ("plain", " text\n", "世界", "e\u0301", "\x1b[3", "1mred")] == [
        "plain", " text\n", "世界", "e\u0301", "", "red",
    ]  # fmt: skip


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "piece", ["\x1b[", "\x1b]", "\x9d", "\x1bP\x1b", "a\u0301", "\x1b[0;", "\r", "\x1b]x\x07"]
)
def test_a_megabyte_of_anything_is_done_in_time(piece: str):
    assert not FORBIDDEN.search(clean(piece * 500_000))


def test_a_stream_costs_the_same_however_long_it_has_run():
    """Counted: the characters that the patterns are given, for each character that comes."""
    looked_at = 0

    class Counting:
        def __init__(self, pattern):
            self._pattern = pattern

        def __getattr__(self, name):
            def method(*args):
                nonlocal looked_at
                looked_at += len(args[0]) if name != "sub" else len(args[1])
                return getattr(self._pattern, name)(*args)

            return method

    patterns = ("_SEQUENCE", "_PARTIAL", "_NEWLINE", "_CONTROL", "_INVISIBLE", "_RARE")
    counted = {name: Counting(getattr(text, name)) for name in patterns}
    stream = ["\x1b]0;", "wörter", "\x9b31", "e\u0301" * 3, "\r", "mehr\n"]

    def cost(length: int) -> int:
        nonlocal looked_at
        looked_at = 0
        cleaner = Cleaner()
        for at in range(length):
            cleaner.feed(stream[at % len(stream)])
        return looked_at

    with mock.patch.multiple(text, **counted):
        assert cost(3000) <= 10.1 * cost(300)


def test_a_line_is_one_line_of_bounded_length():
    assert clean_line("  a\r\nb\u2028c\td \x1b[2J ") == "a b c d"
    assert clean_line("x" * 1000) == "x" * 199 + "…"
    assert clean_line("x" * 11, 10) == "x" * 9 + "…"
    assert clean_line("x" * 10, 10) == "x" * 10


@given(HOSTILE)
def test_a_line_is_never_hostile(pieces: list[str]):
    line = clean_line("".join(pieces), 50)
    assert not FORBIDDEN.search(line)
    assert "\n" not in line
    assert len(line) <= 50


@pytest.mark.parametrize("url", [
    "javascript:alert(1)", "JavaScript:alert(1)", "file:///etc/passwd", "data:text/html,x", "ftp://a", "//a",
    "a", "", "http://", "https:// x", " http://a", "\x1bhttp://a", "http:/\u200b/a", "http://" + "a" * 2048,
    "http://" + "世" * 1000,
])  # fmt: skip
def test_a_target_that_is_no_plain_link_is_none(url: str):
    assert clean_url(url) == ""


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://example.com/a?b=c#d", "https://example.com/a?b=c#d"),
        ("HTTPS://example.com", "HTTPS://example.com"),
        ("mailto:a@example.com", "mailto:a@example.com"),
        ("http://a/\x1b]0;t\x07b", "http://a/b"),
        ("http://a/\x07b", "http://a/%EF%BF%BDb"),
        ("http://a/b c\nd\te", "http://a/b%20cde"),
        ("http://a/\u202egpj.exe", "http://a/gpj.exe"),
        ("http://a/日", "http://a/%E6%97%A5"),
        ("http://a/\ud800", "http://a/%EF%BF%BD"),
    ],
)
def test_a_link_is_plain_ascii_without_spaces(url: str, safe: str):
    assert clean_url(url) == safe


@given(HOSTILE)
def test_a_link_cannot_end_its_own_sequence(pieces: list[str]):
    safe = clean_url("http://a" + "".join(pieces))
    assert all("!" <= char <= "~" for char in safe)
