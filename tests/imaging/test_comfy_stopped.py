"""Stopped jobs: taken back on the server; what they had finished is kept, those of others are left alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from pluma_tui.core.errors import JobFailed
from pluma_tui.core.images import Queued
from pluma_tui.imaging.comfy_job import Pace
from tests.imaging.comfy_jobs import CAT, PLAIN, TWO_ENDS, changed, provider, written
from tests.imaging.conformance import listen, stop_at
from tests.servers.comfy import ComfyServer, comfy

SERVERS: list[dict[str, Any]] = [{}, {"targeted": False}, {"own_ids": False}, {"sockets": False}]

# The first picture is saved on the way, and handed on to the sampler: there is only one end.
KEPT = changed(TWO_ENDS, n1={"batch_size": 3}) | {
    "2": {"class_type": "Keep", "inputs": {"images": ["1", 0], "filename_prefix": "first"}},
    "5": {"class_type": "VAEEncode", "inputs": {"pixels": ["2", 0], "vae": ["4", 2]}},
}


async def ask(server: ComfyServer, **settings: Any) -> None:
    """One request, whatever comes of it."""
    async with provider(server.url, **settings) as box, aclosing(box.generate(CAT)) as events:
        async for _ in events:
            pass


def pictures(server: ComfyServer) -> list[bytes]:
    return [data for (kind, _, _), data in server.files.items() if kind == "output"]


def looked_after_interrupting(server: ComfyServer) -> bool:
    """Whether the history was asked for since the job was interrupted, and had nothing yet."""
    _, interrupt, after = " ".join(server.asked).partition("POST /interrupt")
    return bool(interrupt) and "GET /history/" in after


class TestTakenBack:
    @pytest.mark.parametrize("settings", SERVERS)
    async def test_a_running_job_is_interrupted(self, settings: dict[str, Any]):
        async with comfy(**settings) as server, provider(server.url) as box, asyncio.timeout(10):
            server.hold()
            await stop_at(box, lambda event: isinstance(event, Queued), CAT)
            await server.until(lambda: server.history and not server.running)
        (entry,) = server.history.values()
        assert entry["status"]["messages"][-1][0] == "execution_interrupted"

    async def test_a_task_that_is_cancelled_takes_its_job_back(self):
        async with comfy() as server, asyncio.timeout(10):
            server.hold()
            asking = asyncio.create_task(ask(server))
            await server.until(lambda: server.running)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await server.until(lambda: not server.running)

    async def test_a_finished_job_is_not_cancelled(self):
        async with comfy() as server:
            await ask(server)
        assert not {"POST /queue", "POST /interrupt"} & set(server.asked)

    async def test_nobody_waits_for_a_node_that_cannot_be_interrupted_if_nothing_can_be_finished(self):
        patient = Pace(rescue=1000.0)
        async with comfy(deaf=True) as server, asyncio.timeout(10):
            server.hold()
            async with provider(server.url, pace=patient) as box:
                await stop_at(box, lambda event: isinstance(event, Queued), CAT)
            assert server.running
            assert "POST /interrupt" in server.asked


class TestKept:
    """What was finished when a job was stopped comes with the error that the stopped generator raises."""

    @pytest.mark.parametrize("settings", SERVERS)
    async def test_of_a_task_that_is_cancelled(self, tmp_path: Path, settings: dict[str, Any]):
        async with comfy(**settings) as server, asyncio.timeout(10):
            server.hold()
            asking = asyncio.create_task(ask(server, workflow=written(tmp_path, TWO_ENDS)))
            await server.until(lambda: server.at == "3")
            asking.cancel()
            with pytest.raises(JobFailed, match="stopped") as caught:
                await asking
            assert not server.running
        assert [picture.data for picture in caught.value.pictures] == pictures(server)
        assert len(caught.value.pictures) == 1
        assert "POST /interrupt" in server.asked

    async def test_of_a_generator_that_is_closed(self, tmp_path: Path):
        async with comfy() as server, asyncio.timeout(10):
            server.hold()
            async with provider(server.url, workflow=written(tmp_path, TWO_ENDS)) as box:
                events = box.generate(CAT)
                assert await anext(events) == Queued(0)
                await server.until(lambda: server.at == "3")
                with pytest.raises(JobFailed) as caught:
                    await events.aclose()
        assert [picture.data for picture in caught.value.pictures] == pictures(server)

    @pytest.mark.parametrize(("graph", "count"), [(TWO_ENDS, 1), (KEPT, 3)])
    async def test_when_the_interrupt_takes_its_time(self, tmp_path: Path, graph: Any, count: int):
        """A batch that a node on the way has saved is known by the socket alone: no second end is there."""
        async with comfy(deaf=True) as server, asyncio.timeout(10):
            server.known["Keep"] = server.known["SaveImage"] | {"output": ["IMAGE"]}
            server.hold()
            asking = asyncio.create_task(ask(server, workflow=written(tmp_path, graph)))
            await server.until(lambda: server.at == "3")
            asking.cancel()
            await server.until(lambda: looked_after_interrupting(server))
            server.interrupted.set()
            with pytest.raises(JobFailed) as caught:
                await asking
        assert len(caught.value.pictures) == count

    async def test_of_a_job_that_took_too_long(self, tmp_path: Path):
        async with comfy() as server:
            server.hold()
            async with provider(server.url, timeout=0.5, workflow=written(tmp_path, TWO_ENDS)) as box:
                outcome = await listen(box, CAT)
        assert isinstance(outcome.error, JobFailed)
        assert "0.5 seconds" in outcome.error.message
        assert [picture.data for picture in outcome.error.pictures] == pictures(server)

    async def test_of_a_job_that_is_done_while_its_pictures_are_being_fetched(self):
        async with comfy() as server, asyncio.timeout(10):
            server.viewing.clear()
            asking = asyncio.create_task(ask(server))
            await server.until(lambda: "GET /view" in server.asked)
            asking.cancel()
            server.viewing.set()
            with pytest.raises(JobFailed) as caught:
                await asking
        assert [picture.data for picture in caught.value.pictures] == pictures(server)
        assert "POST /interrupt" not in server.asked

    async def test_but_nobody_waits_for_long(self, tmp_path: Path):
        """Neither for the interrupt nor for the pictures."""
        short = Pace(poll=0.02, rescue=0.1)
        for settings in ({"deaf": True}, {}):
            async with comfy(**settings) as server, asyncio.timeout(10):
                server.hold()
                server.viewing.clear()
                asking = asyncio.create_task(ask(server, pace=short, workflow=written(tmp_path, TWO_ENDS)))
                await server.until(lambda server=server: server.at == "3")
                asking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asking
                server.viewing.set()


LINES = [("mine", "theirs"), ("theirs", "mine"), ("third", "mine", "theirs"), ("third", "theirs", "mine")]


@asynccontextmanager
async def line(server: ComfyServer, order: tuple[str, ...]) -> AsyncIterator[asyncio.Task[None]]:
    """Jobs of several programs in this order, the first of them running; the task waits for "mine"."""
    async with httpx.AsyncClient(base_url=server.url) as other:
        server.hold()
        for before, who in enumerate(order):
            if who == "mine":
                asking = asyncio.create_task(ask(server))
            else:
                body = {"prompt": changed(PLAIN, n6={"text": who}), "client_id": who}
                await other.post("/prompt", json=body)
            await server.until(lambda before=before: server.running and len(server.pending) == before)
        yield asking


async def stopped(asking: asyncio.Task[None]) -> None:
    """The task, cancelled; it had nothing finished."""
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


def ends(server: ComfyServer) -> dict[str, bool]:
    """Which client's jobs have ended, and whether they came to their end."""
    return {
        entry["prompt"][3]["client_id"]: entry["status"]["completed"] for entry in server.history.values()
    }


