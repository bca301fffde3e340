"""One value of a file is changed, and no byte beside it."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluma_tui.config import surgery
from pluma_tui.config.strings import Quoting
from pluma_tui.config.tree import at, is_there, same
from pluma_tui.core.errors import ConfigError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
VALUES = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | TEXT
    | st.sampled_from(["a'b", "'''", '"""', "\\", "a\nb", "\n", "x'", 'x"', "\r", "\x00", "é\u202e"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
# Files as people write them: each with the keys that may be set in it.
FILES = [
    "a = 1\nb = 'x' # c\n[t]\nk = \"v\"  # here\n\n# end\n",
    "[t]\nk = '''\nseveral\nlines'''\n[t.u]\nx = 1\n[z]\ny = { p = 1, q = 'r' }\n",
    "t.k = 1\nt.u.x = 'y'\n[z]\ny.p = [1, # one\n 2]\n",
    '[t]\nk = """a\\\n   b"""\n\n[[list]]\nn = 1\n\n[t.u]\nx = 0x10\n',
    "[t.u]\nx = 1\n[other]\n[t]\nk = 2 # out of order\n",
    "# nothing but words\n",
    "",
    "a = 1",
    "t = { k = 1, u = { x = 'y' } }\n",
    "[t]\n\n\n# a comment\n\n[t.u]\n",
    "[ t . 'u' ]\n'x' = true\n\"\" = 0\n",
]
KEYS = [
    ("a",), ("b",), ("t", "k"), ("t", "u", "x"), ("z", "y", "p"), ("z", "y", "q"),
    ("new", "table", "key"), ("t", "odd key"), ("t", "u", "ünï.cödé"),
]  # fmt: skip


def document(text: str) -> dict:
    return tomllib.loads(text)


@given(st.sampled_from(FILES), st.booleans(), st.sampled_from(KEYS), VALUES)
def test_what_was_put_is_found_and_nothing_beside_it_changed(text, windows, key, value):
    text = text.replace("\n", "\r\n") if windows else text
    before = document(text)
    after = surgery.put(text, key, value)
    found = at(document(after), key)
    wanted = value.replace("\r\n", "\n") if isinstance(value, str) else value
    assert same(found, wanted)
    assert surgery.put(after, key, value) == after
    if not is_there(at(before, key)):
        assert surgery._only_added(text, after)
        if "\r\n" in text:
            assert after.count("\n") == after.count("\r\n")
    else:
        old_value = at(before, key)
        if not isinstance(old_value, str):
            assert same(document(surgery.put(after, key, old_value)), before)


@given(st.sampled_from(FILES), st.sampled_from(KEYS), VALUES)
def test_what_was_put_can_be_taken_out_again(text, key, value):
    after = surgery.take(surgery.put(text, key, value), key)
    assert not is_there(at(document(after), key))


@given(st.sampled_from(["'", '"', "'''", '"""', "'''\n", '"""\n']), TEXT, TEXT)
def test_the_quoting_survives_so_that_the_old_string_gives_the_old_file(opening, old, new):
    quoting = Quoting(opening)
    text = f"[t]\nk = {quoting.write(old)} # a comment\nl = 1\n"
    there = surgery.put(text, ("t", "k"), new)
    raw = there.split("k = ", 1)[1]
    kept = Quoting.of(raw).opening == Quoting.of(quoting.write(old)).opening
    if kept:
        assert surgery.put(there, ("t", "k"), old) == text


@given(st.sampled_from(["'", '"', "'''", '"""', "'''\n", '"""\n']), TEXT)
def test_a_string_is_read_as_it_was_written(opening, value):
    assert document(f"k = {Quoting(opening).write(value)}")["k"] == value


@pytest.mark.parametrize(
    ("raw", "value", "expected"),
    [
        ("'C:\\x'", "D:\\y", "'D:\\y'"),
        ('"a"', "b", '"b"'),
        ("'''\na\n'''", "b\nc\n", "'''\nb\nc\n'''"),
        ('"""a"""', "b", '"""b"""'),
        ("'a'", "it's", '"it\'s"'),
        ("1", "text", '"text"'),
    ],
)
def test_a_string_takes_the_quotes_of_the_one_before_it(raw, value, expected):
    assert surgery.put(f"k = {raw} # c\n", ("k",), value) == f"k = {expected} # c\n"


def test_equal_values_written_otherwise_are_left_as_they_are():
    text = "a = 0x10\nb = 1_000.0\nc = 'x'\nd = [1,2]\n"
    for key, value in {"a": 16, "b": 1000, "c": "x", "d": [1, 2]}.items():
        assert surgery.put(text, (key,), value) == text
    assert surgery.put(text, ("a",), True) != text


def test_a_value_in_the_way_of_a_table_is_told():
    with pytest.raises(ConfigError, match="not a table"):
        surgery.put("a = 1\n", ("a", "b"), 2)


def test_a_table_is_taken_out_with_all_below_it():
    text = "[a]\nx = 1\n[a.b]\ny = 1\n# of b\n[c]\nz = 1\n[a.d]\nw = 1\n"
    assert document(surgery.take(text, ("a", "b"))) == {"a": {"x": 1, "d": {"w": 1}}, "c": {"z": 1}}
