import asyncio
import hashlib
import json
import uuid
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from pluma_tui.core.errors import (
    BrokenStream,
    ConfigError,
    JobFailed,
    NotFound,
    Refused,
    TimedOut,
    Unauthorized,
)
from pluma_tui.core.images import Hires, ImageRequest, Lora, Picture, Preview, Progress, Queued, Ready
from pluma_tui.core.profile import SecretRef
from pluma_tui.imaging.base import FreesMemory, ListsLoras, ListsSamplers, ListsUpscalers
from pluma_tui.imaging.comfy_job import Pace
from pluma_tui.imaging.workflow_library import Library
from tests.imaging.comfy_jobs import CAT, HURRIED, PLAIN, TWO_ENDS, changed, provider, written
from tests.imaging.conformance import HOSTILE, Outcome, ends_once, fails_clearly, listen, survives
from tests.imaging.pictures import bomb, png
from tests.servers.comfy import PREVIEW, ComfyServer, comfy
from tests.servers.replay import replay


async def drawn(server: ComfyServer, request: ImageRequest = CAT, **settings: Any) -> Outcome:
    """What comes of one request."""
    async with provider(server.url, **settings) as box:
        return await listen(box, request)


def another(server: ComfyServer) -> httpx.AsyncClient:
    """Another program at the same server."""
    return httpx.AsyncClient(base_url=server.url)


def sent(server: ComfyServer) -> dict[str, Any]:
    """The graph of the last job."""
    graph: dict[str, Any] = server.prompts[-1]["prompt"]
    return graph


