"""`pluma config`: every setting from the shell, as a person or a script uses it."""

import asyncio
import json
import os
import stat
import tomllib

import jsonschema
import pytest

from pluma_tui.config.json_schema import json_schema
from pluma_tui.config.read import parse
from tests.cli.program import PLUMA, Program

FILE = """\
# mine
[ui]
theme = 'pluma-light'   # in the sun
[chat.profiles.home]
compat = "openai"
base_url = "http://ann:pw-in-url@127.0.0.1:1"
api_key = "sk-plain-key"
headers = { X-Api-Key = "sk-in-header", X-Team = "blue" }
"""


@pytest.fixture
def filled(program: Program) -> Program:
    program.config.write_text(FILE)
    program.config.chmod(0o600)
    return program


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ui.theme", "pluma-light"),
        ("ui.frame_rate", "15"),
        ("ui.mouse", "true"),
        ("chat.profiles.home.compat", "openai"),
        ('chat.profiles."home".timeout', "60.0"),
        ("chat.profiles.home.api_key", "(hidden)"),
        ("chat.profiles.home.headers.X-Team", "blue"),
        ("keys.chat.send", '["enter"]'),
        ("schema", "1"),
    ],
)
async def test_get_prints_the_value_in_force(filled: Program, key: str, value: str):
    done = await filled.run("config", "get", key)
    assert (done.code, done.out, done.err) == (0, f"{value}\n", "")


async def test_get_of_a_table_prints_a_line_a_key_and_as_json_an_object(filled: Program):
    done = await filled.run("config", "get", "ui")
    assert 'theme = "pluma-light"' in done.out.splitlines()
    as_json = (await filled.run("config", "get", "chat.profiles.home", "--json")).json
    assert as_json["base_url"] == "http://ann:(hidden)@127.0.0.1:1"
    assert as_json["headers"] == {"X-Api-Key": "(hidden)", "X-Team": "blue"}
    assert as_json["sampling"]["temperature"] is None


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("ui.theem", 'Did you mean "theme"?'),
        ("chat.profiles.hom.model", 'Did you mean "home"?'),
        ("chat.profiles.home.modle", 'Did you mean "model"?'),
        ("not a key", "is not a key"),
        ("a = 1\nb", "is not a key"),
        ("chat.profiles.home.name", "is not a setting"),
    ],
)
async def test_a_key_that_is_none_is_told(filled: Program, key: str, words: str):
    for command in (["get", key], ["set", key, "x"], ["unset", key]):
        done = await filled.run("config", *command)
        if command[0] == "unset" and done.code == 0:
            assert "is not set" in done.err  # a profile may have any name
            continue
        assert (done.code, done.out) == (3, "")
        assert words in done.err or "says no compat" in done.err
    assert filled.config.read_text() == FILE


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("ui.theme", "nord", "theme = 'nord'   # in the sun"),
        ("ui.theme", '"nord"', "theme = '\"nord\"'   # in the sun"),
        ("ui.frame_rate", "8", "frame_rate = 8"),
        ("chat.profiles.home.api_key", '{ env = "X" }', 'api_key = { env = "X" }'),
        ("chat.profiles.home.api_key", "env:X", 'api_key = "env:X"'),
        ("chat.profiles.home.sampling.stop", '["a", "b"]', 'stop = ["a", "b"]'),
        ("chat.profiles.home.options.deep.er", "1", "er = 1"),
        ("keys.chat.send", "f9", '"chat.send" = "f9"'),
        ("chat.system", "Be brief.\nAlways.", 'system = "Be brief.\\nAlways."'),
    ],
)
async def test_set_changes_one_line_and_get_gives_it_back(filled: Program, key: str, value: str, line: str):
    done = await filled.run("config", "set", key, value)
    assert (done.code, done.out) == (0, "")
    after = filled.config.read_text()
    assert line in after.splitlines()
    assert set(FILE.splitlines()) - set(after.splitlines()) <= {
        "theme = 'pluma-light'   # in the sun",
        'api_key = "sk-plain-key"',
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ui.frame_rate", "fast"), ("ui.frame_rate", "0"), ("ui.mouse", "maybe"), ("ui.images", "sixl"),
        ("chat.active", "nobody"), ("chat.profiles.home.timeout", "-1"), ("chat.profiles.new.model", "x"),
        ("ui", "x"), ("chat.profiles.home.sampling.temperature", "hot"),
    ],
)  # fmt: skip
async def test_what_would_not_load_is_not_written(filled: Program, key: str, value: str):
    done = await filled.run("config", "set", key, value)
    assert done.code == 3
    assert done.err.startswith("pluma: ")
    assert filled.config.read_text() == FILE


