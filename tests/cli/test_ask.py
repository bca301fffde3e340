"""`pluma ask` against a real llama.cpp server whose answers are known."""

import asyncio
import shlex
from pathlib import Path

import pytest

from tests.cli.program import DATABASE_FILE, PLUMA, Program
from tests.servers.llamacpp import LlamaServer
from tests.servers.replay import answer, replay
from tests.servers.scripted_model import SCRIPTS
from tests.servers.sse import whole

TEXT = "Hello from a tiny scripted model."
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def script(name: str) -> str:
    return b"".join(word if isinstance(word, bytes) else word.encode() for word in SCRIPTS[name]).decode()


@pytest.mark.parametrize(
    ("keyword", "answer"),
    [
        ("Say hello", TEXT),
        ("think", "Answer: **42**"),
        ("markdown", script("markdown")),
        ("unicode", script("unicode")),
        ("weather", TEXT),
    ],
)
async def test_the_answer_goes_to_stdout_and_nothing_else_anywhere(
    with_llama: Program, keyword: str, answer: str
):
    done = await with_llama.run("ask", keyword)
    assert (done.code, done.out, done.err) == (0, f"{answer}\n", "")


@pytest.mark.parametrize("keyword", ["Say hello", "think", "unicode"])
async def test_json_is_one_event_a_line_and_ends_in_finished(with_llama: Program, keyword: str):
    done = await with_llama.run("ask", keyword, "--json")
    assert (done.code, done.err) == (0, "")
    *events, usage, finished = done.lines
    answer = {"Say hello": TEXT, "think": "Answer: **42**", "unicode": script("unicode")}[keyword]
    assert "".join(event["text"] for event in events if event["type"] == "text") == answer
    thought = "".join(event["text"] for event in events if event["type"] == "reasoning")
    assert thought.strip() == ("Let me think; 6*7 = 42" if keyword == "think" else "")
    assert usage["type"] == "usage"
    assert usage["input"] > 0
    assert usage["output"] > 0
    question, message = await with_llama.stored()
    conversation = finished.pop("conversation")
    assert finished == {"type": "finished", "ending": "complete", "message": message.id}
    assert (question.text, message.text, message.ending) == (keyword, answer, "complete")
    shown = await with_llama.run("history", "show", conversation)
    assert answer.splitlines()[0] in shown.out


async def test_an_answer_cut_off_at_the_limit_says_so(with_llama: Program):
    done = await with_llama.run("ask", "long", "--set", "max_tokens=4")
    assert (done.code, done.out) == (0, "ping pong w0 w1\n")
    assert done.err == "pluma: the answer was cut off at the limit of tokens.\n"
    done = await with_llama.run("ask", "long", "--set", "max_tokens=4", "--json")
    assert done.lines[-1]["ending"] == "length"


async def test_what_is_told_on_a_terminal_stands_below_the_answer(with_llama: Program):
    code, output = await with_llama.on_terminal("ask", "long", "--set", "max_tokens=4")
    told = b"pluma: the answer was cut off at the limit of tokens."
    assert (code, output.splitlines()) == (0, [b"ping pong w0 w1", told])


async def test_an_answer_without_a_word_is_told(program: Program):
    async with replay(answer(whole())) as server:
        program.configure(server.url)
        done = await program.run("ask", "hi", HOME_KEY="k")
    assert (done.code, done.out, done.err) == (0, "", "pluma: the answer is empty.\n")


async def test_an_answer_that_fills_the_context_ends_as_well(with_llama: Program):
    done = await with_llama.run("ask", "long")
    assert done.code == 0
    assert done.out.startswith("ping pong w0")
    assert (await with_llama.stored())[-1].ending == "length"


@pytest.mark.parametrize(
    ("prompt", "stdin", "sent"),
    [
        ("Summarise", "some text\n", "Summarise\n\nsome text"),
        (None, "What is this?\n", "What is this?"),
        ("Summarise", "", "Summarise"),
        ("Summarise", "\n", "Summarise"),
        ("  spaces stay ", "  here too", "  spaces stay \n\n  here too"),
    ],
)
async def test_stdin_is_appended_or_is_the_prompt(
    with_llama: Program, prompt: str | None, stdin: str, sent: str
):
    args = ["ask", prompt] if prompt else ["ask"]
    done = await with_llama.run(*args, stdin=stdin.encode())
    assert (done.code, done.out) == (0, f"{TEXT}\n")
    assert (await with_llama.stored())[0].text == sent


@pytest.mark.parametrize(("args", "stdin"), [((), b""), ((), b" \n"), (("",), None), (("  ",), b"\n")])
async def test_nothing_to_ask_is_wrong_use(with_llama: Program, args: tuple[str, ...], stdin: bytes | None):
    done = await with_llama.run("ask", *args, stdin=stdin)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("pluma: there is nothing to ask. For example: ")


async def test_stdin_that_is_no_text_is_refused_with_its_line(with_llama: Program):
    done = await with_llama.run("ask", stdin=b"fine\nnot \xff fine")
    assert (done.code, done.err) == (2, "pluma: standard input is not UTF-8 text (line 2).\n")


async def test_a_prompt_that_is_no_utf8_is_asked_all_the_same(with_llama: Program):
    done = await with_llama.run("ask", b"hi \xff there")
    assert (done.code, done.out) == (0, f"{TEXT}\n")
    assert [message.role for message in await with_llama.stored()] == ["user", "assistant"]


