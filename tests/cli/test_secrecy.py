"""A key is in no output and in no file but the config, whatever goes wrong."""

import json
import sys
from collections.abc import Callable

import pytest

from pluma_tui.cli.main import main
from tests.cli.program import Program
from tests.servers.replay import Play, answer, replay
from tests.servers.sse import chunk, whole

KEY = "sk-a-key-that-nobody-may-see"
USUAL = {"compat": "openai", "model": "m", "base_url": "http://127.0.0.1:1"}
# A server that says the key back in whatever it says.
ECHO = f"Incorrect API key provided: {KEY}. Bearer {KEY}"
SERVERS = {
    "answers": answer(whole("hello")),
    "401": answer({"error": {"message": ECHO, "param": KEY}}, status=401),
    "400": answer({"detail": [{"loc": ["header", KEY], "msg": ECHO}]}, status=400),
    "404 text": answer(ECHO, status=404, kind="text/plain"),
    "500 html": answer(f"<html><title>{ECHO}</title>", status=500, kind="text/html", retry_after="0"),
    "429": answer({"error": {"message": ECHO}}, status=429, retry_after="0"),
    "redirect": answer("", status=302, location=f"http://user:{KEY}@127.0.0.1:1/?key={KEY}"),
    "in the stream": answer(chunk("half") + f"data: {json.dumps({'error': ECHO})}\n\n".encode()),
    "nonsense": answer(chunk("half") + f"data: {{{KEY}\n\n".encode()),
    "no http": f"{KEY}\r\n\r\n".encode(),
    "bad header": f"HTTP/1.1 200 X\r\n{KEY}\r\n\r\n".encode(),
    "cut": Play(answer(chunk("half") + chunk("lost")), cut=-20),
}


def from_env(program: Program) -> dict[str, str]:
    return {"HOME_KEY": KEY}


def from_file(program: Program) -> dict[str, str]:
    rewrite(program, '{ file = "~/.key" }')
    (program.home / ".key").write_text(f"{KEY}\n")
    (program.home / ".key").chmod(0o600)
    return {}


def from_command(program: Program) -> dict[str, str]:
    rewrite(program, '{ command = ["sh", "-c", "cat ~/.key; cat ~/.key >&2"] }')
    (program.home / ".key").write_text(f"{KEY}\n")
    return {}


def literal(program: Program) -> dict[str, str]:
    rewrite(program, json.dumps(KEY))
    return {}


def rewrite(program: Program, value: str) -> None:
    text = program.config.read_text()
    program.config.write_text(text.replace('{ env = "HOME_KEY" }', value))


def toml(value: object) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {toml(item)}' for key, item in value.items())} }}"
    return json.dumps(value)


def nothing_tells(program: Program, *outputs: str) -> None:
    assert KEY not in "".join(outputs)
    told = [name for name, data in program.files().items() if name != ".key" and KEY.encode() in data]
    assert told == []


@pytest.mark.parametrize("name", SERVERS)
async def test_a_server_that_says_the_key_back(program: Program, name: str):
    async with replay(SERVERS[name]) as server:
        program.configure(server.url)
        env = literal(program)
        done = await program.run("ask", "hi", *(["--json"] if name[0] in "4r" else []), **env)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert (done.code == 0) == (name == "answers")
    assert "Traceback" not in done.err
    nothing_tells(program, done.out, done.err)


@pytest.mark.parametrize("source", [from_env, from_file, from_command])
async def test_wherever_it_comes_from(program: Program, source: Callable[[Program], dict[str, str]]):
    async with replay(SERVERS["answers"], SERVERS["401"]) as server:
        program.configure(server.url)
        env = source(program)
        outputs = []
        for code in (0, 4):
            done = await program.run("ask", "hi", **env)
            assert done.code == code
            outputs += [done.out, done.err]
    assert [request.headers["authorization"] for request in server.requests] == [f"Bearer {KEY}"] * 2
    nothing_tells(program, *outputs)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"api_key": {"env": KEY}}, 4),
        ({"api_key": {"nonsense": KEY}}, 3),
        ({"api_key": KEY, "timeout": "x"}, 3),
        ({"api_key": KEY, "compat": "zzz"}, 3),
        ({"api_key": f"{KEY}\n{KEY}"}, 4),
        ({"api_key": KEY, "headers": {"X-Key": f"{KEY}\n"}}, 3),
        ({"api_key": "", "base_url": f"http://user:{KEY}@127.0.0.1:1/?key={KEY}"}, 5),
        ({"api_key": "", "base_url": f"htp://user:{KEY}@127.0.0.1:1"}, 3),
        (
            {"api_key": KEY, "proxy": f"http://user:{KEY}@127.0.0.1:1", "base_url": "http://example.invalid"},
            5,
        ),
        ({"api_key": KEY, "proxy": f"nonsense://user:{KEY}@x", "base_url": "http://example.invalid"}, 3),
    ],
)
def test_a_config_that_is_wrong(
    program: Program,
    settings: dict,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
):
    text = "".join(f"{key} = {toml(value)}\n" for key, value in {**USUAL, **settings}.items())
    program.config.write_text(f"[chat.profiles.home]\n{text}")
    program.config.chmod(0o644)
    for name in ("PLUMA_CONFIG", "PLUMA_DATA_DIR"):
        monkeypatch.setenv(name, program.env[name])
    monkeypatch.setattr(sys, "stdin", None)
    codes = [
        main(words.split()) for words in ("ask hi", "ask hi --json", "models", "doctor", "doctor --json")
    ]
    assert codes[:3] == [code] * 3
    out, err = capfdbinary.readouterr()
    assert main(["history", "list"]) == 0
    nothing_tells(program, out.decode(), err.decode())


async def test_a_configured_key_never_goes_to_another_server(program: Program):
    async with replay(answer(whole("hello"))) as other:
        program.configure("http://127.0.0.1:1", api_key=KEY)
        for args in ((), ("-p", "home")):
            done = await program.run("ask", "hi", *args, "--base-url", other.url, PLUMA_MODEL="m")
            assert (done.code, done.out) == (0, "hello\n")
    assert all("authorization" not in request.headers for request in other.requests)
    assert KEY not in str([request.headers for request in other.requests])


async def test_a_key_in_a_command_line_flag_is_not_repeated(program: Program):
    done = await program.run("ask", "hi", "--base-url", "http://127.0.0.1:1", "--api-key-env", KEY)
    assert done.code == 4
    nothing_tells(program, done.out, done.err)