class TestAPicture:
    async def test_comes_with_its_place_in_the_queue_its_steps_and_previews(self):
        async with comfy() as server:
            server.hold()
            async with provider(server.url) as box, asyncio.timeout(10):
                events = box.generate(CAT)
                assert await anext(events) == Queued(0)
                server.release()
                outcome = Outcome([Queued(0), *[event async for event in events]])
        ends_once(outcome)
        assert outcome.of(Progress)[-1].step == 3
        assert {preview.picture.data for preview in outcome.of(Preview)} == {PREVIEW}
        (picture,) = outcome.pictures
        assert picture.data == next(iter(server.files.values()))
        assert (picture.media_type, picture.seed) == ("image/png", 7)
        assert picture.settings["prompt"] == "a cat"
        assert picture.settings["model"] == "tiny.safetensors"

    async def test_every_job_has_a_client_id_and_a_prompt_id_of_its_own(self):
        async with comfy(version="0.33.0") as server:
            for seed in (1, 2):
                ends_once(await drawn(server, ImageRequest(prompt="x", seed=seed)))
        ids = [body[name] for body in server.prompts for name in ("client_id", "prompt_id")]
        assert len({str(uuid.UUID(id_)) for id_ in ids} & set(ids)) == 4

    @pytest.mark.parametrize("seed", [None, -1])
    async def test_a_random_seed_is_one_that_the_server_takes_and_is_told(self, seed: int | None):
        async with comfy() as server:
            outcomes = [await drawn(server, ImageRequest(prompt="x", seed=seed)) for _ in range(2)]
        seeds = [outcome.pictures[0].seed for outcome in outcomes]
        assert all(isinstance(seed, int) and 0 <= seed <= 2**53 for seed in seeds)
        assert len(set(seeds)) == 2
        assert sent(server)["sampler"]["inputs"]["seed"] == seeds[1]

    async def test_all_of_a_batch_come(self):
        async with comfy() as server:
            outcome = await drawn(server, ImageRequest(prompt="x", seed=1, count=3))
        assert len(outcome.pictures) == 3

    async def test_temporary_ones_come_only_if_there_are_no_others(self, tmp_path: Path):
        preview = {"class_type": "PreviewImage", "inputs": {"images": ["8", 0]}}
        only = {node: content for node, content in PLAIN.items() if node != "9"} | {"10": preview}
        async with comfy() as server:
            both = await drawn(server, CAT, workflow=written(tmp_path, PLAIN | {"10": preview}))
            alone = await drawn(server, CAT, workflow=written(tmp_path, only))
        assert len(both.pictures) == len(alone.pictures) == 1
        kinds = {data: kind for (kind, _, _), data in server.files.items()}
        assert [kinds[outcome.pictures[0].data] for outcome in (both, alone)] == ["output", "temp"]

    async def test_a_saved_one_comes_though_another_node_shows_it_after_that(self, tmp_path: Path):
        """A custom node may save a picture and hand it on: then the graph ends in a preview of it."""
        graph = changed(PLAIN) | {"10": {"class_type": "PreviewImage", "inputs": {"images": ["9", 0]}}}
        graph["9"]["class_type"] = "Keep"
        async with comfy() as server:
            server.known["Keep"] = server.known["SaveImage"] | {"output": ["IMAGE"]}
            outcome = await drawn(server, CAT, workflow=written(tmp_path, graph))
            kinds = {data: kind for (kind, _, _), data in server.files.items()}
        assert [kinds[picture.data] for picture in outcome.pictures] == ["output"]

    @pytest.mark.parametrize(("named", "come"), [([], ["ComfyUI", "first"]), (["2"], ["first"])])
    async def test_every_end_counts_unless_some_are_named(
        self, tmp_path: Path, named: list[str], come: list[str]
    ):
        path = Path(written(tmp_path, TWO_ENDS))
        path.with_suffix(".about.json").write_text(json.dumps({"outputs": named}))
        async with comfy() as server:
            outcome = await drawn(server, CAT, workflow=str(path))
            names = {data: name for (_, _, name), data in server.files.items()}
        assert sorted(names[picture.data].split("_")[0] for picture in outcome.pictures) == come

    async def test_the_same_again_comes_out_of_the_cache_and_that_is_told(self):
        async with comfy() as server:
            first, again = await drawn(server), await drawn(server)
        assert again.pictures == first.pictures
        assert any("same seed" in notice for notice in again.notices)
        assert not any("same seed" in notice for notice in first.notices)

    async def test_one_that_was_deleted_since_it_was_cached_is_a_clear_error(self):
        async with comfy() as server:
            await drawn(server)
            server.files.clear()
            outcome = await drawn(server)
        assert isinstance(outcome.error, NotFound)
        assert "another seed" in outcome.error.hint

    @pytest.mark.parametrize("name", ["../../x.png", "/etc/x.png", "a b&c=#%2F\u2028é.png"])
    async def test_the_servers_names_are_passed_back_and_never_used(self, tmp_path: Path, name: str):
        async with comfy(called=name) as server:
            ends_once(await drawn(server, CAT, workflow=written(tmp_path, PLAIN)))
        assert [path.name for path in tmp_path.iterdir()] == ["mine.json"]
        assert not {"filename", "subfolder"} & set(Picture.__struct_fields__)


class TestProgress:
    @pytest.mark.parametrize("settings", [{"sockets": False}, {"mute": True}, {"own_ids": False}])
    async def test_the_picture_comes_whatever_the_socket_does(self, settings: dict[str, Any]):
        async with comfy(**settings) as server:
            ends_once(await drawn(server))

    async def test_a_proxy_that_knows_no_websockets_is_asked_once(self):
        async with comfy(sockets=False) as server, provider(server.url) as box, asyncio.timeout(10):
            server.hold()
            async for event in box.generate(CAT):
                if isinstance(event, Queued):
                    await server.until(lambda: server.running)
                    server.release()
        assert server.asked.count("GET /ws") == 1

    async def test_it_goes_on_after_a_reconnection(self):
        async with comfy() as server, provider(server.url) as box, asyncio.timeout(10):
            server.hold()
            events = box.generate(CAT)
            await anext(events)
            await server.until(lambda: server.clients and server.running)
            ((sid, socket, _),) = server.clients
            await socket.close()
            await server.until(lambda: server.clients and server.clients[0][1] is not socket)
            assert server.clients[0][0] == sid
            server.release()
            rest = [event async for event in events]
        assert Progress in {type(event) for event in rest}
        assert isinstance(rest[-1], Ready)

    async def test_what_others_do_is_not_shown(self):
        """A job without a client id is told to everybody, with its previews."""
        async with comfy() as server, another(server) as other, asyncio.timeout(10):
            server.hold()
            theirs = changed(PLAIN, n3={"steps": 50})
            await other.post("/prompt", json={"prompt": theirs})
            await server.until(lambda: server.running)
            seen: list[Any] = []
            async with provider(server.url) as box:
                async for event in box.generate(CAT):
                    seen.append(event)
                    if isinstance(event, Queued):
                        server.release()
        assert seen[:2] == [Queued(1), Queued(0)]
        assert {event.steps for event in seen if isinstance(event, Progress)} == {3}

    async def test_a_place_in_the_queue_counts_down(self):
        async with comfy() as server, another(server) as other, asyncio.timeout(10):
            server.hold()
            for seed in (1, 2):
                await other.post("/prompt", json={"prompt": changed(PLAIN, n3={"seed": seed})})
            await server.until(lambda: server.running and server.pending)
            async with provider(server.url) as box:
                events = box.generate(CAT)
                assert await anext(events) == Queued(2)
                (first,) = (job.id for job in server.pending if job.client is None)
                await other.post("/queue", json={"delete": [first]})
                assert await anext(events) == Queued(1)
                await events.aclose()


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
        monkeypatch.setattr("tests.servers.comfy.png", lambda *_, **__: data)
        async with comfy() as server:
            outcome = await drawn(server)
        assert isinstance(outcome.error, BrokenStream)
        assert words in outcome.error.message


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