async def test_files_go_with_the_question(with_llama: Program):
    (with_llama.home / "notes.md").write_text("think about it")
    done = await with_llama.run("ask", "Read", "-a", "notes.md")
    assert done.out == "Answer: **42**\n"  # the server saw the keyword that is in the file
    (with_llama.home / "a.png").write_bytes(PNG)
    done = await with_llama.run("ask", "Look", "--attach", "a.png")
    assert done.code == 6  # this model has no eyes, and its server says so
    assert "image" in done.err.lower()
    question, _ = await with_llama.stored()
    assert question.parts[0].data == PNG


@pytest.mark.parametrize(
    ("content", "words"), [(b"\0\1\2", "neither a picture nor text"), (None, "cannot be read: No such file")]
)
async def test_a_file_that_cannot_go_along_is_refused_and_nothing_is_asked(
    with_llama: Program, content: bytes | None, words: str
):
    if content is not None:
        (with_llama.home / "a.bin").write_bytes(content)
    done = await with_llama.run("ask", "Look", "-a", "a.bin")
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert not (with_llama.home / DATABASE_FILE).exists()


async def test_a_conversation_goes_on_and_keeps_its_profile(with_llama: Program, llama: LlamaServer):
    first = (await with_llama.run("ask", "Say hello", "--json")).lines[-1]["conversation"]
    await with_llama.run("ask", "something else")
    done = await with_llama.run("ask", "think", "-c", first[:8], "--json")
    assert done.lines[-1]["conversation"] == first
    assert [message.text for message in await with_llama.stored()] == [
        "Say hello",
        TEXT,
        "think",
        "Answer: **42**",
    ]
    done = await with_llama.run("-c", "last", "ask", "Again")
    assert done.code == 0
    assert len(await with_llama.stored()) == 6
    assert (await with_llama.run("ask", "hi", "-c", "nosuch")).code == 2


async def test_nothing_is_kept_of_what_is_not_saved(with_llama: Program):
    done = await with_llama.run("ask", "Say hello", "--no-save", "--json")
    assert done.lines[-1] == {"type": "finished", "ending": "complete", "conversation": "", "message": ""}
    assert with_llama.files() == {}
    await with_llama.run("ask", "Say hello")
    done = await with_llama.run("ask", "think", "--no-save", "-c", "last")
    assert (done.code, done.out) == (0, "Answer: **42**\n")
    assert len(await with_llama.stored()) == 2


@pytest.mark.parametrize("flags", [("--no-stream",), ()])
async def test_the_whole_answer_comes_either_way(with_llama: Program, flags: tuple[str, ...]):
    assert (await with_llama.run("ask", "markdown", *flags)).out == script("markdown") + "\n"


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("temperature", '--set takes KEY=VALUE, not "temperature"'),
        ("=1", '--set takes KEY=VALUE, not "=1"'),
        ("temperature=hot", "temperature"),
        ("seed=1.5", "seed"),
    ],
)
async def test_a_setting_that_is_none_is_wrong_use(with_llama: Program, setting: str, words: str):
    done = await with_llama.run("ask", "hi", "--set", setting)
    assert (done.code, done.out) == (2, "")
    assert words in done.err


async def test_the_server_can_be_named_without_any_config(program: Program, llama: LlamaServer):
    done = await program.run("ask", "Say hello", "--base-url", llama.url, "--api-key-env", "K", K=llama.key)
    assert (done.code, done.out, done.err) == (0, f"{TEXT}\n", "")
    done = await program.run("ask", "Say hello", PLUMA_BASE_URL=llama.url, PLUMA_API_KEY=llama.key)
    assert (done.code, done.out, done.err) == (0, f"{TEXT}\n", "")


async def test_the_flag_goes_before_the_profile_a_conversation_keeps(with_llama: Program, llama: LlamaServer):
    await with_llama.run("ask", "Say hello")
    other = "http://127.0.0.1:1"
    done = await with_llama.run("ask", "hi", "-c", "last", "--base-url", other)
    assert done.code == 5
    assert "127.0.0.1:1" in done.err


async def test_whoever_stops_reading_is_no_error(endless: LlamaServer, program: Program):
    program.configure(endless.url)
    async with program.started("ask", "markdown\nlong", HOME_KEY=endless.key) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        await process.stdout.readline()
        process.stdout._transport.close()
        async with asyncio.timeout(10):
            assert await process.wait() == 0
        assert await process.stderr.read() == b""
    assert (await program.stored())[-1].ending in ("stopped", "complete")


async def test_a_full_disk_is_told_and_what_came_is_kept(with_llama: Program):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    command = shlex.join([*PLUMA, "ask", "Say hello"])
    process = await asyncio.create_subprocess_shell(
        f"{command} > /dev/full", stderr=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL,
        env=with_llama.env, cwd=with_llama.home,
    )  # fmt: skip
    _, err = await process.communicate()
    assert (process.returncode, err) == (
        1,
        b"pluma: the output cannot be written: No space left on device.\n",
    )
    assert TEXT.startswith((await with_llama.stored())[-1].text)


async def test_where_the_data_is_can_be_said(with_llama: Program, tmp_path: Path):
    await with_llama.run("ask", "hi", "--data-dir", tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere" / DATABASE_FILE.name).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "elsewhere").stat().st_mode & 0o777 == 0o700
    assert not (with_llama.home / DATABASE_FILE).exists()
