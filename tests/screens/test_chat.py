"""The chat screen, as a person uses it."""

import asyncio

import pytest
from textual.events import Paste
from textual.worker import WorkerFailed

from pluma_tui.core.chat import Image, Message, Usage
from pluma_tui.core.errors import BrokenStream, Unauthorized
from pluma_tui.core.events import Finished, Notice, ReasoningDelta, TextDelta, UsageUpdate
from pluma_tui.runtime.chat import OpenChat
from pluma_tui.runtime.turns import Question
from pluma_tui.widgets.composer import Composer
from pluma_tui.widgets.statusline import StatusLine
from tests.screens.conftest import CONFIG

END = Finished("complete")


def composer(app) -> Composer:
    return app.screen.query_one(Composer)


def status(app) -> StatusLine:
    return app.screen.query_one(StatusLine)


async def test_an_empty_chat_shows_where_to_type_and_who_answers(drive):
    async with drive() as app:
        assert "Message" in app.text()
        assert "first · model-a" in app.text()


async def test_a_question_is_shown_and_its_answer_streams_in(drive):
    async with drive() as app:
        await app.ask("hello there")
        app.script.say(TextDelta("Hello "))
        await app.until_shown("Hello")
        assert "hello there" in app.text()
        app.script.say(TextDelta("**you**"), UsageUpdate(Usage(3, 2, rate=40.0)), END)
        await app.until_shown("2 tokens · 40/s")
        assert "Hello you" in app.text()
        assert composer(app).text == ""
        assert [m.text for m in app.script.requests[0].messages] == ["hello there"]


async def test_the_next_question_carries_the_conversation(drive):
    async with drive() as app:
        await app.ask("one")
        app.script.say(TextDelta("answer one"), END)
        await app.until_shown("done")
        await app.ask("two")
        assert [m.text for m in app.script.requests[1].messages] == ["one", "answer one", "two"]


@pytest.mark.parametrize("key", ["ctrl+j", "shift+enter", "shift+\r"])  # the last: xterm's modifyOtherKeys
async def test_a_new_line_has_its_own_keys_and_enter_sends_both_lines(drive, key):
    async with drive() as app:
        await app.type("a")
        await app.pilot.press(key)
        await app.ask("b")
        assert app.script.requests[0].messages[-1].text == "a\nb"


async def test_enter_on_an_empty_composer_sends_nothing(drive):
    async with drive() as app:
        await app.type("  ")
        await app.pilot.press("enter")
        await app.pilot.pause()
        assert app.script.requests == []


async def test_escape_stops_the_answer_and_keeps_it(drive):
    async with drive() as app:
        await app.ask("go on")
        app.script.say(TextDelta("as far as "))
        await app.until_shown("as far as")
        await app.pilot.press("escape")
        await app.until_shown("stopped")
        assert app.script.closed == 1
        (conversation,) = await app.runtime.store.conversations()
        path = await app.runtime.store.path(conversation.id)
        assert (path[-1].text, path[-1].ending) == ("as far as ", "stopped")


async def test_escape_before_the_first_word_gives_the_prompt_back(drive):
    async with drive() as app:
        await app.ask("too soon")
        await app.pilot.press("escape")
        await app.until(lambda: composer(app).text == "too soon")
        await app.pilot.press("enter")
        await app.until(lambda: len(app.script.requests) == 2)
        assert [m.text for m in app.script.requests[1].messages] == ["too soon"]
        assert app.text().count("too soon") == 1


async def test_what_is_typed_in_one_burst_with_enter_is_the_next_message(drive):
    async with drive() as app:
        app.burst(*"one", "enter", *"two", "enter", *"!")
        await app.until(lambda: composer(app).text == "!")
        await app.until(lambda: len(app.script.requests) == 1)
        app.script.say(TextDelta("answer"), END)
        await app.until(lambda: len(app.script.requests) == 2)
        assert [m.text for m in app.script.requests[1].messages] == ["one", "answer", "two"]


async def test_editing_keys_in_a_burst_are_taken_in_turn_with_the_letters(drive):
    async with drive() as app:
        app.burst(*"abX", "backspace", *"c", "left", *"-", "enter")
        await app.until(lambda: len(app.script.requests) == 1)
        assert app.script.requests[0].messages[-1].text == "ab-c"


async def test_a_prompt_that_comes_back_stands_before_what_was_written_since(drive):
    async with drive() as app:
        await app.ask("my words")
        await app.type("and more")
        app.script.say(Unauthorized("the key is wrong"))
        await app.until(lambda: composer(app).text == "my words\nand more")


async def test_a_failure_before_any_word_gives_the_prompt_back(drive):
    async with drive() as app:
        await app.ask("my words")
        app.script.say(Unauthorized("the key is wrong", hint="Set another one."))
        await app.until_shown("the key is wrong")
        assert "Set another one." in app.text()
        assert composer(app).text == "my words"


