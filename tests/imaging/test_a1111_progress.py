"""How far a job is, whose it is, and how it is ended: ours alone."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import msgspec
import pytest

from pluma_tui.core.errors import JobFailed, TimedOut
from pluma_tui.core.images import ImageEvent, ImageRequest, Preview, Progress, Queued
from pluma_tui.imaging import a1111_job as module
from pluma_tui.imaging.a1111_api import Api
from pluma_tui.imaging.a1111_watch import Watch
from pluma_tui.imaging.base import ImageProvider
from tests.imaging import conformance
from tests.imaging.conformance import REQUEST, connected, listen, stop_at
from tests.servers.a1111 import RECORDED, SMALL, WITHOUT_INTERFACE, A1111Server, Job, a1111

pytestmark = pytest.mark.usefixtures("quick")
LONG = msgspec.structs.replace(REQUEST, steps=20)
HUGE = msgspec.structs.replace(LONG, width=4096, height=4096, count=2)  # two answers
BY_TASK, GLOBAL = ["A1111", "Forge"], [WITHOUT_INTERFACE, "SD.Next"]


@asynccontextmanager
async def box(flavour: str, **settings: Any) -> AsyncIterator[tuple[A1111Server, ImageProvider]]:
    async with a1111(flavour, **settings) as server, connected("a1111", server.url) as provider:
        yield server, provider


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


async def stopped(
    server: A1111Server,
    provider: ImageProvider,
    request: ImageRequest,
    *,
    jobs: int = 1,
    step: int = 1,
    closed: bool = False,
) -> JobFailed:
    """What comes of a request that is closed, or its task cancelled, when its last job is at that step.

    The server is to hold its jobs.
    """
    events: list[ImageEvent] = []

    async def follow() -> None:
        async with aclosing(provider.generate(request)) as stream:
            async for event in stream:
                events.append(event)
                if closed and reached.is_set() and isinstance(event, Progress):
                    return

    reached = asyncio.Event()
    listening = asyncio.create_task(follow())
    for at in range(jobs):
        await until(lambda: server.jobs[at:] and server.running is server.jobs[at])  # noqa: B023 (used at once)
        if at < jobs - 1:
            server.finish(server.jobs[at])
    server.jobs[-1].step = step
    reached.set()
    if not closed:
        listening.cancel()
    with pytest.raises(JobFailed, match="the job was stopped") as caught:
        await listening
    return caught.value


def ours(server: A1111Server) -> Job:
    (job,) = [job for job in server.jobs if job.task != "task(theirs)"]
    return job


class TestProgress:
    @pytest.mark.parametrize("flavour", BY_TASK + GLOBAL)
    async def test_it_is_told_step_by_step(self, flavour: str):
        async with box(flavour, preview_every=5) as (_, provider):
            outcome = await listen(provider, LONG)
        conformance.ends_once(outcome)
        steps = [(event.step, event.steps) for event in outcome.of(Progress)]
        assert steps == [(step, 20) for step in range(20)]
        assert {event.own for event in outcome.of(Progress)} == {flavour in BY_TASK}
        assert outcome.of(Queued) == [Queued()]

    async def test_the_first_step_has_no_eta(self):
        async with box(WITHOUT_INTERFACE) as (_, provider):
            first, second, *_ = (await listen(provider, LONG)).of(Progress)
        assert (first.eta, second.eta) == (None, 30.3)

    @pytest.mark.parametrize("flavour", BY_TASK + GLOBAL)
    async def test_previews_are_shown_once_each(self, flavour: str):
        async with box(flavour, preview_every=5) as (_, provider):
            previews = (await listen(provider, LONG)).of(Preview)
        pictures = [event.picture.data for event in previews]
        assert pictures
        assert len(set(pictures)) == len(pictures)

    @pytest.mark.parametrize("flavour", BY_TASK + GLOBAL)
    async def test_several_pictures_are_one_count(self, flavour: str):
        async with box(flavour) as (_, provider):
            outcome = await listen(provider, msgspec.structs.replace(REQUEST, count=3))
        assert {event.steps for event in outcome.of(Progress)} == {6}
        assert outcome.of(Progress)[-1].step == 5

    @pytest.mark.parametrize("flavour", SMALL)
    async def test_no_route_means_no_progress_and_it_is_asked_for_once(self, flavour: str):
        async with box(flavour, held=True) as (server, provider):
            listening = asyncio.create_task(listen(provider))
            await until(lambda: server.running)
            await until(lambda: "internal/progress" in server.paths)
            server.finish(ours(server))
            outcome = await listening
        conformance.ends_once(outcome)
        assert outcome.of(Progress) == []
        assert [server.paths.count(path) for path in ("sdapi/v1/progress", "internal/progress")] == [1, 1]

    @pytest.mark.parametrize(
        "spoiled", [b"", b"HTTP/1.1 500 X\r\n\r\nno", b"HTTP/1.1 200 X\r\n\r\n[5]", None]
    )
    async def test_a_progress_that_fails_is_no_failed_job(self, spoiled: bytes | None):
        async with box("A1111", held=True) as (server, provider):
            server.spoiled |= {"internal/progress": spoiled, "sdapi/v1/progress": spoiled}
            if spoiled is None:
                server.spoiled["sdapi/v1/progress"] = b""
            listening = asyncio.create_task(listen(provider))
            await until(lambda: server.running and "internal/progress" in server.paths)
            server.finish(ours(server))
            conformance.ends_once(await listening)

    async def test_the_recorded_polls_are_followed(self):
        polls = json.loads((RECORDED / "progress.json").read_text())
        seen, watch = await followed(Told([poll for poll in polls if "state" in poll]))
        assert [(event.step, event.steps, event.own) for event in seen] == [
            (step, 30, False) for step in range(7)
        ]
        assert watch.interrupted


class Told(Api):
    """Routes that answer with polls of the global progress, one after the other; the last one stays.

    `tasks`: what is told of the task by its name meanwhile.
    """

    def __init__(self, polls: list[Any], tasks: list[Any] | None = None) -> None:
        self.upstream = "http://box"
        self.polls, self.tasks = polls, tasks or [{}]

    async def get(self, route: str) -> Any:
        return self.polls.pop(0) if len(self.polls) > 1 else self.polls[0]

    async def post(self, route: str, body: Any) -> Any:
        return self.tasks.pop(0) if len(self.tasks) > 1 else self.tasks[0]


IDLE = {"state": {"job": "", "job_count": 0, "job_timestamp": "1"}}


def poll(*, job: str = "scripts_txt2img", **more: Any) -> Any:
    counters = {"job_count": 1, "job_timestamp": "2", "sampling_step": 3, "sampling_steps": 20}
    return {"state": {"job": job, **counters}, **more}


async def followed(api: Told) -> tuple[list[Any], Watch]:
    """What a watch makes of all that is told, the first of which is from before the job; and the watch."""
    watch = Watch(api, "sdapi/v1/txt2img", "task(mine)")
    await watch.prepare()
    return [event for _ in list(api.polls) for event in await watch.look()], watch


class TestWhose:
    """What tells our job from another's, where the server was idle before."""

    @pytest.mark.parametrize(
        ("told", "is_ours"),
        [
            (poll(), True),
            (poll(job="API-TXT"), True),
            (poll(job="scripts_img2img"), False),
            (poll(job="task(abc)"), False),
            (poll(current_task="task(mine)"), True),
            (poll(current_task="task(theirs)"), False),
            (IDLE, None),
        ],
    )
    async def test_it_is_told_by_kind_and_name(self, told: Any, is_ours: bool | None):
        watch = Watch(Told([IDLE, told]), "sdapi/v1/txt2img", "task(mine)")
        await watch.prepare()
        assert await watch.standing() is is_ours

    async def test_a_name_that_the_server_tells_is_certain_though_others_ran_before(self):
        events, _ = await followed(Told([poll(), poll(current_task="task(mine)")]))
        assert [event.own for event in events] == [True]

    async def test_a_task_that_is_over_has_no_progress_of_another_s_job(self):
        told = [IDLE, poll(), poll(job="task(theirs)"), poll()]
        events, _ = await followed(Told(told, [{"active": True}, {}]))
        assert [(event.step, event.own) for event in events] == [(3, True)]


