"""Lines selected by keys, and copied as they are displayed."""

from tests.widgets.transcript.pilot import answer, conversation, reading, user

TEXT = "A paragraph that is long enough to be broken into two lines here.\n\n- **a** point\n- b"


async def test_lines_are_selected_from_the_mark_on_and_broken_ones_are_joined():
    async with reading([user(0, "question"), answer(0, TEXT)], size=(40, 20)) as (pilot, transcript):
        transcript.to_message(-1)
        transcript.select_lines()
        for _ in range(4):
            transcript.move(1)
        assert pilot.app.screen.get_selected_text() == f"model\n{TEXT.split(chr(10))[0]}\n\n• a point"
        transcript.move(-1)
        transcript.move(-1)
        transcript.move(-1)
        assert pilot.app.screen.get_selected_text().startswith("model\nA paragraph")
        transcript.select_lines()
        assert not pilot.app.screen.get_selected_text()


async def test_the_page_goes_with_the_selection_and_both_ends_are_as_far_as_it_goes():
    async with reading(conversation(40)) as (pilot, transcript):
        transcript.select_lines()
        for _ in range(50):
            transcript.move(-1)
            await pilot.pause()
        rows = [transcript._entries.row_of(key) for key in (transcript._anchor, transcript._head)]
        assert rows[0] - rows[1] == 50
        assert transcript.scroll_offset.y == rows[1]
        transcript.move(10_000)
        await pilot.pause()
        assert transcript.following
        assert pilot.app.screen.get_selected_text().endswith("12 tokens")
        transcript.move(-10_000)
        assert pilot.app.screen.get_selected_text().startswith("\nyou\nquestion 0\n")


async def test_without_a_selection_it_only_scrolls():
    async with reading(conversation(40)) as (pilot, transcript):
        top = transcript.scroll_offset.y
        transcript.move(-3)
        await pilot.pause()
        assert transcript.scroll_offset.y == top - 3


async def test_nothing_can_be_selected_where_nothing_is():
    async with reading() as (_, transcript):
        transcript.select_lines()
        transcript.move(1)
        assert not transcript.selecting


async def test_lists_are_copied_with_their_marks_and_code_in_them_without_a_margin():
    text = (
        "1. one that is too long for a line of it\n   - two\n\n   ```sh\n   ls\n     -l\n   ```\n\n> quoted\n"
    )
    async with reading([answer(0, text)], size=(34, 30)) as (pilot, transcript):
        transcript.to_message(-1)
        transcript.select_lines()
        transcript.move(9)
        assert pilot.app.screen.get_selected_text().split("\n") == [
            "model",
            "1. one that is too long for a line of it",
            "   ◦ two",
            "",
            "sh",
            "ls",
            "  -l",
            "",
            "quoted",
        ]
