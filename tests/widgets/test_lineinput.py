"""One line to write on."""

from textual.app import App, ComposeResult
from textual.events import Paste

from pluma_tui.widgets.lineinput import LineInput


class Writing(App[None]):
    def compose(self) -> ComposeResult:
        yield LineInput()


async def test_what_is_pasted_is_one_safe_line() -> None:
    app = Writing()
    async with app.run_test() as pilot:
        app.query_one(LineInput).focus()
        await pilot.pause()
        app.post_message(Paste("sk-1\x1b[2J2\nand\u202emore"))
        await pilot.pause()
        assert app.query_one(LineInput).value == "sk-12 andmore"
