"""Rows in columns that fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult

from pluma_tui.widgets.rowlist import Row, RowList, cut, shortened


class Listed(App[None]):
    def __init__(self, rows: list[Row], *, folds: bool) -> None:
        super().__init__()
        self._rows, self._folds = rows, folds

    def compose(self) -> ComposeResult:
        yield RowList(folds=self._folds)

    def on_mount(self) -> None:
        self.query_one(RowList).show(self._rows)

    def lines(self) -> list[str]:
        rows = self.query_one(RowList)
        return [rows.render_line(y).text.rstrip() for y in range(rows.size.height)]


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (40, ["  one    the first              good", "  three  the last"]),
        (22, ["  one          good", "    the first", "  three", "    the last"]),
    ],
)
async def test_rows_take_one_line_each_or_two_where_that_is_too_short(width: int, lines: list[str]) -> None:
    app = Listed([Row("one", "the first", "good"), Row("three", "the last")], folds=True)
    async with app.run_test(size=(width, 10)) as pilot:
        await pilot.pause()
        assert [" ".join(line.split()) for line in app.lines()] == [" ".join(line.split()) for line in lines]
        assert all(cell_len(line) < width for line in app.lines())


async def test_a_row_that_changes_keeps_its_place_and_the_highlight() -> None:
    app = Listed([Row("a"), Row("b"), Row("c")], folds=False)
    async with app.run_test(size=(30, 10)) as pilot:
        rows = app.query_one(RowList)
        rows.highlighted = 2
        rows.change(1, Row("b", state="here"))
        await pilot.pause()
        assert rows.highlighted == 2
        assert app.lines()[1].endswith("here")


async def test_a_heading_is_passed_over() -> None:
    app = Listed([Row("first", heading=True), Row("a"), Row("second", heading=True), Row("b")], folds=False)
    async with app.run_test(size=(30, 10)) as pilot:
        rows = app.query_one(RowList)
        assert rows.highlighted == 1
        rows.focus()
        await pilot.press("down")
        assert rows.highlighted == 3


async def test_a_list_of_nothing_lights_nothing() -> None:
    app = Listed([], folds=True)
    async with app.run_test(size=(30, 10)):
        assert app.query_one(RowList).highlighted is None


@given(st.text(alphabet="ab漢字é ", max_size=40), st.integers(0, 30))
def test_what_is_cut_fits(text: str, width: int) -> None:
    for short in (cut(text, width), shortened(text, width)):
        assert cell_len(short) <= width
        assert short == text or "…" in short or not width


def test_the_end_of_a_long_name_stays() -> None:
    assert shortened("hf.co/somebody/A-Very-Long-Model-GGUF:Q4_K_M", 24) == "hf.co/somebody/…F:Q4_K_M"