async def test_asking_again_after_a_failure_takes_the_failed_question_s_place(drive):
    async with drive() as app:
        await app.ask("my words")
        app.script.say(Unauthorized("the key is wrong"))
        await app.until(lambda: composer(app).text == "my words")
        await app.pilot.press("enter")
        await app.until(lambda: len(app.script.requests) == 2)
        assert [m.text for m in app.script.requests[1].messages] == ["my words"]
        app.script.say(TextDelta("fine now"), END)
        await app.until_shown("fine now")
        assert app.text().count("my words") == 1
        assert "the key is wrong" not in app.text()


async def test_an_answer_that_breaks_off_is_kept_with_the_reason(drive):
    async with drive() as app:
        await app.ask("tell me")
        app.script.say(TextDelta("half of"), BrokenStream("the server hung up"))
        await app.until_shown("the server hung up")
        assert "half of" in app.text()
        assert "broke off" in app.text()
        assert composer(app).text == ""


async def test_reasoning_is_folded_to_a_line_and_f4_shows_it(drive):
    async with drive() as app:
        await app.ask("think")
        app.script.say(ReasoningDelta("secretly pondering"), TextDelta("42"), END)
        await app.until_shown("42")
        assert "pondering" not in app.text()
        await app.pilot.press("f4")
        await app.until_shown("secretly pondering")


async def test_a_notice_is_seen_in_the_status_line(drive):
    async with drive() as app:
        await app.ask("hi")
        app.script.say(Notice("The server is loading its model…"))
        await app.until_shown("The server is loading its model")


async def test_f2_switches_this_conversation_to_another_profile(drive):
    async with drive() as app:
        await app.pilot.press("f2")
        await app.until_shown("second")
        await app.type("seco")
        await app.pilot.press("enter")
        await app.until(lambda: status(app).profile == "second")
        await app.ask("hi")
        assert app.script.requests[0].model == "model-b"
        assert app.runtime.connections.active().name == "first"  # the default for others stays


async def test_f3_picks_a_model_the_server_offers(drive):
    async with drive() as app:
        await app.pilot.press("f3")
        await app.until_shown("model-z")
        await app.type("zz")
        await app.pilot.press("backspace", "enter")
        await app.until(lambda: status(app).model == "model-z")
        await app.ask("hi")
        assert app.script.requests[0].model == "model-z"


async def test_a_stored_conversation_opens_with_its_own_profile_and_model(drive):
    async with drive() as app:
        await app.pilot.press("f2")
        await app.type("second")
        await app.pilot.press("enter")
        await app.until(lambda: status(app).profile == "second")
        await app.ask("remember this")
        app.script.say(TextDelta("I shall"), END)
        await app.until_shown("I shall")
        await app.until_shown("done")
    async with drive(continue_id="last") as app:
        await app.until_shown("I shall")
        assert "remember this" in app.text()
        assert "second · model-b" in app.text()


async def test_what_another_program_added_is_not_sent_unseen(drive):
    async with drive() as app:
        await app.ask("one")
        app.script.say(TextDelta("answer one"), END)
        await app.until_shown("done")
        (conversation,) = await app.runtime.store.conversations()
        elsewhere = Message(id="elsewhere", role="user", text="unseen", parent=conversation.head)
        await app.runtime.store.add(conversation.id, elsewhere)
        await app.ask("two")
        assert [m.text for m in app.script.requests[1].messages] == ["one", "answer one", "two"]


async def test_ctrl_n_begins_a_new_conversation(drive):
    async with drive() as app:
        await app.ask("one")
        app.script.say(TextDelta("answer one"), END)
        await app.until_shown("done")
        await app.pilot.press("ctrl+n")
        await app.until(lambda: "answer one" not in app.text())
        await app.ask("two")
        assert [m.text for m in app.script.requests[1].messages] == ["two"]


async def test_ctrl_n_takes_along_what_is_written_and_not_sent(drive):
    async with drive() as app:
        await app.type("not yet sent")
        before = app.screen
        await app.pilot.press("ctrl+n")
        await app.until(lambda: app.pilot.app.screen is not before)
        await app.until(lambda: composer(app).text == "not yet sent")


async def test_a_question_waits_until_the_stored_conversation_is_on_the_page(drive, monkeypatch):
    async with drive() as app:
        await app.ask("one")
        app.script.say(TextDelta("answer one"), END)
        await app.until_shown("done")
    stored = asyncio.Event()
    path = OpenChat.path

    async def slow_path(chat: OpenChat) -> list[Message]:
        await stored.wait()
        return await path(chat)

    monkeypatch.setattr(OpenChat, "path", slow_path)
    async with drive(continue_id="last") as app:
        app.burst(*"two", "enter")
        await app.until(lambda: status(app).state == "sending")
        stored.set()
        await app.until(lambda: len(app.script.requests) == 2)
        app.script.say(TextDelta("answer two"), END)
        await app.until_shown("answer two")
        assert "answer one" in app.text()


async def test_leaving_in_mid_answer_stores_what_came(drive):
    async with drive() as app:
        await app.ask("one")
        app.script.say(TextDelta("so far"))
        await app.until_shown("so far")
        await app.pilot.press("ctrl+q")
        await app.until(lambda: app.script.closed == 1)
        (conversation,) = await app.runtime.store.conversations()
        assert (await app.runtime.store.path(conversation.id))[-1].text == "so far"


