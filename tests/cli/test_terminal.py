"""No byte that could act on a terminal reaches one, whatever servers, files and configs hold."""

import json
import re

import pytest

from pluma_tui.cli.terminal_facts import questions
from tests import nasty
from tests.cli.program import Program
from tests.servers.replay import answer, replay
from tests.servers.sse import chunk, whole

NASTY = nasty.all_of_it()
SHORT = [one.text for one in NASTY if len(one.text) < 500]
ALL = "".join(f"{text}\n" for text in SHORT)


def nothing_acts(output: bytes) -> str:
    """What reached the terminal, as text; its own line ends are the only control characters in it."""
    text = output.decode().replace("\r\n", "\n")
    assert not nasty.FORBIDDEN.search(text)
    return text


def representable(text: str) -> str:
    """A lone surrogate is no text that UTF-8 could carry on."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def groups(limit: int) -> list[str]:
    """All short texts, several together, as many as a server may say at once."""
    found = [""]
    for text in SHORT:
        if len(found[-1]) + len(text) > limit:
            found.append("")
        found[-1] += f"{text} "
    return found


@pytest.mark.parametrize("flags", [(), ("--no-stream",), ("--json",)])
async def test_answers(program: Program, flags: tuple[str, ...]):
    async with replay(answer(whole(*(f"{one.text}\n" for one in NASTY), "the end"))) as server:
        program.configure(server.url)
        code, output = await program.on_terminal("ask", "hi", *flags, HOME_KEY="k")
    text = nothing_acts(output)
    assert code == 0
    if "--json" not in flags:
        assert text.endswith("the end\n")
        assert all(one.visible in text for one in NASTY if one.visible)
    else:
        events = [json.loads(line) for line in text.splitlines()]
        sent = [event["text"] for event in events if event["type"] == "text"]
        assert "".join(sent) == representable("".join(f"{one.text}\n" for one in NASTY)) + "the end"


async def test_an_answer_split_inside_every_sequence(program: Program):
    async with replay(answer(whole(*ALL))) as server:
        program.configure(server.url)
        code, output = await program.on_terminal("ask", "hi", HOME_KEY="k")
    assert code == 0
    assert "AABB" in nothing_acts(output)


async def test_a_pipe_gets_the_true_text(program: Program):
    text = "".join(one.text for one in NASTY if one.id.startswith(("csi", "osc", "c0", "inv")))
    async with replay(answer(whole(text))) as server:
        program.configure(server.url)
        async with program.started("ask", "hi", HOME_KEY="k") as process:
            out, _ = await process.communicate()
    assert out.decode() == text + "\n"


async def test_model_names(program: Program):
    listed = {"data": [{"id": f"{at} {one.text[:600]}"} for at, one in enumerate(NASTY)]}
    async with replay(answer(json.dumps(listed), kind="application/json")) as server:
        program.configure(server.url)
        code, output = await program.on_terminal("models", HOME_KEY="k")
        assert (code, len(nothing_acts(output).splitlines())) == (0, len(NASTY))
        code, output = await program.on_terminal("models", "--json", HOME_KEY="k")
        names = [representable(model["id"]) for model in listed["data"]]
        assert [model["id"] for model in json.loads(nothing_acts(output))] == names


async def test_a_model_that_is_picked(program: Program):
    listed = json.dumps({"data": [{"id": ALL[:1000]}, {"id": "other"}]})
    async with replay(answer(listed, kind="application/json"), answer(whole("hi"))) as server:
        program.configure(server.url, model="")
        code, output = await program.on_terminal("ask", "hi", HOME_KEY="k")
    assert code == 0
    assert "No model is set" in nothing_acts(output)


@pytest.mark.parametrize("words", groups(550), ids=len)
async def test_error_bodies(program: Program, words: str):
    body = json.dumps({"error": {"message": f"said: {words}"}})
    async with replay(answer(body, status=400, kind="application/json")) as server:
        program.configure(server.url)
        code, output = await program.on_terminal("ask", "hi", HOME_KEY="k")
        assert code == 6
        assert "pluma: said: " in nothing_acts(output)
        assert len(nothing_acts(output).splitlines()) == 1


async def test_error_bodies_that_are_no_json_and_errors_in_the_stream(program: Program):
    bodies = [
        answer(ALL.encode("utf-8", "replace"), status=400, kind="text/plain"),
        answer(f"<html><title>{ALL[:150]}</title>".encode(), status=400, kind="text/html"),
        answer(chunk("half") + f"data: {json.dumps({'error': {'message': ALL[:500]}})}\n\n".encode()),
        answer(chunk("half") + b'data: {"\x1b]0;title\x07\xc2\x9b31m\n\n'),
    ]
    for body in bodies:
        async with replay(body) as server:
            program.configure(server.url)
            code, output = await program.on_terminal("ask", "hi", HOME_KEY="k")
            assert code in (6, 7)
            assert "pluma: " in nothing_acts(output)


async def test_names_in_the_config_and_on_the_command_line(program: Program):
    name = "AA\x1b[2J\x1b]0;x\x07\x9bBB"
    program.config.write_text(f"{json.dumps(name)} = 1\n[chat.profiles.{json.dumps(name)}]\n")
    program.env["PLUMA_UI_MOUSE"] = name
    for args in (
        ("ask", "hi"),
        ("ask", "hi", "-p", name),
        ("doctor",),
        ("ask", "hi", "-a", name),
        ("ask", "hi", "-c", name),
    ):
        _, output = await program.on_terminal(*args)
        asked = questions(program.env) if args == ("doctor",) else b""
        assert output.startswith(asked)
        assert "AA" in nothing_acts(output.removeprefix(asked))
