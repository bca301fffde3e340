"""JSON from outside: taken leniently, but not at any price."""

import pytest

from pluma_tui.transport.json import MAX_VALUES, is_crowded, read_json


def test_what_is_not_quite_json_is_read_all_the_same():
    assert read_json('\ufeff[1, "\\ud83d"]') == [1, "\ufffd"]
    assert str(read_json(b"[NaN]")) == "[nan]"


@pytest.mark.parametrize("data", ["", "[", '{"a": tru', "[" * 200_000])
def test_what_is_no_json_is_a_value_error(data: str):
    for form in (data, data.encode(), bytearray(data.encode())):
        with pytest.raises(ValueError):
            read_json(form)


class TestBugEightMegabytesOfJsonTookFourHundred:
    """`[{},{},{}...]` takes 25 times its length once it is read, and thrice that if it is read leniently."""

    @pytest.mark.parametrize("value", ["{}", "[]", "0", '{"a":1}'])
    def test_values_without_end_are_not_read(self, value: str):
        data = f"[{','.join([value] * MAX_VALUES)},{value}]"
        for form in (data, data.encode(), bytearray(data.encode())):
            with pytest.raises(ValueError, match="too many values"):
                read_json(form)

    def test_of_what_is_read_leniently_there_may_be_less(self):
        few, many = (f"[{'{},' * count}NaN]".encode() for count in (40_000, 100_000))
        assert len(read_json(few)) == 40_001
        with pytest.raises(ValueError, match="too many values"):
            read_json(many)

    def test_a_long_text_is_no_crowd(self):
        data = f'{{"image": "{"A" * (MAX_VALUES * 2)}"}}'
        assert not is_crowded(data)
        assert len(read_json(data)["image"]) == MAX_VALUES * 2