async def test_a_large_paste_is_a_chip_and_is_sent_whole(drive):
    paste = "\n".join(f"line {n}" for n in range(300))
    async with drive() as app:
        app.pilot.app.post_message(Paste(paste))
        await app.until_shown("[pasted 1: 300 lines]")
        await app.pilot.press("enter")
        await app.until(lambda: bool(app.script.requests))
        assert app.script.requests[0].messages[-1].text == paste


async def test_a_paste_that_looks_like_another_one_s_chip_is_sent_as_it_is(drive):
    first, second = "[pasted 2: 50 lines]" + "\n" * 49, "x\n" * 49
    async with drive() as app:
        for paste in (first, second):
            app.pilot.app.post_message(Paste(paste))
        await app.until_shown("[pasted 1: 50 lines][pasted 2: 50 lines]")
        await app.pilot.press("enter")
        await app.until(lambda: bool(app.script.requests))
        assert app.script.requests[0].messages[-1].text == first + second


async def test_an_answer_without_a_word_says_so(drive):
    async with drive() as app:
        await app.ask("hi")
        app.script.say(END)
        await app.until_shown("empty")


async def test_files_that_went_with_a_stored_question_are_named(drive):
    async with drive() as app:
        picture = Image(b"\x89PNG", "image/png", "cat.png")
        turn = await app.runtime.turns.begin(Question("what is it?", parts=(picture,)))
        app.script.say(TextDelta("a cat"), END)
        await turn.wait()
    async with drive(continue_id="last") as app:
        await app.until_shown("[cat.png]")


async def test_help_lists_every_key_and_escape_closes_it(drive):
    async with drive() as app:
        await app.pilot.press("f1")
        await app.until(lambda: "Stop the answer" in app.text())
        await app.pilot.press("escape")
        await app.until(lambda: "Stop the answer" not in app.text())


async def test_the_palette_runs_a_command_found_by_typing(drive):
    async with drive() as app:
        await app.pilot.press("ctrl+p")
        await app.until_shown("Commands")
        await app.type("new chat")
        await app.pilot.press("enter")
        await app.until(lambda: "Commands" not in app.text())


async def test_a_config_problem_is_shown_in_the_empty_chat(drive):
    broken = '[ui]\ntheem = "x"\n[chat.profiles.first]\ncompat = "scripted"\nmodel = "model-a"\n'
    async with drive(config=broken) as app:
        await app.until_shown('Did you mean "theme"?')


async def test_an_edit_of_the_settings_is_taken_in_and_said_quietly(drive):
    async with drive() as app:
        path = app.runtime.loaded.path
        path.write_text(path.read_text().replace("model-b", "model-new") + '[keys]\n"chat.send" = "f9"\n')
        await app.until_shown("The settings were read again.")
        await app.type("hi")
        await app.pilot.press("f9")
        await app.until(lambda: len(app.script.requests) == 1)
        assert app.runtime.connections.profile("second").model == "model-new"


async def test_a_broken_edit_changes_nothing_and_is_told_with_its_line(drive):
    async with drive() as app:
        path = app.runtime.loaded.path
        good = path.read_text()
        path.write_text(good + "[ui]\nmouse = 5\n")
        await app.until_shown("the settings stay as they were")
        assert f":{good.count(chr(10)) + 2}:ui.mouse" in "".join(app.text().split())
        await app.ask("hi")
        assert app.script.requests[0].model == "model-a"


async def test_an_edit_is_seen_by_the_very_next_question(drive):
    async with drive() as app:
        await app.type("hi")
        path = app.runtime.loaded.path
        path.write_text(path.read_text() + "[chat.profiles.first.sampling]\nseed = 7\n")
        await app.pilot.press("enter")
        await app.until(lambda: len(app.script.requests) == 1)
        assert app.script.requests[0].sampling.seed == 7


async def test_another_theme_in_the_file_is_shown_at_once(drive):
    async with drive() as app:
        path = app.runtime.loaded.path
        path.write_text(path.read_text() + '[ui]\ntheme = "pluma-light"\n')
        await app.until(lambda: app.pilot.app.theme == "pluma-light")


async def test_a_bug_ends_the_app_without_showing_a_variable(drive):
    with pytest.raises(WorkerFailed):
        async with drive() as app:
            await app.ask("hi")
            app.script.say(ZeroDivisionError("sk-secret"))
            await app.until(lambda: app.pilot.app.crash is not None)
            assert app.pilot.app._exit_renderables == []


async def test_f6_makes_this_profile_the_default_and_keeps_the_comments(drive):
    async with drive(config="# mine" + CONFIG) as app:
        await app.pilot.press("f2")
        await app.type("second")
        await app.pilot.press("enter")
        await app.until(lambda: status(app).profile == "second")
        await app.pilot.press("f6")
        await app.until_shown("New conversations begin with second.")
        assert app.runtime.connections.active().name == "second"
        assert app.runtime.loaded.path.read_text() == "# mine" + CONFIG.replace('"first"', '"second"')
