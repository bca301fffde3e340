"""A real ComfyUI, with graphs that need no model and with a small model of random weights."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import structs

from pluma_tui.core.errors import JobFailed
from pluma_tui.core.images import ImageRequest, Preview, Progress, Queued, Ready
from pluma_tui.imaging import metadata
from pluma_tui.imaging.comfy_job import Pace
from pluma_tui.imaging.sniff import png_texts, sniff
from pluma_tui.imaging.workflow import Workflow
from pluma_tui.imaging.workflow_library import Library
from tests.imaging.comfy_jobs import PLAIN, TWO_ENDS, changed, provider, written
from tests.imaging.conformance import Outcome, ends_once, listen, stop_at
from tests.imaging.pictures import png
from tests.servers.real_comfy import CHECKPOINT, PYTHON, real_comfy

pytestmark = [
    pytest.mark.real_backends,
    pytest.mark.skipif(not PYTHON, reason="PLUMA_TEST_COMFY names no installation of ComfyUI"),
    pytest.mark.timeout(300),
]
MODEL_FREE: dict[str, Any] = {
    "1": {"class_type": "EmptyImage", "inputs": {
        "width": "%width%", "height": 48, "batch_size": "%batch%", "color": 7}},
    "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "deep/%prompt%"}},
}  # fmt: skip
SMALL: dict[str, Any] = {"width": 64, "height": 64, "steps": 4}
LONG = ImageRequest(prompt="for hours", steps=5000, seed=1, width=64, height=64)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with real_comfy(PYTHON, tmp_path_factory.mktemp("comfy") / "base") as address:
        yield address


async def drawn(url: str, request: ImageRequest, **settings: Any) -> Outcome:
    async with provider(url, pace=Pace(), **settings) as box:
        return await listen(box, request)


async def queue(url: str) -> list[str]:
    """The ids of all jobs there."""
    async with httpx.AsyncClient(base_url=url) as client:
        parts = (await client.get("/queue")).json()
    return [item[1] for part in parts.values() for item in part]


async def test_it_says_what_it_is_and_has(url: str):
    async with provider(url, pace=Pace()) as box:
        assert (await box.ping()).name == "ComfyUI"
        assert await box.checkpoints() == [CHECKPOINT]
        assert "euler" in await box.samplers()
        assert "karras" in await box.schedulers()
        assert (await box.loras(), await box.upscalers()) == ([], [])
        await box.free()


async def test_a_graph_without_a_model_and_its_batch(url: str, tmp_path: Path):
    request = ImageRequest(prompt="cat", width=64, count=3, seed=1)
    outcome = await drawn(url, request, workflow=written(tmp_path, MODEL_FREE))
    ends_once(outcome)
    assert [sniff(picture.data)[1:3] for picture in outcome.pictures] == [(64, 48)] * 3  # type: ignore[index]
    again = await drawn(url, request, workflow=written(tmp_path, MODEL_FREE))
    assert again.pictures == outcome.pictures
    assert any("same seed" in notice for notice in again.notices)


async def test_steps_and_previews_of_a_true_sampler(url: str):
    prompt = 'a "quoted" {cat}\\ %seed% \u2028 🎉 \x00'
    outcome = await drawn(url, ImageRequest(prompt=prompt, count=2, seed=2**53, **SMALL))
    ends_once(outcome)
    assert outcome.events[0] == Queued(0)
    assert [event.step for event in outcome.of(Progress)][-1] == 4
    assert outcome.of(Preview)
    assert len(outcome.pictures) == 2
    assert "quoted" in png_texts(outcome.pictures[0].data)["prompt"]


@pytest.mark.parametrize("mask", [None, png(64, 64)])
async def test_a_picture_to_begin_with(url: str, mask: bytes | None):
    request = ImageRequest(prompt="x", init_image=png(64, 64), mask=mask, strength=0.5, steps=4, seed=3)
    ends_once(await drawn(url, request))


async def test_what_it_refuses_is_told_by_node(url: str, tmp_path: Path):
    outcome = await drawn(url, ImageRequest(prompt="x"), workflow=written(tmp_path, PLAIN))
    assert isinstance(outcome.error, JobFailed)
    assert '"Load Checkpoint" (node 4)' in outcome.error.message
    assert "tiny.safetensors" in outcome.error.message
    unknown = changed(PLAIN, n4={"ckpt_name": CHECKPOINT})
    unknown["3"]["class_type"] = "FancySampler"
    outcome = await drawn(url, ImageRequest(prompt="x"), workflow=written(tmp_path, unknown))
    assert "FancySampler" in str(outcome.error)


async def test_a_node_that_raises_and_the_pictures_before_it(url: str, tmp_path: Path):
    graph = MODEL_FREE | {
        "3": {"class_type": "ImageSharpen", "_meta": {"title": "Crispen"}, "inputs": {
            "image": ["5", 0], "sharpen_radius": 31, "sigma": 1.0, "alpha": 1.0}},
        "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "x"}},
        "5": {"class_type": "ImageScale", "inputs": {
            "image": ["1", 0], "width": 4, "height": 4, "upscale_method": "area", "crop": "disabled"}},
    }  # fmt: skip
    outcome = await drawn(url, ImageRequest(prompt="x", width=32), workflow=written(tmp_path, graph))
    assert isinstance(outcome.error, JobFailed)
    assert '"Crispen" (node 3): Argument #4: Padding size' in outcome.error.message


async def test_cancelling_a_running_job_leaves_the_next_one_of_another_program(url: str):
    async with provider(url, pace=Pace()) as mine, provider(url, pace=Pace()) as other, asyncio.timeout(120):
        async with aclosing(mine.generate(LONG)) as events:
            async for event in events:
                if isinstance(event, Progress):
                    break
            theirs = asyncio.create_task(listen(other, ImageRequest(prompt="theirs", seed=5, **SMALL)))
            while len(await queue(url)) < 2:
                await asyncio.sleep(0.05)
        ends_once(await theirs)
    assert await queue(url) == []


async def test_cancelling_a_queued_job_leaves_the_running_one_of_another_program(url: str):
    async with provider(url, pace=Pace()) as mine, provider(url, pace=Pace()) as other, asyncio.timeout(120):
        async with aclosing(other.generate(LONG)) as events:
            async for event in events:
                if isinstance(event, Progress):
                    break
            running = await queue(url)
            await stop_at(
                mine, lambda event: event == Queued(1), ImageRequest(prompt="mine", seed=6, **SMALL)
            )
            assert await queue(url) == running
            assert isinstance(await anext(events), Progress | Preview)
        while await queue(url):
            await asyncio.sleep(0.05)


async def test_cancelling_one_of_two_queued_jobs_leaves_the_other(url: str):
    async with (
        provider(url, pace=Pace()) as mine,
        provider(url, pace=Pace()) as other,
        provider(url, pace=Pace()) as third,
        asyncio.timeout(120),
    ):
        async with aclosing(third.generate(LONG)) as events:
            async for event in events:
                if isinstance(event, Progress):
                    break
            theirs = asyncio.create_task(listen(other, ImageRequest(prompt="theirs", seed=7, **SMALL)))
            while len(before := await queue(url)) < 2:
                await asyncio.sleep(0.05)
            request = ImageRequest(prompt="mine", seed=8, **SMALL)
            await stop_at(mine, lambda event: event == Queued(2), request)
            assert await queue(url) == before
        ends_once(await theirs)
    assert await queue(url) == []


async def test_what_was_finished_when_it_is_stopped_is_kept(url: str, tmp_path: Path):
    graph = changed(
        TWO_ENDS, n3={"steps": 5000}, n4={"ckpt_name": CHECKPOINT}, n5={"width": 64, "height": 64}
    )
    workflow = written(tmp_path, graph)
    async with provider(url, pace=Pace(), workflow=workflow) as box, asyncio.timeout(120):
        with pytest.raises(JobFailed, match="stopped") as caught:
            await stop_at(
                box, lambda event: isinstance(event, Progress), ImageRequest(prompt="x", steps=5000, seed=11)
            )
    (picture,) = caught.value.pictures
    assert sniff(picture.data)[1:3] == (64, 48)  # type: ignore[index]
    assert await queue(url) == []


async def test_what_it_would_refuse_is_what_it_refuses(url: str):
    library = Library(Path("/nonexistent"))
    graph = changed(PLAIN, n3={"sampler_name": "eulr"})
    graph["5"]["class_type"] = "Nope"
    async with provider(url, pace=Pace()) as box:
        for name in ("txt2img", "img2img", "inpaint", "sd3", "flux"):
            assert await box.check(library.load(name)) == []
        (told,) = await box.check(library.load("upscale"))
        assert "could take as %upscaler%" in told
        split = await box.check(library.load("flux-split"))
        assert await box.check(Workflow("mine", graph)) == [
            '"KSampler" (node 3): the server has no sampler_name "eulr"; it has 42 others. '
            'Did you mean "euler"?',
            f'"Load Checkpoint" (node 4): the server has no ckpt_name "tiny.safetensors"; it has '
            f"{CHECKPOINT}",
            '"Nope" (node 5): the server knows no Nope: a custom node is not installed there',
        ]
    assert split
    assert (await drawn(url, ImageRequest(prompt="x", workflow="flux-split"))).error is not None


async def test_a_picture_is_made_again_by_what_is_written_in_it(url: str, tmp_path: Path):
    prompt = "a %seed% of %prompt%"
    first = await drawn(url, ImageRequest(prompt=prompt, seed=21, **SMALL))
    picture = tmp_path / "theirs.png"
    picture.write_bytes(first.pictures[0].data)
    request = metadata.read(picture, tmp_path / "data").request
    assert (request.prompt, request.seed) == (prompt, 21)
    again = await drawn(url, request)
    assert again.pictures[0].data == first.pictures[0].data
    other = await drawn(url, structs.replace(request, seed=22))
    assert other.pictures[0].seed == 22
    assert not other.notices


async def test_interrupted_by_somebody_else(url: str):
    async with provider(url, pace=Pace()) as box, asyncio.timeout(120):
        with pytest.raises(JobFailed, match="interrupted"):
            async for event in box.generate(LONG):
                assert not isinstance(event, Ready)
                if isinstance(event, Progress) and event.step == 2:
                    async with httpx.AsyncClient(base_url=url) as client:
                        await client.post("/interrupt")
