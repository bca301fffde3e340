"""`pluma image` all the way to a scripted ComfyUI: the same pictures again, and a job that is stopped."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.program import Done, Program
from tests.imaging.comfy_jobs import PLAIN, TWO_ENDS, changed, written
from tests.servers.comfy import ComfyServer, comfy


def configure(program: Program, server: ComfyServer, more: str = "") -> None:
    folder = json.dumps(str(program.home / "pictures"))
    program.config.write_text(
        f"[images]\ndirectory = {folder}\n"
        f'[images.profiles.box]\nkind = "comfy"\nbase_url = "{server.url}"\n{more}\n'
    )


async def drawn(program: Program, *words: str) -> Path:
    """The one picture that comes of it."""
    done: Done = await program.run("image", *words)
    assert (done.code, len(done.out.splitlines())) == (0, 1), done
    return Path(done.out.strip())


def graphs(server: ComfyServer) -> list[Any]:
    return [body["prompt"] for body in server.prompts]


class TestAgain:
    @pytest.mark.parametrize("prompt", ["a cat", 'a "quoted" {cat} with %seed% of %prompt%\\ 🎉 \u2028'])
    @pytest.mark.parametrize("workflow", ["txt2img", "mine.json"])
    async def test_one_of_our_own_by_its_sidecar_or_without(
        self, program: Program, prompt: str, workflow: str
    ):
        written(program.home, PLAIN)
        async with comfy() as server:
            configure(program, server, 'checkpoint = "tiny.safetensors"')
            first = await drawn(program, prompt, "--steps", "3", "--size", "64x96", "--workflow", workflow)
            await drawn(program, "--again", str(first))
            Path(f"{first}.json").unlink()
            await drawn(program, "--again", str(first))
            await drawn(program, "--again", str(first), "--seed", "9", "--steps", "2", "-n", "fog")
        made, by_sidecar, by_picture, other = graphs(server)
        assert made == by_sidecar == by_picture
        (sampler,) = (node["inputs"] for node in other.values() if node["class_type"] == "KSampler")
        texts = [node["inputs"]["text"] for node in other.values() if node["class_type"] == "CLIPTextEncode"]
        assert (sampler["seed"], sampler["steps"], texts) == (9, 2, [prompt, "fog"])

    async def test_one_that_another_program_made(self, program: Program):
        """Only what ComfyUI itself wrote into it is there."""
        graph = changed(PLAIN, n3={"seed": 2**63, "cfg": 3.5}, n5={"width": 768})
        async with comfy() as server:
            async with httpx.AsyncClient(base_url=server.url) as other:
                await other.post("/prompt", json={"prompt": graph})
                await server.until(lambda: server.history)
            (data,) = server.files.values()
            (program.home / "theirs.png").write_bytes(data)
            configure(program, server)
            again = await drawn(program, "--again", "theirs.png")
            dog = await drawn(program, "a dog", "--again", "theirs.png", "--seed", "5")
        assert graphs(server) == [
            graph, graph, changed(graph, n6={"text": "a dog"}, n3={"seed": 5}),
        ]  # fmt: skip
        assert again.read_bytes() == data
        beside = json.loads(Path(f"{dog}.json").read_bytes())
        assert beside["request"]["prompt"] == "a dog"
        assert beside["request"]["seed"] == 5


class TestStopped:
    async def test_ctrl_c_takes_the_job_back_and_prints_what_was_finished(self, program: Program):
        async with comfy() as server:
            configure(program, server, f"workflow = {json.dumps(written(program.home, TWO_ENDS))}")
            server.hold()
            async with program.started("image", "a cat") as process:
                await server.until(lambda: server.at == "3")
                process.send_signal(signal.SIGINT)
                out, _ = await asyncio.wait_for(process.communicate(), 10)
            assert not server.running
        assert process.returncode == 130
        (picture,) = out.decode().splitlines()
        assert [Path(picture).read_bytes()] == list(server.files.values())
        assert Path(f"{picture}.json").is_file()
        (entry,) = server.history.values()
        assert entry["status"]["messages"][-1][0] == "execution_interrupted"