async def test_setting_the_old_value_again_gives_the_old_file(filled: Program):
    await filled.run("config", "set", "ui.theme", "nord")
    await filled.run("config", "set", "ui.theme", "pluma-light")
    assert filled.config.read_text() == FILE


async def test_unset_takes_the_line_out_and_says_when_there_was_none(filled: Program):
    assert (await filled.run("config", "unset", "ui.theme")).code == 0
    assert filled.config.read_text() == FILE.replace("theme = 'pluma-light'   # in the sun\n", "")
    again = await filled.run("config", "unset", "ui.theme")
    assert (again.code, "is not set" in again.err) == (0, True)


async def test_list_says_where_each_value_comes_from(filled: Program):
    done = await filled.run("config", "list", PLUMA_UI_MOUSE="false")
    lines = done.out.splitlines()
    assert 'ui.theme = "pluma-light"  # line 3' in lines
    assert "ui.mouse = false  # env PLUMA_UI_MOUSE" in lines
    assert "ui.frame_rate = 15  # default" in lines
    assert "chat.profiles.home.api_key = (hidden)  # line 7" in [line.replace('"', "") for line in lines]
    rows = {row["key"]: row for row in (await filled.run("config", "list", "--json")).json}
    assert rows["ui.theme"] == {"key": "ui.theme", "value": "pluma-light", "origin": "file", "line": 3}
    for text in (done.out, json.dumps(rows)):
        for secret in ("sk-plain-key", "pw-in-url", "sk-in-header"):
            assert secret not in text


async def test_an_environment_variable_over_a_set_value_is_told(filled: Program):
    done = await filled.run("config", "set", "ui.theme", "nord", PLUMA_UI_THEME="dracula")
    assert (done.code, "PLUMA_UI_THEME" in done.err) == (0, True)
    assert (await filled.run("config", "get", "ui.theme", PLUMA_UI_THEME="dracula")).out == "dracula\n"


async def test_path_and_check(filled: Program):
    assert (await filled.run("config", "path")).out == f"{filled.config}\n"
    check = await filled.run("config", "check")
    assert (check.code, "pluma secret set home" in check.out) == (0, True)
    filled.config.write_text("[ui]\nmouse = 5\ntheem = 1\n")
    check = await filled.run("config", "check", "--json")
    assert (check.code, [(row["severity"], row["key"], row["line"]) for row in check.json]) == (
        3,
        [("error", "ui.mouse", 2), ("warning", "ui.theem", 3)],
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"[ui\n", "not valid TOML"),
        (b"[ui]\nmouse = true\n[ui]\n", "not valid TOML"),
        (b"[ui]\ntheme = '\xff'\n", "is not UTF-8"),
    ],
)
async def test_a_file_that_cannot_be_read_is_told_and_left_alone(program: Program, data: bytes, words: str):
    program.config.write_bytes(data)
    for command in (["get", "ui.theme"], ["set", "ui.theme", "x"], ["unset", "ui.theme"], ["check"]):
        done = await program.run("config", *command)
        assert done.code == 3
        assert words in done.err + done.out
        assert f"{program.config.name}:" in done.err + done.out
    assert program.config.read_bytes() == data


@pytest.mark.parametrize("template", ["../x", "/tmp/x", "a/../../x", "{date}/{sedd}", "{date", ""])
async def test_names_for_pictures_that_no_picture_can_have_are_refused(program: Program, template: str):
    done = await program.run("config", "set", "images.template", template)
    assert (done.code, done.out) == (3, "")
    assert "images.template" in done.err
    assert not program.config.exists()
    program.config.write_text(f"[images]\ntemplate = '{template}'\n")
    done = await program.run("config", "check")
    assert done.code == 3
    assert "images.template" in done.err + done.out


async def test_a_directory_in_its_place_is_told(program: Program):
    program.config.mkdir()
    done = await program.run("config", "set", "ui.theme", "x")
    assert (done.code, "directory" in done.err) == (3, True)


async def test_many_set_at_once_and_all_land(filled: Program):
    keys = [f"H{n}" for n in range(12)]
    done = await asyncio.gather(
        *(filled.run("config", "set", f"chat.profiles.home.headers.{key}", key) for key in keys)
    )
    assert [each.code for each in done] == [0] * len(keys)
    headers = tomllib.loads(filled.config.read_text())["chat"]["profiles"]["home"]["headers"]
    assert set(keys) <= set(headers)


