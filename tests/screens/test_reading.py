"""Reading in the chat: from the composer into the transcript and back, finding, copying, links."""

import re
import webbrowser

import pytest
from textual.events import Key, Paste

from pluma_tui.core.events import Finished, TextDelta
from pluma_tui.screens.linking import has_windows, knows_links
from pluma_tui.screens.picker import Picker
from pluma_tui.widgets.composer import Composer
from pluma_tui.widgets.findbar import FindBar
from pluma_tui.widgets.transcript import Transcript
from pluma_tui.widgets.transcript.spots import Spot
from tests.nasty import FORBIDDEN, all_of_it
from tests.screens.conftest import CONFIG

END = Finished("complete")
ANSWER = """Some *words* and a [page](https://example.org/x).

```python
print(1)
print(2)
```

A last word."""


def transcript(app) -> Transcript:
    return app.screen.query_one(Transcript)


def composer(app) -> Composer:
    return app.screen.query_one(Composer)


def bar(app) -> FindBar:
    return app.screen.query_one(FindBar)


async def answered(app, text: str = ANSWER) -> None:
    await app.ask("a question")
    app.script.say(TextDelta(text), END)
    await app.until_shown("done")


async def test_a_key_marks_a_message_and_escape_goes_back_without_stopping_the_answer(drive):
    async with drive() as app:
        await app.ask("a question")
        app.script.say(TextDelta("and so on"))
        await app.until_shown("and so on")
        await app.pilot.press("alt+up", "alt+up")
        await app.until_shown("┃ a question")
        await app.pilot.press("escape")
        await app.until(lambda: composer(app).has_focus)
        assert "┃" not in app.text()
        assert app.script.closed == 0
        await app.pilot.press("escape")
        await app.until_shown("stopped")


async def test_letters_that_mean_nothing_to_the_reader_are_written_in_their_order(drive):
    async with drive() as app:
        await answered(app)
        app.burst("alt+up", "k", "j", *"hello j and k")
        await app.until(lambda: composer(app).text == "hello j and k")
        assert composer(app).has_focus


async def test_what_is_pasted_goes_to_the_composer(drive):
    async with drive() as app:
        await answered(app)
        await app.pilot.press("alt+up")
        app.pilot.app.post_message(Paste("pasted"))
        await app.until(lambda: composer(app).text == "pasted")


