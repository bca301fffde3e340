"""`pluma workflow`, as a script and as a person at a terminal call it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import ptyprocess
import pytest

from pluma_tui.cli import main as cli
from tests.cli.program import Program
from tests.imaging.comfy_jobs import PLAIN, changed, written
from tests.servers.comfy import comfy

UI_FORMAT = {"last_node_id": 9, "nodes": [{"id": 3, "type": "KSampler"}], "links": [], "version": 0.4}


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUMA_DATA_DIR", "")  # --data-dir sets it: undone after the test


def pluma(data: Path, *words: str) -> int:
    return cli.main(["--data-dir", str(data), "workflow", *words])


class TestAdd:
    def test_without_a_terminal_it_takes_what_was_found_and_prints_it(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        assert pluma(tmp_path / "data", "add", written(tmp_path, PLAIN, "my flow")) == 0
        out, err = capsys.readouterr()
        rows = [line.split("  ") for line in out.splitlines()]
        found = {row[0].strip(): [cell.strip() for cell in row[1:] if cell.strip()] for row in rows}
        assert found["prompt"] == ["CLIPTextEncode (node 6)", "text", '"a bottle"']
        assert found["model"] == ["Load Checkpoint (node 4)", "ckpt_name", '"tiny.safetensors"']
        assert found["output"] == ["Save Image (node 9)"]
        assert 'workflow = "my flow"' in err
        folder = tmp_path / "data" / "workflows"
        assert json.loads((folder / "my flow.json").read_text()) == PLAIN
        kept = json.loads((folder / "my flow.about.json").read_text())["places"]
        assert kept["seed"] == [{"node": "3", "input": "seed"}]

    def test_a_name_can_be_given_and_is_not_taken_twice(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        file = written(tmp_path, PLAIN)
        assert pluma(tmp_path, "add", file, "--name", "portrait") == 0
        assert pluma(tmp_path, "add", file, "--name", "portrait") == 2
        assert "--replace" in capsys.readouterr().err
        assert pluma(tmp_path, "add", file, "--name", "portrait", "--replace") == 0

    @pytest.mark.parametrize(
        ("graph", "code", "told"),
        [
            (UI_FORMAT, 3, "Export (API)"),
            ([1], 3, "no ComfyUI workflow"),
            (changed(PLAIN, n8={"samples": ["99", 0]}), 3, "node 99, which is not there"),
        ],
    )
    def test_what_would_not_run_is_not_taken(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], graph: Any, code: int, told: str
    ):
        assert pluma(tmp_path / "data", "add", written(tmp_path, graph)) == code
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert told in err
        assert not (tmp_path / "data").exists()

    @pytest.mark.parametrize(
        ("words", "told"), [(["gone.json"], "is no file"), (["{file}", "--name", "../x"], "cannot be called")]
    )
    def test_a_wrong_word_is_wrong_use(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
    ):
        file = written(tmp_path, PLAIN)
        assert pluma(tmp_path / "data", "add", *(word.replace("{file}", file) for word in words)) == 2
        assert told in capsys.readouterr().err

    @pytest.mark.parametrize(("answer", "added"), [("", True), ("yes", True), ("n", False)])
    def test_a_person_is_shown_what_was_found_and_asked(self, tmp_path: Path, answer: str, added: bool):
        file = written(tmp_path, PLAIN)
        command = [
            sys.executable,
            "-m",
            "pluma_tui",
            "--data-dir",
            str(tmp_path / "data"),
            "workflow",
            "add",
            file,
        ]
        terminal = ptyprocess.PtyProcess.spawn(command, dimensions=(50, 200))
        seen = b""
        while b"[Y/n]" not in seen:
            seen += terminal.read()
        assert b"negative_prompt" in seen
        terminal.write(f"{answer}\n".encode())
        with pytest.raises(EOFError):
            while True:
                terminal.read()
        terminal.wait()
        assert terminal.exitstatus == 0
        assert (tmp_path / "data" / "workflows" / "mine.json").exists() == added

    def test_yes_asks_nothing(self, tmp_path: Path):
        file = written(tmp_path, PLAIN)
        words = ["--data-dir", str(tmp_path / "data"), "workflow", "add", "--yes", file]
        terminal = ptyprocess.PtyProcess.spawn([sys.executable, "-m", "pluma_tui", *words])
        seen = b""
        with pytest.raises(EOFError):
            while True:
                seen += terminal.read()
        assert b"[Y/n]" not in seen
        assert (tmp_path / "data" / "workflows" / "mine.json").exists()


class TestListAndRemove:
    def test_built_in_ones_are_there_and_own_ones_come_and_go(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        pluma(tmp_path / "data", "add", written(tmp_path, PLAIN))
        capsys.readouterr()
        assert pluma(tmp_path / "data", "list") == 0
        lines = capsys.readouterr().out.splitlines()
        names = {line.split()[0] for line in lines}
        assert names >= {"txt2img", "img2img", "inpaint", "flux", "sd3", "upscale", "mine"}
        assert [line.split()[1] for line in lines if line.startswith("mine")] == ["own"]
        assert pluma(tmp_path / "data", "remove", "mine") == 0
        capsys.readouterr()
        assert pluma(tmp_path / "data", "list", "--json") == 0
        entries = json.loads(capsys.readouterr().out)
        assert {entry["origin"] for entry in entries} == {"built-in"}
        assert all(Path(entry["path"]).is_file() for entry in entries)

    @pytest.mark.parametrize(("name", "told"), [("flux", "comes with pluma"), ("nope", "not in the library")])
    def test_what_is_not_ones_own_stays(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, told: str
    ):
        assert pluma(tmp_path, "remove", name) == 2
        assert told in capsys.readouterr().err


class TestCheck:
    def test_a_good_one(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
        graph = changed(PLAIN, n6={"text": "%prompt%, %mood%"}, n7={"text": "%wish%"})
        assert pluma(tmp_path / "data", "check", written(tmp_path, graph), "--json") == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["ok"], found["placeholders"], found["unknown"]) == (True, ["prompt"], ["%wish%"])
        assert "prompt" not in {place["value"] for place in found["places"]}
        assert {"value": "seed", "node": "3", "title": "KSampler", "input": "seed",
                "now": 156680208700286} in found["places"]  # fmt: skip
        assert not (tmp_path / "data").exists()

    def test_one_of_the_library_by_its_name(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
        assert pluma(tmp_path, "check", "flux") == 0
        assert "%prompt%" in capsys.readouterr().out

    def test_all_that_is_wrong_is_told(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
        graph = changed(PLAIN, n8={"samples": ["99", 0]}, n9={"images": ["98", 0]})
        assert pluma(tmp_path, "check", written(tmp_path, graph)) == 3
        err = capsys.readouterr().err
        assert "node 99" in err
        assert "node 98" in err
        assert pluma(tmp_path, "check", written(tmp_path, graph), "--json") == 3
        assert len(json.loads(capsys.readouterr().out)["problems"]) == 2

    @pytest.mark.parametrize("graph", [UI_FORMAT, "x"])
    def test_what_is_none(self, tmp_path: Path, capsys: pytest.CaptureFixture[str], graph: Any):
        assert pluma(tmp_path, "check", written(tmp_path, graph), "--json") == 3
        error = json.loads(capsys.readouterr().out)
        assert (error["type"], error["exit_code"]) == ("error", 3)
        assert "Export (API)" in error["hint"]

    def test_what_stands_in_a_workflow_cannot_act_on_the_terminal(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        graph = changed(PLAIN, n6={"text": "\x1b[2J\x07"}, n4={"ckpt_name": "\u202e"})
        graph["3"]["_meta"] = {"title": "\x1b]0;x\x07\nS"}
        assert pluma(tmp_path, "check", written(tmp_path, graph)) == 0
        out, err = capsys.readouterr()
        assert not {"\x1b", "\x07", "\u202e"} & set(out + err)


class TestCheckOnAServer:
    """`check` asks the server of the image profile as well."""

    def configure(self, program: Program, url: str, kind: str = "comfy", *, more: str = "") -> None:
        program.config.write_text(f'[images.profiles.box]\nkind = "{kind}"\nbase_url = "{url}"\n{more}')

    async def test_what_it_would_refuse_exits_6(self, program: Program):
        graph = changed(PLAIN, n3={"sampler_name": "eulr\x1b[2J"}, n4={"ckpt_name": "gone.safetensors"})
        async with comfy() as server:
            self.configure(program, server.url)
            done = await program.run("workflow", "check", written(program.home, graph))
            as_json = await program.run("workflow", "check", "mine.json", "--json")
        assert done.code == as_json.code == 6
        assert done.out.startswith("prompt")
        first, second = done.err.splitlines()
        assert first.startswith('pluma: "KSampler" (node 3): the server has no sampler_name "eulr')
        assert second.startswith('pluma: "Load Checkpoint" (node 4): the server has no ckpt_name "gone.saf')
        assert "\x1b" not in done.err
        found = as_json.json
        assert (found["ok"], found["problems"]) == (False, [])
        assert found["server"]["profile"] == "box"
        assert len(found["server"]["refused"]) == 2

    async def test_nothing_wrong(self, program: Program):
        async with comfy() as server:
            self.configure(program, server.url)
            done = await program.run("workflow", "check", "flux-split")
            as_json = await program.run("workflow", "check", "flux-split", "--json")
        assert (done.code, done.err) == (0, 'The server of "box" has all that it needs.\n')
        assert (as_json.code, as_json.err) == (0, "")
        assert as_json.json["server"] == {"profile": "box", "refused": [], "error": None}
        assert not server.prompts

    async def test_what_is_wrong_in_itself_exits_3_and_the_server_is_asked_all_the_same(
        self, program: Program
    ):
        graph = changed(PLAIN, n8={"samples": ["99", 0]}, n4={"ckpt_name": "gone"})
        async with comfy() as server:
            self.configure(program, server.url)
            done = await program.run("workflow", "check", written(program.home, graph))
        assert done.code == 3
        assert "node 99" in done.err
        assert 'ckpt_name "gone"' in done.err

    @pytest.mark.parametrize(("words", "code"), [((), 0), (("-p", "box"), 5)])
    async def test_one_that_is_away_is_told_and_fails_only_who_named_it(
        self, program: Program, words: tuple[str, ...], code: int
    ):
        self.configure(program, "http://127.0.0.1:1")
        done = await program.run("workflow", "check", "flux", *words)
        assert done.code == code
        assert "%prompt%" in done.out
        (told,) = done.err.splitlines()
        assert told.startswith('pluma: the server of "box" was not asked: nobody answers')
        as_json = await program.run("workflow", "check", "flux", "--json", *words)
        assert as_json.code == code
        assert as_json.json["server"]["error"]["kind"] == "Unreachable"

    async def test_one_of_another_kind_is_not_asked(self, program: Program):
        self.configure(program, "http://127.0.0.1:1", kind="a1111")
        done = await program.run("workflow", "check", "flux", "--json")
        assert (done.code, done.err, done.json["server"]) == (0, "", None)
        done = await program.run("workflow", "check", "flux", "-p", "box")
        assert (done.code, done.out) == (2, "")
        assert "runs no workflows" in done.err
        assert (await program.run("workflow", "check", "flux", "-p", "bix")).code == 3

    async def test_one_that_is_named_by_its_address(self, program: Program):
        async with comfy() as server:
            words = ("--base-url", server.url, "workflow", "check", "flux", "--kind", "comfy")
            done = await program.run(*words)
        assert (done.code, done.err) == (0, 'The server of "fallback" has all that it needs.\n')

    async def test_its_key_is_not_shown(self, program: Program):
        async with comfy(lock=("Authorization", "Bearer other")) as server:
            self.configure(program, server.url, more='api_key = { env = "KEY" }\n')
            done = await program.run("workflow", "check", "flux", "-p", "box", KEY="a-key-of-ours")
            gone = await program.run("workflow", "check", "flux")
        assert done.code == 4
        assert gone.code == 0
        assert "was not asked" in done.err
        assert "was not asked" in gone.err
        assert "a-key-of-ours" not in done.out + done.err


def test_no_library_of_the_network_or_the_screen_is_loaded(tmp_path: Path):
    program = (
        "import sys; from pluma_tui.cli.main import main\n"
        "for words in (['list'], ['check', 'flux'], ['add', sys.argv[2]], ['remove', 'mine']):\n"
        "    assert main(['--data-dir', sys.argv[1], 'workflow', *words]) == 0\n"
        "print(sorted({'httpx', 'wsproto', 'textual', 'tomlkit'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "data"), written(tmp_path, PLAIN)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    assert done.stdout.splitlines()[-1] == "[]"