async def test_a_new_file_is_private(program: Program):
    assert (await program.run("config", "set", "ui.theme", "nord")).code == 0
    assert stat.S_IMODE(program.config.stat().st_mode) == 0o600


class TestEdit:
    async def edit(self, program: Program, script: str, **env: str) -> tuple[int, str]:
        editor = program.home / "editor"
        editor.write_text(f"#!/bin/sh\n{script}\n")
        editor.chmod(0o755)
        code, output = await program.on_terminal("config", "edit", EDITOR=str(editor), **env)
        return code, output.decode()

    async def test_what_loads_is_kept(self, filled: Program):
        code, _ = await self.edit(filled, "echo 'mouse = false # new' | sed -i '/theme/r /dev/stdin' \"$1\"")
        assert code == 0
        assert "mouse = false # new" in filled.config.read_text()

    async def test_what_does_not_load_is_offered_to_be_edited_again(self, filled: Program):
        script = 'if [ -e again ]; then sed -i s/9999/9/ "$1"; else touch again; '
        script += "sed -i 's/^theme.*/frame_rate = 9999/' \"$1\"; fi"
        editor = filled.home / "editor"
        editor.write_text(f"#!/bin/sh\n{script}\n")
        editor.chmod(0o755)
        from tests.servers.terminal import Terminal

        def act() -> int:
            argv = [*PLUMA, "config", "edit"]
            with Terminal(argv, {**filled.env, "EDITOR": f"{editor}", "PWD": str(filled.home)}) as terminal:
                terminal.until("Edit again?")
                assert filled.config.read_text() == FILE
                terminal.send("y\r")
                return terminal.wait()

        os.chdir(filled.home)
        assert await asyncio.to_thread(act) == 0
        assert "frame_rate = 9\n" in filled.config.read_text()

    async def test_an_editor_that_fails_changes_nothing(self, filled: Program):
        code, output = await self.edit(filled, 'echo broken > "$1"; exit 1')
        assert (code, "nothing was changed" in output) == (2, True)
        assert filled.config.read_text() == FILE

    async def test_without_a_terminal_it_is_refused_in_words(self, filled: Program):
        done = await filled.run("config", "edit")
        assert (done.code, "terminal" in done.err) == (2, True)


class TestSchema:
    async def test_it_is_printed_as_json(self, program: Program):
        schema = (await program.run("config", "schema")).json
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema == json.loads(json.dumps(json_schema()))

    @pytest.mark.parametrize(
        "text",
        [
            FILE,
            "",
            "[ui]\nmouse = 5",
            "[ui]\ntheem = 'x'",
            "[ui]\nframe_rate = 61",
            "[ui]\nimages = 'sixl'",
            "[chat.profiles.x]\nmodel = 'm'",
            "[chat.profiles.x]\ncompat = 'openai'\napi_key = { env = 'A' }",
            "[chat.profiles.x]\ncompat = 'openai'\napi_key = { env = 'A', file = 'b' }",
            "[chat.profiles.x]\ncompat = 'openai'\napi_key = 5",
            "[chat.profiles.x]\ncompat = 'openai'\napi_key = { env = 'A', tll = '1h' }",
            "[chat.profiles.x]\ncompat = 'openai'\napi_key = { command = ['a'], ttl = '1h', timeout = 5 }",
            "[chat.profiles.x]\ncompat = 'openai'\napi_key = { command = ['a'], timeout = 'x' }",
            "[chat.profiles.x]\ncompat = 'openai'\napi_key = { vault = 'a#b', address = 'http://x' }",
            "[chat.profiles.x]\ncompat = 'openai'\nname = 'y'",
            "[chat.profiles.x.sampling]\ntemprature = 1\n[chat.profiles.x]\ncompat = 'a'",
            "[images.profiles.x]\nkind = 'a1111'\nsteps = 'many'",
            "[keys]\n'chat.send' = 5",
            "[keys]\n'chat.send' = ['a', 'b']",
            "schema = 2",
            "[storage]\nurl = 5",
        ],
    )
    def test_it_accepts_what_the_reader_accepts(self, program: Program, text: str):
        problems = [
            p for p in parse(program.config, text, {}).problems if "is the key itself" not in p.message
        ]
        valid = jsonschema.Draft202012Validator(json_schema()).is_valid(tomllib.loads(text))
        assert valid == (not problems), problems