async def test_the_keys_of_vi_move_about(drive):
    async with drive() as app:
        await answered(app, "\n\n".join(f"line {n}" for n in range(200)))
        await app.pilot.press("alt+up", "g")
        await app.until_shown("a question")
        await app.pilot.press("j", "j", "k", "ctrl+d", "ctrl+d", "ctrl+u")
        height = transcript(app).size.height
        await app.until(lambda: transcript(app).scroll_offset.y == 1 + height // 2)
        await app.pilot.press("G")
        await app.until(lambda: transcript(app).following)
        await app.pilot.press("{", "{")
        await app.until_shown("┃ a question")
        await app.pilot.press("i")
        assert composer(app).has_focus


@pytest.mark.parametrize("keys", [("alt+up", "y"), ("alt+down", "}", "y")])
async def test_a_message_is_copied_as_it_was_written(drive, keys):
    async with drive() as app:
        await answered(app)
        await app.pilot.press(*keys)
        await app.until_shown("(8 lines)")
        assert app.pilot.app.clipboard == ANSWER


async def test_code_is_copied_by_its_mark_or_straight_from_the_composer(drive):
    async with drive() as app:
        await answered(app)
        await app.pilot.press("alt+pageup")
        await app.until_shown("y copies")
        await app.pilot.press("y")
        await app.until_shown("(2 lines)")
        assert app.pilot.app.clipboard == "print(1)\nprint(2)"
        app.pilot.app.copy_to_clipboard("")
        await app.pilot.press("i", "ctrl+g")
        await app.until(lambda: app.pilot.app.clipboard == "print(1)\nprint(2)")


async def test_the_hint_names_the_key_as_it_was_remapped(drive):
    async with drive(config=CONFIG + '[keys]\n"read.copy" = "c"\n') as app:
        await answered(app)
        await app.pilot.press("alt+pageup")
        await app.until_shown("c copies")
        await app.pilot.press("c")
        await app.until_shown("(2 lines)")


async def test_selected_lines_are_copied_as_they_are_displayed(drive):
    async with drive() as app:
        await answered(app)
        await app.pilot.press("alt+up", "v", "j", "y")
        await app.until_shown("(2 lines)")
        assert app.pilot.app.clipboard.endswith("Some words and a page.")
        await app.pilot.press("v", "escape")
        assert transcript(app).has_focus
        await app.pilot.press("escape")
        assert composer(app).has_focus


async def test_where_nothing_can_be_copied_it_says_so(drive):
    async with drive() as app:
        await app.pilot.press("ctrl+g")
        await app.until_shown("there is no code to copy yet")


async def test_finding_letter_by_letter_and_going_round(drive):
    async with drive() as app:
        await answered(app)
        await app.pilot.press("ctrl+f")
        await app.type("wor")
        await app.until_shown("1 of 2")
        await app.pilot.press("enter")
        await app.until_shown("2 of 2")
        await app.pilot.press("down")
        await app.until_shown("1 of 2")
        await app.pilot.press("up")
        await app.until_shown("2 of 2")
        await app.type("x")
        await app.until_shown("not found")
        await app.pilot.press("backspace")
        await app.until_shown("1 of 2")
        await app.pilot.press("escape")
        assert transcript(app).has_focus
        assert not bar(app).display
        assert "first · model-a" in app.text()
        await app.pilot.press("N")
        await app.until_shown("1 of 2")
        await app.pilot.press("n")
        await app.until_shown("2 of 2")
        await app.pilot.press("escape", "escape")
        assert composer(app).has_focus


async def test_words_that_come_in_one_burst_with_the_keys_around_them_are_found(drive):
    async with drive() as app:
        await answered(app)
        app.burst("alt+up")
        app.pilot.app.post_message(Key("slash", "/"))
        app.burst(*"print", "enter")
        await app.until_shown("of 2")
        assert bar(app).words == "print"
        assert composer(app).text == ""


@pytest.mark.parametrize("nasty", [one.text for one in all_of_it() if len(one.text) < 2_000])
async def test_nasty_text_pasted_into_the_find_bar_is_harmless(drive, nasty):
    async with drive() as app:
        await app.pilot.press("ctrl+f")
        app.pilot.app.post_message(Paste(nasty))
        app.pilot.app.post_message(Key("q", "q"))
        await app.until(lambda: bar(app).words.endswith("q") or len(bar(app).words) == 200)
        assert not FORBIDDEN.search(bar(app).words)
        assert not FORBIDDEN.search(app.text().replace("\n", ""))


async def test_links_are_listed_and_opened_or_copied(drive, monkeypatch):
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
    monkeypatch.setenv("DISPLAY", ":0")
    async with drive() as app:
        await answered(app)
        for way, done in (("copy", lambda: app.pilot.app.clipboard), ("open", lambda: opened)):
            await app.pilot.press("f5")
            await app.until_shown("https://example.org/x")
            await app.pilot.press("enter")
            await app.until_shown("in the browser")
            await app.type(way)
            await app.pilot.press("enter")
            await app.until(done)
        assert app.pilot.app.clipboard == "https://example.org/x"
        assert opened == ["https://example.org/x"]


async def test_without_a_display_no_browser_is_begun(drive, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", lambda url: pytest.fail("opened"))
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    async with drive() as app:
        await answered(app)
        await app.pilot.press("f5")
        await app.until_shown("https://example.org/x")
        await app.pilot.press("enter")
        await app.until_shown("in the browser")
        await app.pilot.press("enter")
        await app.until_shown("no browser was found here")


def test_where_a_window_can_be_opened():
    assert has_windows({}, "darwin")
    assert has_windows({"WAYLAND_DISPLAY": "w"}, "linux")
    assert not has_windows({"DISPLAY": ""}, "linux")


async def test_nasty_words_of_links_are_harmless_in_the_list(drive):
    words = [one.text.split("\n")[0][:60] for one in all_of_it()]
    text = "\n\n".join(f"[{word}](https://e.org/{n})" for n, word in enumerate(words))
    async with drive() as app:
        await answered(app, text)
        await app.pilot.press("f5")
        await app.until(lambda: isinstance(app.pilot.app.screen, Picker))
        await app.until_shown("https://e.org/")
        for _ in range(0, len(words), 10):
            await app.pilot.press("pagedown")
            assert not FORBIDDEN.search(app.text().replace("\n", ""))


async def test_a_click_into_the_conversation_loses_no_letter(drive):
    async with drive() as app:
        await answered(app)
        await app.pilot.click(Transcript, offset=(5, 2))
        assert transcript(app).spot == Spot(app.script.requests[0].messages[-1].id)
        await app.type("so")
        await app.until(lambda: composer(app).text == "so")


async def test_the_time_stands_beside_who_speaks(drive):
    async with drive() as app:
        await answered(app)
        lines = app.text().split("\n")
        for who in ("▌ you", "  model-a"):
            assert any(re.fullmatch(rf"{who} +\d\d:\d\d", line) for line in lines)


async def test_how_reasoning_is_shown_is_remembered(drive):
    for expected in ("folded", "shown"):
        async with drive() as app:
            assert transcript(app).reasoning == expected
            await app.pilot.press("f4")
            assert transcript(app).reasoning != expected


@pytest.mark.parametrize(
    ("environ", "known"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "screen-256color", "TMUX": "x", "STY": "y"}, True),
        ({"TERM": "screen", "STY": "y"}, False),
        ({"TERM": "linux"}, False),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, False),
        ({}, False),
    ],
)
def test_which_terminals_know_links(environ, known):
    assert knows_links(environ) is known