class TestQueue:
    async def test_the_place_in_the_queue_is_told(self):
        async with box("A1111", held=True) as (server, provider):
            first, second = server.other(), server.other()
            await until(lambda: len(server.jobs) == 2)
            events: list[ImageEvent] = []
            async with aclosing(provider.generate(LONG)) as stream:
                async for event in stream:
                    events.append(event)
                    if event == Queued(2):
                        server.finish(first)
                    elif event == Queued(1):
                        server.held = False
                        server.finish(second)
        assert events[:3] == [Queued(), Queued(2), Queued(1)]
        assert all(event.own for event in events if isinstance(event, Progress))

    async def test_what_another_draws_is_not_shown_as_ours(self):
        async with box(WITHOUT_INTERFACE, held=True, preview_every=1) as (server, provider):
            other = server.other()
            await until(lambda: server.running)
            other.step = 5
            listening = asyncio.create_task(listen(provider))
            await until(lambda: server.bodies and server.paths[-1] == "sdapi/v1/progress")
            server.held = False
            server.finish(other)
            outcome = await listening
        conformance.ends_once(outcome)
        assert not outcome.of(Preview)
        assert not any(event.own for event in outcome.of(Progress))


class TestStop:
    @pytest.mark.parametrize("flavour", BY_TASK + GLOBAL)
    async def test_ours_is_interrupted(self, flavour: str):
        async with box(flavour) as (server, provider):
            await stop_at(provider, lambda event: isinstance(event, Progress), LONG)
            assert ours(server).interrupted
            assert server.paths.count("sdapi/v1/interrupt") == 1

    @pytest.mark.parametrize("flavour", BY_TASK + GLOBAL)
    async def test_ours_is_interrupted_though_it_has_hardly_begun(self, flavour: str):
        async with box(flavour, held=True) as (server, provider):
            await stop_at(provider, lambda event: isinstance(event, Queued), LONG)
            assert ours(server).interrupted

    @pytest.mark.parametrize("flavour", BY_TASK + GLOBAL)
    async def test_a_task_that_is_cancelled_ends_it_too(self, flavour: str):
        async with box(flavour, held=True) as (server, provider):
            listening = asyncio.create_task(listen(provider))
            await until(lambda: server.running)
            listening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await listening
            assert ours(server).interrupted

    @pytest.mark.parametrize("flavour", BY_TASK + GLOBAL)
    async def test_another_program_s_job_is_left_alone(self, flavour: str, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(module, "_PARTING", 0.1)
        async with box(flavour, held=True) as (server, provider):
            other = server.other()
            await until(lambda: server.running)
            await stop_at(provider, lambda event: isinstance(event, Queued), LONG)
            assert not other.interrupted
            assert "sdapi/v1/interrupt" not in server.paths

    @pytest.mark.parametrize("flavour", [WITHOUT_INTERFACE, "A1111"])
    async def test_a_job_that_began_when_ours_was_over_is_left_alone(self, flavour: str):
        async with box(flavour, held=True) as (server, provider):
            stream = provider.generate(LONG)
            while not isinstance(await anext(stream), Progress):
                pass
            theirs = server.other()
            await until(lambda: len(server.jobs) == 2)
            server.spoiled["sdapi/v1/txt2img"] = None
            ours(server).over.set()
            await until(lambda: server.running is theirs)
            with pytest.raises(JobFailed) as caught:  # its picture is on its way, and waited for
                await stream.aclose()
            assert [picture.seed for picture in caught.value.pictures] == [42]
            assert not theirs.interrupted

    async def test_a_person_at_the_web_interface_is_left_alone(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(module, "_PARTING", 0.1)
        async with box(WITHOUT_INTERFACE, held=True) as (server, provider):
            stream = provider.generate(LONG)
            await anext(stream)
            await until(lambda: "sdapi/v1/progress" in server.paths)
            theirs = server.other(interface=True)
            await stream.aclose()
            assert not theirs.interrupted

    @pytest.mark.parametrize("flavour", SMALL)
    async def test_where_nobody_can_tell_nothing_is_interrupted(self, flavour: str):
        async with box(flavour, held=True) as (server, provider):
            await stop_at(provider, lambda event: isinstance(event, Queued))
            assert "sdapi/v1/interrupt" not in server.paths

    @pytest.mark.parametrize("closed", [True, False])
    @pytest.mark.parametrize("flavour", BY_TASK + GLOBAL)
    async def test_what_earlier_answers_brought_is_kept(self, flavour: str, closed: bool):
        async with box(flavour, held=True) as (server, provider):
            error = await stopped(server, provider, HUGE, jobs=2, closed=closed)
            assert [picture.seed for picture in error.pictures] == [42]
            assert [job.interrupted for job in server.jobs] == [False, True]

    @pytest.mark.parametrize("closed", [True, False])
    @pytest.mark.parametrize("flavour", BY_TASK + GLOBAL)
    async def test_of_the_answer_to_an_interrupted_job_what_is_whole_is_kept(
        self, flavour: str, closed: bool
    ):
        async with box(flavour, held=True) as (server, provider):
            request = msgspec.structs.replace(LONG, count=3)
            error = await stopped(server, provider, request, step=2 * 20 + 7, closed=closed)
            assert [picture.seed for picture in error.pictures] == [42, 43]
            assert ours(server).interrupted

    async def test_pictures_drawn_together_are_half_drawn_together(self):
        async with box("A1111", held=True) as (server, provider):
            request = msgspec.structs.replace(LONG, count=4, options={"batch_size": 2})
            error = await stopped(server, provider, request, step=20 + 7)
            assert [picture.seed for picture in error.pictures] == [42, 43]

    async def test_a_job_of_one_picture_that_is_interrupted_has_none(self):
        async with box("A1111", held=True) as (server, provider):
            await stop_at(provider, lambda event: isinstance(event, Progress), LONG)
            assert ours(server).interrupted

    async def test_a_server_that_never_answers_again_is_left_in_time(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(module, "_LAST_WORD", 0.1)
        async with box("A1111", held=True) as (server, provider):
            stream = provider.generate(msgspec.structs.replace(LONG, count=3))
            while not isinstance(await anext(stream), Progress):
                pass
            server.deaf = True
            await stream.aclose()
            assert server.paths[-1] == "sdapi/v1/interrupt"

    @pytest.mark.parametrize("flavour", SMALL)
    async def test_what_the_small_ones_made_before_is_kept(self, flavour: str):
        request = msgspec.structs.replace(REQUEST, count=9 if flavour == SMALL[0] else 2)
        async with box(flavour, held=True) as (server, provider):
            error = await stopped(server, provider, request, jobs=2)
            assert len(error.pictures) == request.count - 1

    @pytest.mark.parametrize("count", [1, 3])
    @pytest.mark.parametrize("flavour", BY_TASK)
    async def test_an_end_by_somebody_else_is_told_and_whole_pictures_kept(self, flavour: str, count: int):
        request = msgspec.structs.replace(LONG, count=count)
        async with box(flavour, held=True) as (server, provider):
            listening = asyncio.create_task(listen(provider, request))
            await until(lambda: server.running)
            job = ours(server)
            job.step = 20 * (count - 1) + 3
            job.interrupted = True
            await until(lambda: server.paths[-4:].count("sdapi/v1/progress") > 1)
            server.finish(job)
            error = (await listening).error
        assert isinstance(error, JobFailed)
        assert "interrupted" in error.message
        assert [picture.seed for picture in error.pictures] == list(range(42, 42 + count - 1))

    async def test_fewer_pictures_than_the_server_meant_to_make_were_interrupted(self):
        request = msgspec.structs.replace(LONG, count=3)
        async with box("A1111", held=True) as (server, provider):
            server.spoiled |= {"internal/progress": b"", "sdapi/v1/progress": b""}
            listening = asyncio.create_task(listen(provider, request))
            await until(lambda: server.running)
            ours(server).interrupted = True
            ours(server).step = 20 + 3
            server.finish(ours(server))
            error = (await listening).error
        assert isinstance(error, JobFailed)
        assert [picture.seed for picture in error.pictures] == [42]

    async def test_a_limit_of_time_ends_it_on_the_server_too(self):
        async with (
            a1111("A1111", held=True) as server,
            connected("a1111", server.url, timeout=0.3) as provider,
        ):
            error = (await listen(provider, LONG)).error
            assert isinstance(error, TimedOut)
            assert "0.3 s" in error.message
            assert ours(server).interrupted

    async def test_a_limit_of_time_keeps_what_is_whole(self):
        async with (
            a1111("A1111", held=True) as server,
            connected("a1111", server.url, timeout=0.3) as provider,
        ):
            listening = asyncio.create_task(listen(provider, msgspec.structs.replace(LONG, count=3)))
            await until(lambda: server.running)
            ours(server).step = 20 + 3
            error = (await listening).error
        assert isinstance(error, JobFailed)
        assert "0.3 s" in error.message
        assert [picture.seed for picture in error.pictures] == [42]