class TestTheServer:
    async def test_it_says_what_it_is_and_has(self):
        async with comfy() as server, provider(server.url) as box:
            info = await box.ping()
            assert (info.name, info.version) == ("ComfyUI", "0.3.75")
            assert await box.checkpoints() == ["tiny.safetensors", "flux1-dev.safetensors"]
            assert "euler" in await box.samplers()
            assert "karras" in await box.schedulers()
            assert await box.loras() == ["ink.safetensors"]
            assert await box.upscalers() == ["4x.pth"]
            await box.free()
            for protocol in (ListsSamplers, ListsLoras, ListsUpscalers, FreesMemory):
                assert isinstance(box, protocol)
        assert server.asked[-1] == "POST /free"

    async def test_an_older_one_tells_its_models_by_its_nodes(self):
        async with comfy(routes_missing=("/models",)) as server, provider(server.url) as box:
            assert await box.checkpoints() == ["tiny.safetensors", "flux1-dev.safetensors"]
            assert await box.upscalers() == ["4x.pth"]

    async def test_something_else_is_no_comfyui(self):
        async with comfy(routes_missing=("/system_stats",)) as server, provider(server.url) as box:
            with pytest.raises(NotFound):
                await box.ping()

    async def test_a_path_before_its_routes_is_kept(self):
        async with comfy() as server, provider(f"{server.url}/behind/a/proxy") as box:
            with pytest.raises(NotFound):
                await box.ping()
        assert server.asked == ["GET /behind/a/proxy/system_stats"]

    async def test_the_key_and_the_headers_go_with_the_websocket_too(self):
        settings: dict[str, Any] = {"api_key": SecretRef("env", "KEY"), "headers": {"X-Team": "blue"}}
        async with comfy() as server:
            ends_once(await drawn(server, **settings))
        assert "GET /ws" in server.asked
        for headers in server.headers:
            assert headers["Authorization"] == "Bearer a-key"
            assert headers["X-Team"] == "blue"
            assert "Origin" not in headers

    async def test_one_that_never_answers_is_given_up_in_time(self):
        quick = Pace(silence=0.1, farewell=0.1, handshake=0.1)
        async with replay(HOSTILE["hangs"]) as server, provider(server.url, pace=quick) as box:
            with pytest.raises(TimedOut):
                await box.ping()
            outcome = await listen(box, ImageRequest(prompt="x", checkpoint="c"))
        assert isinstance(outcome.error, TimedOut)

    async def test_the_history_is_asked_for_by_id_and_not_all_the_time(self):
        slow = Pace(poll=30, queue=30, handshake=5, farewell=5)
        async with comfy() as server, asyncio.timeout(10):
            outcome = await drawn(server, pace=slow)
        assert len(outcome.pictures) == 1
        assert len([path for path in server.asked if path.startswith("GET /history/")]) <= 3
        assert HURRIED.poll < 1 <= Pace().poll
