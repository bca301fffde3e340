"""What goes wrong with a ComfyUI, told in words; what was finished is kept."""

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from msgspec.structs import replace

from pluma_tui.core.errors import (
    BrokenStream,
    JobFailed,
    Refused,
    Unauthorized,
)
from tests.imaging.comfy_jobs import (
    CAT,
    PLAIN,
    another,
    changed,
    drawn,
    provider,
    written,
)
from tests.imaging.conformance import HOSTILE, ends_once, fails_clearly, survives
from tests.imaging.pictures import bomb, png
from tests.servers.comfy import comfy
from tests.servers.replay import Play, answer, replay


class TestWhatGoesWrong:
    async def test_a_node_that_raises_is_named_and_what_was_finished_is_kept(self, tmp_path: Path):
        more = {
            "20": {"class_type": "ImageSharpen", "_meta": {"title": "Crispen"}, "inputs": {
                "image": ["8", 0], "sharpen_radius": 31, "sigma": 1.0, "alpha": 1.0}},
            "21": {"class_type": "SaveImage", "inputs": {"images": ["20", 0], "filename_prefix": "x"}},
        }  # fmt: skip
        async with comfy(fail_at="ImageSharpen") as server:
            outcome = await drawn(server, CAT, workflow=written(tmp_path, PLAIN | more))
        fails_clearly(outcome)
        assert isinstance(outcome.error, JobFailed)
        assert '"Crispen" (node 20)' in outcome.error.message
        assert "Padding size" in outcome.error.message
        assert len(outcome.error.pictures) == 1

    async def test_a_full_memory_is_told_with_what_to_do(self):
        async with comfy(fail_at="VAEDecode", out_of_memory=True) as server:
            outcome = await drawn(server)
        assert outcome.error is not None
        assert "ran out of memory" in outcome.error.message
        assert "smaller size" in outcome.error.hint

    async def test_interrupted_by_somebody_else(self):
        async with comfy() as server, another(server) as other, asyncio.timeout(10):
            server.hold()
            asking = asyncio.create_task(drawn(server))
            await server.until(lambda: server.running)
            await other.post("/interrupt")
            outcome = await asking
        assert isinstance(outcome.error, JobFailed)
        assert "interrupted" in outcome.error.message

    async def test_deleted_by_somebody_else(self):
        async with comfy() as server, another(server) as other, asyncio.timeout(10):
            server.hold()
            await other.post("/prompt", json={"prompt": PLAIN})
            await server.until(lambda: server.running)
            asking = asyncio.create_task(drawn(server))
            await server.until(lambda: server.pending)
            await other.post("/queue", json={"delete": [job.id for job in server.pending]})
            outcome = await asking
        assert isinstance(outcome.error, JobFailed)
        assert "taken out of the server's queue" in outcome.error.message

    @pytest.mark.parametrize("version", ["0.3.75", "0.33.0"])
    async def test_a_missing_node_is_named(self, tmp_path: Path, version: str):
        graph = json.loads(json.dumps(PLAIN))
        graph["3"] |= {"class_type": "FancySampler", "_meta": {"title": "My sampler"}}
        async with comfy(version=version) as server:
            outcome = await drawn(server, CAT, workflow=written(tmp_path, graph))
        assert isinstance(outcome.error, JobFailed)
        assert "My sampler" in outcome.error.message
        assert "custom node" in outcome.error.hint

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (
                {"n4": {"ckpt_name": "gone.safetensors"}},
                ['"Load Checkpoint" (node 4)', "gone.safetensors", "not in"],
            ),
            ({"n3": {"sampler_name": "Euler a"}}, ['"KSampler" (node 3)', "sampler_name", "Euler a"]),
            ({"n8": {"samples": ["99", 0]}}, ['"VAEDecode" (node 8)', "node '99'", "not there"]),
            ({"n5": {"width": "wide"}}, ['"EmptyLatentImage" (node 5)', "width", "INT"]),
        ],
    )
    async def test_a_wrong_value_is_told_with_node_input_and_reason(
        self, tmp_path: Path, change: dict[str, Any], words: list[str]
    ):
        async with comfy() as server:
            outcome = await drawn(server, CAT, workflow=written(tmp_path, changed(PLAIN, **change)))
        fails_clearly(outcome)
        assert isinstance(outcome.error, JobFailed)
        assert all(word in outcome.error.message for word in words)
        assert not server.running

    async def test_a_branch_that_is_left_out_is_told_though_the_server_says_200(self, tmp_path: Path):
        broken = {"class_type": "SaveImage", "inputs": {"images": ["8", 0]}, "_meta": {"title": "Second"}}
        async with comfy() as server:
            outcome = await drawn(server, CAT, workflow=written(tmp_path, PLAIN | {"10": broken}))
        ends_once(outcome)
        assert any(
            '"Second" (node 10)' in notice and "filename_prefix" in notice for notice in outcome.notices
        )

    async def test_a_preview_is_no_success_if_the_saving_was_left_out(self, tmp_path: Path):
        preview = {"class_type": "PreviewImage", "inputs": {"images": ["8", 0]}}
        graph = json.loads(json.dumps(PLAIN)) | {"10": preview}
        del graph["9"]["inputs"]["filename_prefix"]
        async with comfy() as server:
            outcome = await drawn(server, CAT, workflow=written(tmp_path, graph))
        assert isinstance(outcome.error, JobFailed)
        assert '"Save Image" (node 9)' in outcome.error.message
        assert len(outcome.error.pictures) == 1

    @pytest.mark.parametrize(
        ("status", "body", "kind", "words"),
        [
            (400, b'{"error": "no prompt", "node_errors": []}', JobFailed, "no prompt"),
            (400, b'{"error": {"message": 5}, "node_errors": {"1": 7}}', JobFailed, "5"),
            (500, b"500 Internal Server Error", JobFailed, "stumbled"),
            (401, b"", Unauthorized, "401"),
            (413, b"too large", Refused, "too large"),
        ],
    )
    async def test_every_shape_of_a_refusal_is_read(
        self, tmp_path: Path, status: int, body: bytes, kind: type[Exception], words: str
    ):
        refusal = web.Response(status=status, body=body)
        async with comfy(refuse=refusal) as server:
            outcome = await drawn(server, CAT, workflow=written(tmp_path, PLAIN))
        assert isinstance(outcome.error, kind)
        assert words in str(outcome.error)
        fails_clearly(outcome)

    async def test_a_server_that_goes_away_is_told_after_some_patience(self):
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(comfy())
            server.hold()
            async with provider(server.url) as box, asyncio.timeout(20):
                events = box.generate(CAT)
                await anext(events)
                await stack.aclose()
                with pytest.raises(BrokenStream, match="went away"):
                    async for _ in events:
                        pass

    async def test_a_time_limit_cancels_the_job(self):
        async with comfy() as server:
            server.hold()
            outcome = await drawn(server, timeout=0.3)
            assert isinstance(outcome.error, JobFailed)
            assert "0.3 seconds" in outcome.error.message
            await server.until(lambda: not server.running)

    @pytest.mark.parametrize("name", list(HOSTILE))
    @pytest.mark.parametrize("checkpoint", ["", "tiny.safetensors"])
    async def test_a_hostile_server(self, name: str, checkpoint: str):
        async with replay(HOSTILE[name]) as server:
            await survives("comfy", server.url, checkpoint=checkpoint)

    async def test_bug_a_server_that_fell_silent_over_an_upload_was_waited_for_without_end(self):
        halting = Play(answer({"name": "x.png"}), cut=-4, silent=True)
        async with replay(halting) as server, provider(server.url, timeout=0.2) as box, asyncio.timeout(20):
            with pytest.raises(BrokenStream, match="has not finished"):
                await anext(box.generate(replace(CAT, init_image=png(8, 8))))

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (bomb(), "30000 by 30000"),
            (png(64, 64)[:40], "cut short"),
            (b"<html>", "no picture"),
            (b"", "no picture"),
        ],
    )
    async def test_what_is_no_fit_picture(self, data: bytes, words: str, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("tests.servers.comfy_worker.png", lambda *_, **__: data)
        async with comfy() as server:
            outcome = await drawn(server)
        assert isinstance(outcome.error, BrokenStream)
        assert words in outcome.error.message
