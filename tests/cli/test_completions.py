"""Completions, as real shells use them."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from pluma_tui.cli import offers
from pluma_tui.core.models import ModelInfo
from pluma_tui.runtime import fetched
from tests.cli.program import PLUMA, Program
from tests.servers.llamacpp import LlamaServer
from tests.servers.replay import answer, replay
from tests.servers.terminal import Terminal

CONFIG = """
[chat.profiles.home]
compat = "openai"
[chat.profiles.broken]
compat = 5
[images.profiles.box]
kind = "a1111"
"""


def listed(*names: str) -> bytes:
    """The models of these names, as they are kept."""
    return json.dumps([{"id": name} for name in names]).encode()


@pytest.fixture
def known(program: Program) -> Program:
    """With profiles, and with models that a server has listed."""
    program.config.write_text(CONFIG)
    models = ["qwen3:8b", "qwen3:14b", "micro", "org/model@v1"]
    program.env["XDG_CACHE_HOME"] = str(program.home / "cache")
    folder = program.home / "cache" / "pluma" / "models"
    folder.mkdir(parents=True)
    (folder / "home.models.json").write_bytes(listed(*models))
    return program


async def offered(program: Program, kind: str) -> list[str]:
    done = await program.run("completions", "--list", kind)
    assert (done.code, done.err) == (0, "")
    return done.out.split()


class TestWords:
    async def test_profiles_are_those_of_the_file_good_or_broken(self, known: Program):
        assert await offered(known, "profiles") == ["home", "broken", "box"]

    @pytest.mark.parametrize("text", ["", "= no toml", "chat = 5", "[chat]\nprofiles = 5", "\ufeff[chat]\n"])
    async def test_a_config_that_says_nothing_offers_nothing(self, known: Program, text: str):
        known.config.write_text(text)
        assert await offered(known, "profiles") == []

    async def test_no_config_offers_nothing(self, program: Program):
        assert await offered(program, "profiles") == []

    async def test_keys_are_those_that_config_get_takes(self, known: Program):
        known.config.write_text(CONFIG.replace("compat = 5", 'compat = "openai"'))
        keys = await offered(known, "keys")
        assert {"ui.theme", "chat.active", "keys.chat.send"} <= set(keys)
        assert "chat.profiles.home.sampling.temperature" in keys
        assert "images.profiles.box.cfg" in keys
        for key in keys[::7]:
            done = await known.run("config", "get", key)
            assert done.code == 0, (key, done.err)

    async def test_keys_of_a_profile_are_those_that_profile_set_takes(self, known: Program):
        keys = await offered(known, "profile-keys")
        assert {"model", "sampling.temperature", "steps", "api_key"} <= set(keys)
        assert "name" not in keys
        assert len(keys) == len(set(keys))

    async def test_providers_are_those_that_a_profile_can_name(self, program: Program):
        rows = (await program.run("providers", "--json")).json
        assert await offered(program, "compats") == [row["name"] for row in rows if row["type"] == "chat"]
        assert await offered(program, "kinds") == [row["name"] for row in rows if row["type"] == "image"]

    async def test_models_are_those_that_pluma_models_saw(self, with_llama: Program, llama: LlamaServer):
        assert await offered(with_llama, "models") == []
        assert (await with_llama.run("models")).code == 0
        assert await offered(with_llama, "models") == ["micro"]

    async def test_a_cache_that_cannot_be_written_is_no_trouble(self, program: Program):
        (program.home / "cache").write_text("no folder")
        async with replay(answer({"data": [{"id": "m"}]})) as server:
            program.configure(server.url, api_key="")
            done = await program.run("models", XDG_CACHE_HOME=str(program.home / "cache"))
        assert (done.code, done.out) == (0, "m\n")

    def test_what_means_something_to_a_shell_is_not_offered(self, home: Path):
        bad = [
            "$(touch x)",
            "`touch x`",
            "a b",
            "a;b",
            "-rf",
            "a\\b",
            "a'b",
            "~",
            "*",
            "x\ty",
            "é",
            "a&b",
            "",
        ]
        fetched.remember("home", map(ModelInfo, ["good-1.5:latest", *bad, "org/good"]))
        assert offers.words("models", home / "none.toml") == ["good-1.5:latest", "org/good"]

    def test_each_profile_keeps_its_own_models(self):
        fetched.remember("one", map(ModelInfo, ["a", "b"]))
        fetched.remember("two", map(ModelInfo, ["b", "c"]))
        fetched.remember("one", map(ModelInfo, ["d"]))
        assert fetched.names() == ["d", "b", "c"]

    @pytest.mark.parametrize("kind", list(offers.KINDS))
    async def test_nothing_heavy_is_loaded(self, known: Program, kind: str):
        done = await known.run("completions", "--list", kind, PYTHONPROFILEIMPORTTIME="1")
        loaded = {line.rpartition("|")[2].strip() for line in done.err.splitlines()}
        assert "pluma_tui.cli.offers" in loaded
        assert not loaded & {"httpx", "textual", "rich", "tomlkit", "shtab", "asyncio"}


async def test_a_shell_must_be_named(program: Program):
    done = await program.run("completions")
    assert (done.code, done.out) == (2, "")
    assert "bash|zsh|fish" in done.err


SHELLS = {
    "bash": (["--norc", "--noprofile", "-i"], 'PS1="% "; eval "$(pluma completions bash)"'),
    "zsh": (["-f", "-i"], 'PS1="%% "; autoload -U compinit && compinit -u; eval "$(pluma completions zsh)"'),
    "fish": (
        ["--no-config", "-i"],
        "function fish_prompt; echo '% '; end; pluma completions fish | source",
    ),
}


@pytest.fixture(params=list(SHELLS))
def shell(request: pytest.FixtureRequest, known: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A real shell on a terminal, in which `pluma` is ours and completes."""
    name = request.param
    if (found := shutil.which(name)) is None:
        pytest.skip(f"{name} is not installed")
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    script = f'#!/bin/sh\nexec {" ".join(PLUMA)} "$@"\n'
    (folder / "pluma").write_text(script)
    (folder / "pluma").chmod(0o755)
    path = os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]])
    args, setup = SHELLS[name]
    with Terminal([found, *args], {**known.env, "PATH": path}, columns=160) as terminal:
        terminal.send(f"{setup}; echo rea''dy\r")
        terminal.until(lambda: "ready" in terminal.text())
        yield terminal


TYPED = {
    "pluma doc": "doctor",
    "pluma ask --prof": "--profile",
    "pluma ask -p ho": "home",
    "pluma ask -m mi": "micro",
    "pluma ask -m qwen3:1": "qwen3:14b",
    "pluma config get ui.the": "ui.theme",
    "pluma profile use bro": "broken",
    "pluma profile set home sampling.temp": "sampling.temperature",
    "pluma completions fi": "fish",
}


def test_tab_completes(shell: Terminal):
    for typed, wanted in TYPED.items():
        shell.send(f"{typed}\t")
        shell.until(lambda word=wanted: word in shell.text())
        shell.send("\x15\x0c")  # empty line, empty screen
        shell.until(lambda word=wanted: word not in shell.text())


def test_names_that_a_server_chose_run_nothing(shell: Terminal, known: Program):
    names = ["micro", "$(touch${IFS}ran)", "`touch${IFS}ran`", "x;touch${IFS}ran", "a'b"]
    (known.home / "cache" / "pluma" / "models" / "home.models.json").write_bytes(listed(*names))
    shell.send("pluma ask -m \t")
    shell.until(lambda: "micro" in shell.text())
    assert "touch" not in shell.text()
    assert not Path("ran").exists()