class TestTwoPrograms:
    """One server: what one program takes back is never the other's."""

    @pytest.mark.parametrize("settings", [{}, {"targeted": False}, {"targeted": False, "own_ids": False}])
    @pytest.mark.parametrize("order", LINES, ids=" ".join)
    async def test_ones_own_job_goes_and_the_others_are_done(
        self, order: tuple[str, ...], settings: dict[str, Any]
    ):
        async with comfy(**settings) as server, asyncio.timeout(10):
            async with line(server, order) as asking:
                await stopped(asking)
            assert ("POST /interrupt" in server.asked) == (order[0] == "mine")
            server.release()
            await server.until(lambda: not server.running and not server.pending)
        others = {who: True for who in order if who != "mine"}
        assert ends(server).items() >= others.items()
        assert [*ends(server).values()].count(False) == (order[0] == "mine")

    @pytest.mark.parametrize("order", LINES, ids=" ".join)
    async def test_what_the_other_takes_back_is_not_ones_own(self, order: tuple[str, ...]):
        async with asyncio.timeout(10), comfy() as server, line(server, order) as asking:
            jobs = [server.running, *server.pending]
            (theirs,) = (job.id for job in jobs if job is not None and job.client == "theirs")
            async with httpx.AsyncClient(base_url=server.url) as other:
                await other.post("/queue", json={"delete": [theirs]})
                await other.post("/interrupt", json={"prompt_id": theirs})
            server.release()
            await asking

    async def test_one_that_begins_while_it_is_taken_out_of_the_queue_is_interrupted(self):
        order = ("theirs", "mine")
        async with asyncio.timeout(10), comfy(overtaken=True) as server, line(server, order) as asking:
            await stopped(asking)
            await server.until(lambda: len(server.history) == 2 and not server.running)
        assert server.asked.count("POST /interrupt") == 1
