"""Workflows as they are sent to a ComfyUI."""

import hashlib
from pathlib import Path

import pytest

from pluma_tui.core.errors import (
    ConfigError,
)
from pluma_tui.core.images import Hires, ImageRequest, Lora
from pluma_tui.imaging.workflow_library import Library
from tests.imaging.comfy_jobs import CAT, PLAIN, changed, drawn, provider, sent, written
from tests.imaging.conformance import ends_once, listen
from tests.imaging.pictures import png
from tests.nasty import all_of_it
from tests.servers.comfy import comfy


class TestWorkflows:
    async def test_one_without_placeholders_is_filled_in_by_its_graph(self, tmp_path: Path):
        request = ImageRequest(
            prompt="a cat", negative_prompt="dogs", width=64, height=96, steps=2, cfg=3.5, seed=9, count=2,
            sampler="dpmpp_2m", scheduler="karras", checkpoint="tiny.safetensors",
        )  # fmt: skip
        async with comfy() as server:
            outcome = await drawn(server, request, workflow=written(tmp_path, PLAIN))
        graph = sent(server)
        assert graph["6"]["inputs"]["text"] == "a cat"
        assert graph["7"]["inputs"]["text"] == "dogs"
        assert graph["5"]["inputs"] == {"width": 64, "height": 96, "batch_size": 2}
        sampler = graph["3"]["inputs"]
        assert [sampler[name] for name in ("seed", "steps", "cfg")] == [9, 2, 3.5]
        assert [sampler[name] for name in ("sampler_name", "scheduler", "denoise")] == [
            "dpmpp_2m",
            "karras",
            1,
        ]
        assert len(outcome.pictures) == 2
        assert not outcome.notices

    async def test_every_prompt_arrives_as_it_was_said(self, tmp_path: Path):
        graph = changed(PLAIN, n6={"text": "in %prompt%, %scale%"})
        prompts = [nasty.text for nasty in all_of_it()] + ['a "quoted" {cat}\n%seed% \0 🎉 ' * 800]
        async with comfy() as server, provider(server.url, workflow=written(tmp_path, graph)) as box:
            for prompt in prompts:
                ends_once(await listen(box, ImageRequest(prompt=prompt, negative_prompt=prompt, cfg=2.5)))
                assert sent(server)["6"]["inputs"]["text"] == f"in {prompt}, 2.5"
                assert sent(server)["7"]["inputs"]["text"] == prompt

    async def test_the_profile_stands_in_for_what_a_request_leaves_open(self, tmp_path: Path):
        async with comfy() as server:
            await drawn(server, ImageRequest(prompt="x", steps=2), workflow=written(tmp_path, PLAIN), steps=9,
                        width=32, negative_prompt="rain")  # fmt: skip
        assert sent(server)["3"]["inputs"]["steps"] == 2
        assert sent(server)["5"]["inputs"]["width"] == 32
        assert sent(server)["7"]["inputs"]["text"] == "rain"

    @pytest.mark.parametrize(
        ("asked", "said"),
        [
            (ImageRequest(prompt=""), ("castle", "fog")),
            (ImageRequest(prompt="", negative_prompt=""), ("castle", "")),
            (ImageRequest(prompt="a cat", negative_prompt="dogs"), ("a cat", "dogs")),
        ],
    )
    async def test_a_prompt_that_is_left_open_is_the_workflow_s_own(
        self, tmp_path: Path, asked: ImageRequest, said: tuple[str, str]
    ):
        graph = changed(PLAIN, n6={"text": "castle"}, n7={"text": "fog"})
        async with comfy() as server:
            await drawn(server, asked, workflow=written(tmp_path, graph))
        assert (sent(server)["6"]["inputs"]["text"], sent(server)["7"]["inputs"]["text"]) == said

    async def test_no_negative_prompt_at_all_goes_before_the_profile_s(self, tmp_path: Path):
        graph = changed(PLAIN, n7={"text": "fog"})
        async with comfy() as server:
            await drawn(server, ImageRequest(prompt="x", negative_prompt=""), negative_prompt="rain",
                        workflow=written(tmp_path, graph))  # fmt: skip
        assert sent(server)["7"]["inputs"]["text"] == ""

    async def test_ones_own_placeholders_come_from_the_profile(self, tmp_path: Path):
        graph = changed(PLAIN, n6={"text": "%style%, %prompt%"}, n3={"seed": "%seed%", "cfg": "%guide%"})
        pairs = {"style": 'in "oil"', "guide": 2.5}
        async with comfy() as server:
            await drawn(server, CAT, workflow=written(tmp_path, graph), options={"placeholders": pairs})
        assert sent(server)["6"]["inputs"]["text"] == 'in "oil", a cat'
        assert sent(server)["3"]["inputs"]["cfg"] == 2.5

    async def test_what_has_no_place_is_told(self, tmp_path: Path):
        graph = changed(PLAIN, n6={"text": "%prompt%, %who%"}, n7={"text": "%mood%"}, n3={"seed": "%seed%"})
        request = ImageRequest(
            prompt="x", vae="v", clip_skip=2, hires=Hires(), loras=(Lora("ink.safetensors"),)
        )
        async with comfy() as server:
            outcome = await drawn(server, request, workflow=written(tmp_path, graph))
        assert any("no place for: vae, clip skip" in notice for notice in outcome.notices)
        assert any("%mood%" in notice for notice in outcome.notices)
        assert any("second pass" in notice for notice in outcome.notices)

    @pytest.mark.parametrize("name", [entry.name for entry in Library(Path("/nonexistent")).entries()])
    async def test_every_built_in_one_runs(self, name: str):
        picture = png(64, 64)
        request = ImageRequest(
            prompt="a cat", seed=3, workflow=name,
            init_image=picture if name in ("img2img", "inpaint", "upscale") else None,
            mask=png(32, 32) if name == "inpaint" else None,
            count=2 if name != "upscale" else 1,
        )  # fmt: skip
        async with comfy() as server:
            outcome = await drawn(server, request)
        ends_once(outcome)
        assert len(outcome.pictures) == request.count
        assert not [
            value for node in sent(server).values() for value in node["inputs"].values() if "%" in str(value)
        ]

    @pytest.mark.parametrize(
        ("mask", "nodes"), [(None, {"LoadImage"}), (png(9, 9), {"LoadImage", "LoadImageMask"})]
    )
    async def test_a_picture_to_begin_with_picks_the_workflow_and_goes_by_the_servers_name(
        self, mask: bytes | None, nodes: set[str]
    ):
        start = png(64, 64)
        async with comfy() as server:
            request = ImageRequest(prompt="x", init_image=start, mask=mask, strength=0.4)
            outcome = await drawn(server, request, workflow="txt2img")
            names = {
                server.files[kind, folder, name]: name
                for kind, folder, name in server.files
                if kind == "input"
            }
        ends_once(outcome)
        loaders = {
            node["class_type"]: node for node in sent(server).values() if "LoadImage" in node["class_type"]
        }
        assert loaders.keys() == nodes
        assert loaders["LoadImage"]["inputs"]["image"] == names[start]
        assert sent(server)["sampler"]["inputs"]["denoise"] == 0.4

    async def test_a_name_that_is_taken_on_the_server_is_another_one(self):
        start = png(8, 8)
        name = f"pluma-{hashlib.sha256(start).hexdigest()[:16]}.png"
        async with comfy() as server:
            server.files["input", "", name] = png(16, 16)
            ends_once(await drawn(server, ImageRequest(prompt="x", init_image=start)))
        assert sent(server)["picture"]["inputs"]["image"] == name.replace(".png", " (1).png")

    async def test_one_that_takes_no_picture_is_not_run_without_it(self, tmp_path: Path):
        async with comfy() as server, provider(server.url, workflow=written(tmp_path, PLAIN)) as box:
            with pytest.raises(ConfigError, match="takes no picture to begin with"):
                await listen(box, ImageRequest(prompt="x", init_image=png(8, 8)))
            with pytest.raises(ConfigError, match="wants a picture"):
                await listen(box, ImageRequest(prompt="x", workflow="upscale"))
            with pytest.raises(ConfigError, match="no workflow is called"):
                await listen(box, ImageRequest(prompt="x", workflow="nope"))
        assert not server.prompts

    async def test_adapters_are_laid_over_the_model_in_their_order(self, tmp_path: Path):
        loras = (Lora("ink.safetensors", 0.5), Lora("ink.safetensors"))
        async with comfy() as server:
            ends_once(
                await drawn(server, ImageRequest(prompt="x", loras=loras), workflow=written(tmp_path, PLAIN))
            )
        graph = sent(server)
        first, second = (graph[node]["inputs"] for node in ("lora-1", "lora-2"))
        assert (first["model"], first["clip"], first["strength_model"]) == (["4", 0], ["4", 1], 0.5)
        assert (second["model"], second["clip"]) == (["lora-1", 0], ["lora-1", 1])
        assert graph["3"]["inputs"]["model"] == ["lora-2", 0]
        assert graph["6"]["inputs"]["clip"] == ["lora-2", 1]
        assert graph["8"]["inputs"]["vae"] == ["4", 2]
