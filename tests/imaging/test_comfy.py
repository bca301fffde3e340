"""A ComfyUI: its pictures, its progress, its lists."""

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from pluma_tui.core.errors import (
    NotFound,
    TimedOut,
)
from pluma_tui.core.images import ImageRequest, Picture, Preview, Progress, Queued, Ready
from pluma_tui.core.profile import SecretRef
from pluma_tui.imaging.base import FreesMemory, ListsLoras, ListsSamplers, ListsUpscalers
from pluma_tui.imaging.comfy_job import Pace
from tests.imaging.comfy_jobs import (
    CAT,
    HURRIED,
    PLAIN,
    TWO_ENDS,
    another,
    changed,
    drawn,
    provider,
    sent,
    written,
)
from tests.imaging.conformance import HOSTILE, Outcome, ends_once, listen
from tests.servers.comfy import comfy
from tests.servers.comfy_state import PREVIEW
from tests.servers.replay import replay


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

    async def test_a_proxy_that_never_answers_a_handshake_is_not_waited_for(self):
        quick = Pace(handshake=0.05, poll=0.02)
        async with comfy(stuck=True) as server, asyncio.timeout(10):
            ends_once(await drawn(server, pace=quick))

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
