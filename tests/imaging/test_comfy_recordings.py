"""Real jobs, played as they were recorded: the request is checked, the frames come in their order."""

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pluma_tui.core.errors import JobFailed
from pluma_tui.core.images import ImageRequest, Preview, Progress
from pluma_tui.imaging.comfy_frames import Frames
from pluma_tui.imaging.comfy_history import read_entry
from tests.conftest import DATA
from tests.imaging.comfy_jobs import provider, written
from tests.imaging.conformance import Outcome, ends_once, listen

FOLDER = DATA / "images" / "comfy"


def recording(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())


def frames(name: str) -> list[str | bytes]:
    """The frames of a recording as the socket gave them."""
    return [
        base64.b64decode(frame["b64"]) if "b64" in frame else json.dumps(frame)
        for frame in recording(name)["ws"]
    ]


class Played:
    """A server that does one job as it was recorded; it takes no other."""

    def __init__(self, name: str) -> None:
        self.recorded = recording(name)
        self.id: str = self.recorded["answer"]["prompt_id"]
        self.frames = frames(name)
        self.sent: Any = None
        self.taken, self.over = asyncio.Event(), asyncio.Event()

    async def prompt(self, request: web.Request) -> web.Response:
        self.sent = await request.json()
        self.taken.set()
        return web.json_response(self.recorded["answer"])

    async def ws(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await anext(aiter(socket))  # the feature flags
        await self.taken.wait()
        for frame in self.frames:
            await (socket.send_bytes(frame) if isinstance(frame, bytes) else socket.send_str(frame))
        self.over.set()
        return socket

    async def history(self, request: web.Request) -> web.Response:
        await self.over.wait()
        return web.json_response(self.recorded["history"])

    async def view(self, request: web.Request) -> web.Response:
        (view,) = (view for view in self.recorded["views"] if view["path"] == request.path_qs)
        return web.Response(body=base64.b64decode(view["b64"]), content_type=view["type"])


@asynccontextmanager
async def played(name: str) -> AsyncIterator[tuple[Played, str]]:
    server = Played(name)
    app = web.Application()
    app.add_routes(
        [
            web.post("/prompt", server.prompt),
            web.get("/ws", server.ws),
            web.get("/history/{id}", server.history),
            web.get("/view", server.view),
        ]
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield server, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def outcome_of(name: str, folder: Path) -> tuple[Played, Outcome]:
    """What comes of the recorded workflow; its seed is asked for again."""
    graph = recording(name)["request"]["prompt"]
    seed = graph.get("3", {}).get("inputs", {}).get("seed")
    request = ImageRequest(prompt=graph["6"]["inputs"]["text"] if seed else "", seed=seed)
    async with played(name) as (server, url), provider(url, workflow=written(folder, graph)) as box:
        return server, await listen(box, request)


@pytest.mark.parametrize(
    ("name", "pictures"),
    [("modelfree", 1), ("modelfree-cached", 1), ("ksampler", 1), ("ksampler-batch2-flags", 2)],
)
async def test_a_job_brings_the_pictures_of_the_output_nodes_unchanged(
    tmp_path: Path, name: str, pictures: int
):
    server, outcome = await outcome_of(name, tmp_path)
    ends_once(outcome)
    assert server.sent["prompt"] == server.recorded["request"]["prompt"]
    saved = [view["b64"] for view in server.recorded["views"] if "type=output" in view["path"]]
    assert [base64.b64encode(picture.data).decode() for picture in outcome.pictures] == saved
    assert len(saved) == pictures
    assert any("same seed" in notice for notice in outcome.notices) == name.endswith("cached")


async def test_a_node_that_raised_is_told_as_it_was(tmp_path: Path):
    _, outcome = await outcome_of("runtime-error", tmp_path)
    assert isinstance(outcome.error, JobFailed)
    assert '"ImageSharpen" (node 2): Argument #4: Padding size should be less' in outcome.error.message
    assert not outcome.of(Preview)
    assert not outcome.of(Progress)


@pytest.mark.parametrize("name", ["ksampler", "ksampler-batch2-flags"])
def test_every_step_and_every_preview_is_seen_once(name: str):
    recorded = recording(name)
    clock = itertools.count()
    reader = Frames(recorded["answer"]["prompt_id"], "there", lambda: float(next(clock)))
    events = [event for frame in frames(name) if (event := reader.read(frame)) is not None]
    steps = recorded["request"]["prompt"]["3"]["inputs"]["steps"]
    told = [event for event in events if isinstance(event, Progress) and event.step]
    assert [(event.step, event.steps) for event in told] == [(step, steps) for step in range(1, steps + 1)]
    assert told[-1].eta == 0
    assert len([event for event in events if isinstance(event, Preview)]) == steps
    assert reader.over


def test_frames_of_a_job_without_client_id_are_not_taken_for_ones_own():
    """They come to every socket: 97 seconds of them before the own job begins, in this recording."""
    reader = Frames(recording("runtime-error")["answer"]["prompt_id"], "there")
    assert [reader.read(frame) for frame in frames("runtime-error")].count(None) == len(
        frames("runtime-error")
    )
    assert reader.over


@pytest.mark.parametrize("name", ["ksampler", "ksampler-batch2-flags"])
def test_a_job_of_somebody_else_shows_nothing(name: str):
    reader = Frames("another", "there")
    assert {reader.read(frame) for frame in frames(name)} == {None}
    assert not reader.over


def test_after_a_reconnection_the_server_names_the_node_but_not_the_job():
    preview = next(frame for frame in frames("ksampler") if isinstance(frame, bytes))
    reader = Frames("mine", "there")
    assert reader.read(preview) is None
    reader.read('{"type": "executing", "data": {"node": "3"}}')
    assert isinstance(reader.read(preview), Preview)
    reader.read('{"type": "executing", "data": {"node": null, "prompt_id": "mine"}}')
    assert reader.read(preview) is None


def message(kind: Any, **data: Any) -> str:
    return json.dumps({"type": kind, "data": {"prompt_id": "p", **data}})


STRANGE = [
    "", "{", "[]", "null", '{"type": "progress"}', message("progress", value="x"),
    message("progress", value=1, max=0), message(5), message("progress", prompt_id=5),
    message("progress_state", nodes={"1": 5, "2": {"state": "running", "max": []}}),
    message("execution_cached", nodes=5), b"", b"\0" * 7, b"\0\0\0\1\0\0\0\1",
    b"\0\0\0\4\xff\xff\xff\xff{", b"\0\0\0\4\0\0\0\2{}", b"\0\0\0\3text1234", b"\xff" * 9,
]  # fmt: skip


@pytest.mark.parametrize("frame", STRANGE)
def test_no_frame_is_too_strange(frame: str | bytes):
    reader = Frames("p", "there")
    reader.read('{"type": "execution_start", "data": {"prompt_id": "p"}}')
    assert reader.read(frame) is None


def test_an_interrupted_job_is_told_from_a_failed_one():
    """Both say "error"; only the last message differs."""
    assert read_entry(recording("interrupted")).ending == "interrupted"
    (entry,) = recording("runtime-error")["history"].values()
    assert read_entry(entry).ending == "failed"


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"status": 5, "outputs": 5},
        {"status": {"messages": [5, [], ["execution_error"]]}, "outputs": {"1": 5}},
        {"outputs": {"1": {"text": ["a"], "images": [5, {}, {"filename": 5}], "animated": [True]}}},
    ],
)
def test_no_history_is_too_strange(entry: dict[str, Any]):
    assert read_entry(entry).outputs == []


def test_every_list_of_files_counts_whatever_it_is_called():
    files = [{"filename": f"{number}.png", "subfolder": "", "type": "output"} for number in range(3)]
    entry = {"outputs": {"1": {"gifs": files[:1], "text": ["x"]}, "2": {"a_images": files[1:]}}}
    assert [output.filename for output in read_entry(entry).outputs] == ["0.png", "1.png", "2.png"]
