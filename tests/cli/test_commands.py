"""`pluma models`, `pluma providers` and `pluma doctor`."""

from pathlib import Path

import pytest

from pluma_tui.runtime import discover
from tests.cli.program import Program
from tests.servers.llamacpp import LlamaServer
from tests.servers.replay import answer, replay

RECORDED = Path(__file__).parents[1] / "data" / "chat"


class TestModels:
    async def test_a_real_server_lists_its_models(self, with_llama: Program):
        done = await with_llama.run("models")
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith("micro")
        (model,) = (await with_llama.run("models", "--json")).json
        assert model["id"] == "micro"
        assert set(with_llama.files()) == {".cache/pluma/models/home.models.json"}  # for completing names

    async def test_many_are_a_table_in_the_servers_order(self, program: Program):
        listed = {"data": [{"id": "zeta:8b"}, {"id": "alpha"}, {"id": "模型"}]}
        async with replay(answer(listed)) as server:
            program.configure(server.url)
            done = await program.run("models", "-p", "home", HOME_KEY="k")
        assert done.out == "zeta:8b\nalpha\n模型\n"

    async def test_none_are_told_on_stderr(self, program: Program):
        async with replay(answer({"data": []})) as server:
            program.configure(server.url)
            done = await program.run("models", HOME_KEY="k")
            assert (done.code, done.out, done.err) == (0, "", "pluma: the server lists no models.\n")
            assert (await program.run("models", "--json", HOME_KEY="k")).json == []

    async def test_the_flag_wins_over_a_profile_that_is_named_beside_it(self, with_llama: Program):
        async with replay(answer({"data": [{"id": "other"}]})) as server:
            done = await with_llama.run("models", "-p", "home", "--base-url", server.url)
        assert done.out == "other\n"
        assert "authorization" not in server.requests[0].headers

    @pytest.mark.parametrize(("url", "code"), [("http://127.0.0.1:1", 5), ("nonsense", 3), (None, 3)])
    async def test_what_is_wrong_is_told(self, program: Program, url: str | None, code: int):
        if url:
            program.configure(url)
        done = await program.run("models", HOME_KEY="k")
        assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
        error = (await program.run("models", "--json", HOME_KEY="k")).json
        assert (error["type"], error["exit_code"]) == ("error", code)

    async def test_what_a_server_tells_of_them_stands_beside_them(self, program: Program):
        listed = {
            "data": [
                {
                    "id": "a",
                    "context_length": 4096,
                    "pricing": {"prompt": "0.000001", "completion": "0.000002"},
                },
                {"id": "b", "type": "vlm", "state": "loaded"},
            ]
        }
        async with replay(answer(listed)) as server:
            program.configure(server.url)
            done = await program.run("models", HOME_KEY="k")
            shown = await program.run("models", "show", "a", HOME_KEY="k")
            assert (await program.run("models", "show", "b", "--json", HOME_KEY="k")).json["loaded"] is True
            unknown = await program.run("models", "show", "c", HOME_KEY="k")
        first, second = done.out.splitlines()
        assert first == "a  4096 tokens  $1 in, $2 out a million"
        assert second.split() == ["b", "vision", "loaded"]
        assert shown.out == "name     a\ncontext  4096 tokens\nprice    $1 in, $2 out a million\n"
        assert (unknown.code, 'no model "c"' in unknown.err) == (2, True)

    @pytest.mark.parametrize("action", ["load", "unload", "pull", "delete"])
    async def test_what_a_kind_of_server_cannot_do_is_told(self, program: Program, action: str):
        program.configure("http://127.0.0.1:1")
        done = await program.run("models", action, "m", HOME_KEY="k")
        assert (done.code, done.out) == (2, "")
        assert f"cannot be asked to {action} models" in done.err

    async def test_an_action_without_its_model_is_wrong_use(self, program: Program):
        done = await program.run("models", "pull")
        assert (done.code, "pluma models pull MODEL" in done.err) == (2, True)

    async def test_a_wrong_key_exits_4(self, program: Program, llama: LlamaServer):
        program.configure(llama.url)
        assert (await program.run("models", HOME_KEY="sk-wrong")).code == 4


class TestProviders:
    async def test_all_are_listed_with_where_they_come_from(self, program: Program):
        done = await program.run("providers")
        assert (done.code, done.err) == (0, "")
        rows = {line.split()[0]: line for line in done.out.splitlines()}
        assert all(" chat " in rows[name] for name in ("openai", "local"))
        assert " image " in rows["a1111"]
        assert all(row.endswith("built-in") for row in rows.values())

    async def test_as_json(self, program: Program):
        rows = (await program.run("providers", "--json")).json
        assert {"name", "type", "label", "origin", "base_url", "options"} == set(rows[0])
        assert all(row["label"] for row in rows)

    async def test_a_broken_config_does_not_matter(self, program: Program):
        program.config.write_text("= no toml")
        assert (await program.run("providers")).code == 0


class TestDoctor:
    async def test_it_says_what_there_is_and_writes_nothing(self, program: Program):
        done = await program.run("doctor")
        assert (done.code, done.err) == (0, "")
        for topic in ("pluma", "libraries", "config", "data", "profile", "terminal", "embedded", "servers"):
            assert f" {topic} " in done.out
        assert "no chat profile is configured" in done.out
        assert program.files() == {}

    async def test_as_json(self, program: Program):
        program.configure("http://127.0.0.1:1/v1")
        findings = (await program.run("doctor", "--json")).json
        assert {finding["state"] for finding in findings} <= {"ok", "warning", "error"}
        (profile,) = (finding["text"] for finding in findings if finding["topic"] == "profile")
        assert profile == "home (active): openai http://127.0.0.1:1/v1 micro"

    async def test_what_is_broken_is_told_and_exits_3(self, program: Program):
        program.config.write_text("[ui]\nmouse = 5\ntypo = 1\n")
        done = await program.run("doctor")
        assert done.code == 3
        assert "✗ config    line 2: ui.mouse: expected true or false" in done.out
        assert "! config    line 3: ui.typo: is not a setting" in done.out

    async def test_an_address_that_is_none_is_told(self, program: Program):
        program.configure("nonsense")
        done = await program.run("doctor")
        assert '✗ profile   home (active): "nonsense" is no address of a server' in done.out

    async def test_a_data_folder_that_others_may_enter_is_warned_of(self, program: Program):
        (program.home / "data").mkdir(mode=0o755)
        done = await program.run("doctor")
        assert "! data      ~/data can be entered by others (mode 755)" in done.out
        assert "chmod 700 ~/data" in done.out

    async def test_a_library_of_models_that_cannot_be_read_does_not_end_it(self, program: Program):
        pytest.importorskip("xllamacpp", reason="the extra `local` is not installed")
        (program.home / "data").mkdir()
        (program.home / "data" / "models").write_text("no folder")
        done = await program.run("doctor")
        assert done.code == 0
        assert "✗ embedded  ~/data/models cannot be read" in done.out
        assert " servers " in done.out

    def test_the_servers_that_answer_are_named(
        self, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
    ):
        from pluma_tui.cli.commands import doctor
        from pluma_tui.cli.main import main

        async def found() -> list[discover.Found]:
            return [discover.Found("Ollama", "ollama", "http://127.0.0.1:11434")]

        monkeypatch.setattr(doctor, "discover", found)
        assert main(["doctor"]) == 0
        out = capsysbinary.readouterr().out.decode()
        assert "Ollama at http://127.0.0.1:11434" in out
        assert "pluma --base-url http://127.0.0.1:11434" in out
