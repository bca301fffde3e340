"""Picture jobs: whoever listens, what a server has made is on disk at the end."""

import asyncio
import gc
import json
from dataclasses import replace
from pathlib import Path

import pytest

from pluma_tui import imaging
from pluma_tui.core.errors import BrokenStream, ConfigError, JobFailed, PlumaError, Unreachable
from pluma_tui.core.events import Notice
from pluma_tui.core.images import ImageRequest, Picture, Preview, Progress, Queued, Ready
from pluma_tui.imaging import saving
from pluma_tui.imaging.saving import Place, Saved
from pluma_tui.runtime.pictures import Ended, Job
from tests.imaging.pictures import png
from tests.runtime.drawing import END, Easel, easel, heard, picture
from tests.runtime.scripted import until


@pytest.fixture(autouse=True)
def only_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone with it."""
    monkeypatch.setattr(imaging.registry, "_added", {})


@pytest.fixture
def at(tmp_path: Path) -> Easel:
    return easel(tmp_path)


async def listening(job: Job) -> None:
    """Until the provider waits for the next word of its script."""
    await until(lambda: bool(job._provider.requests))  # type: ignore[attr-defined]
    await asyncio.sleep(0)


class TestKept:
    async def test_every_picture_is_on_disk_before_the_job_ends(self, at: Easel):
        at.script.say(Ready((picture(1), picture(2, (9, 9)))))
        job = at.begin(count=2)
        saved = await job.wait()
        assert [Path(one.path).name for one in saved] == ["1-a-cat.png", "2-a-cat.png"]
        assert at.kept() == [png(8, 6), png(9, 9)]
        assert [(one.seed, one.width, one.height) for one in saved] == [(1, 8, 6), (2, 9, 9)]
        assert (job.error, job.done) == (None, True)

    async def test_what_made_it_stands_beside_it(self, at: Easel):
        at.script.say(Ready((picture(7),)))
        (saved,) = await at.begin("a dog", steps=4).wait()
        beside = json.loads(Path(f"{saved.path}.json").read_text())
        assert beside["request"] == {"prompt": "a dog", "steps": 4, "seed": 7}
        assert (beside["profile"], beside["kind"], beside["settings"]) == ("box", "scripted", {"steps": 4})

    async def test_nobody_need_listen(self, at: Easel):
        at.script.say(Queued(), Progress(1, 2), Ready((picture(),)))
        at.begin()
        await until(lambda: not at.pictures.running())
        assert at.kept() == [png(8, 6)]

    async def test_a_listener_that_leaves_changes_nothing(self, at: Easel):
        at.script.say(Queued(3))
        job = at.begin()
        async for _ in job.listen():
            break
        at.script.say(Ready((picture(),)))
        assert len(await job.wait()) == 1

    async def test_a_waiter_that_is_cancelled_changes_nothing(self, at: Easel):
        job = at.begin()
        waiting = asyncio.create_task(job.wait())
        await listening(job)
        waiting.cancel()
        at.script.say(Ready((picture(),)))
        assert len(await job.wait()) == 1

    async def test_a_job_that_failed_keeps_what_was_made_before(self, at: Easel):
        at.script.say(JobFailed("out of memory", hint="smaller", pictures=[picture(1), picture(2)]))
        job = at.begin()
        events = await heard(job)
        assert [type(event) for event in events] == [Saved, Saved, Ended]
        assert events[-1] == Ended("failed")
        assert isinstance(job.error, JobFailed)
        assert job.error.message == "out of memory"
        assert len(at.kept()) == 2

    async def test_pictures_are_not_held_in_memory_once_they_are_on_disk(self, at: Easel):
        class Large(bytes):
            """Bytes that can be found again."""

        at.script.say(Preview(Picture(Large(png(7, 7)), "image/png")), JobFailed("x", pictures=[
            Picture(Large(png(8, 6)), "image/png", 1)
        ]))  # fmt: skip
        job = at.begin()
        await job.wait()
        gc.collect()
        pictures = [one for one in gc.get_objects() if isinstance(one, Picture)]
        assert [one for one in pictures if isinstance(one.data, Large)] == []
        assert len(at.kept()) == 1

    async def test_a_disk_that_is_full_by_then_is_told_and_another_place_taken(
        self, at: Easel, monkeypatch: pytest.MonkeyPatch
    ):
        create = saving.fresh.create

        def full(path: Path, data: bytes, **more: bool) -> None:
            if path.is_relative_to(at.folder):
                raise OSError(28, "No space left on device")
            create(path, data, **more)

        monkeypatch.setattr(saving.fresh, "create", full)
        at.script.say(Ready((picture(),)))
        job = at.begin()
        (saved,) = await job.wait()
        assert Path(saved.path) == at.data / "pictures" / "1-a-cat.png"
        assert Path(saved.path).read_bytes() == png(8, 6)
        assert job.error is not None
        assert "No space left on device" in job.error.message

    async def test_a_sidecar_that_cannot_be_written_is_told_and_the_picture_kept(
        self, at: Easel, monkeypatch: pytest.MonkeyPatch
    ):
        def refused(*args: object, **more: object) -> None:
            raise PlumaError("no room")

        monkeypatch.setattr(saving, "describe", refused)
        at.script.say(Ready((picture(),)))
        events = await heard(at.begin())
        assert [type(event) for event in events] == [Saved, Notice, Ended]
        assert events[-1] == Ended("complete")


class TestStopped:
    async def test_the_servers_job_is_cancelled(self, at: Easel):
        job = at.begin()
        await listening(job)
        job.stop()
        assert await job.wait() == []
        assert at.script.cancelled == 1
        assert await heard(job) == [Ended("stopped")]
        assert job.error is None

    async def test_what_the_provider_says_was_finished_is_kept(self, at: Easel):
        at.script.left = lambda: JobFailed("cancelled", pictures=[picture(5)])
        job = at.begin(count=4)
        await listening(job)
        job.stop()
        (saved,) = await job.wait()
        assert (saved.seed, at.kept()) == (5, [png(8, 6)])
        assert (await heard(job))[-1] == Ended("stopped")
        assert job.error is None

    async def test_stopping_while_a_picture_is_written_keeps_it(
        self, at: Easel, monkeypatch: pytest.MonkeyPatch
    ):
        keep = saving.save

        def stopped(*args: object) -> Saved:
            job.stop()
            return keep(*args)  # type: ignore[arg-type]

        monkeypatch.setattr(saving, "save", stopped)
        at.script.say(Ready((picture(1), picture(2))))
        job = at.begin()
        assert len(await job.wait()) == 2
        assert (await heard(job))[-1] == Ended("complete")

    async def test_an_ended_job_is_left_alone(self, at: Easel):
        at.script.say(Ready((picture(),)))
        job = at.begin()
        await job.wait()
        job.stop()
        assert (await heard(job))[-1] == Ended("complete")

    async def test_closing_stops_all_and_waits_for_it(self, at: Easel):
        at.script.left = lambda: JobFailed("cancelled", pictures=[picture(5)])
        jobs = [at.begin(), at.begin()]
        await listening(jobs[1])
        await until(lambda: len(at.script.requests) == 2)
        await at.pictures.aclose()
        assert at.script.cancelled == 2
        assert [job.done for job in jobs] == [True, True]
        assert len(at.kept()) == 2


class TestHeard:
    async def test_events_come_in_order_and_end(self, at: Easel):
        job = at.begin()
        told = [Queued(2), Progress(1, 4), Notice("x"), Preview(picture()), Progress(2, 4, 1.5)]
        events = []
        listener = job.listen()
        for event in told:
            at.script.say(event)
            events += await anext(listener)
        at.script.say(Ready((picture(),)))
        async for batch in listener:
            events += batch
        assert events[:5] == told
        assert [type(event) for event in events[5:]] == [Saved, Ended]

    async def test_who_comes_late_gets_the_newest_of_what_passes_and_all_of_what_stays(self, at: Easel):
        at.script.say(Queued(2), Queued(1), Notice("a"), *(Progress(n, 9) for n in range(9)), Notice("b"))
        job = at.begin()
        await until(lambda: len(job._events) == 4)
        at.script.say(Ready((picture(),)))
        await job.wait()
        *events, saved, ended = await heard(job)
        assert events == [Queued(1), Notice("a"), Progress(8, 9), Notice("b")]
        assert (type(saved), ended) == (Saved, Ended("complete"))

    async def test_a_thousand_previews_are_one_in_memory(self, at: Easel):
        at.script.say(*(Preview(picture(n)) for n in range(1000)))
        job = at.begin()
        await until(lambda: job._told == 1000)
        assert len(job._events) == 1
        job.stop()
        await job.wait()
        assert [type(event) for event in await heard(job)] == [Ended]

    async def test_two_listeners_hear_the_same(self, at: Easel):
        job = at.begin()
        both = asyncio.gather(heard(job), heard(job, every=0.01))
        await listening(job)
        at.script.say(Notice("a"), Ready((picture(),)))
        one, other = await both
        assert one == other
        assert [type(event) for event in one] == [Notice, Saved, Ended]


class TestWrong:
    async def test_what_the_server_says_comes_through_the_job(self, at: Easel):
        at.script.say(Unreachable("nobody there"))
        job = at.begin()
        assert await heard(job) == [Ended("failed")]
        assert isinstance(job.error, Unreachable)

    async def test_a_job_that_ends_without_a_picture_is_no_success(self, at: Easel):
        at.script.say(END)
        job = at.begin()
        assert await heard(job) == [Ended("failed")]
        assert isinstance(job.error, BrokenStream)

    async def test_a_bug_of_a_provider_ends_the_job_and_is_not_hidden(self, at: Easel):
        at.script.say(ZeroDivisionError("x"))
        job = at.begin()
        assert await heard(job) == [Ended("failed")]
        with pytest.raises(ZeroDivisionError):
            await job.wait()
        assert job.error is not None
        assert "ZeroDivisionError" in job.error.message

    async def test_nothing_is_asked_where_nothing_could_be_kept(self, at: Easel):
        at.folder.write_text("")
        with pytest.raises(PlumaError, match="cannot be kept in"):
            at.begin()
        assert at.script.requests == []

    async def test_nothing_configured_says_what_to_do(self, tmp_path: Path):
        at = easel(tmp_path)
        at.pictures._connections.replace({})
        with pytest.raises(ConfigError, match="no image server is configured") as caught:
            at.begin()
        assert caught.value.hint


PROFILE = {
    "steps": 20, "cfg": 6.0, "width": 64, "height": 96, "sampler": "euler", "negative_prompt": "blurry",
    "workflow": "flux", "options": {"a": 1, "b": 1},
}  # fmt: skip


class TestRequest:
    async def asked(self, at: Easel, **request: object) -> dict[str, object]:
        at.script.say(Ready((picture(),)))
        await at.begin("a cat", **request).wait()
        (sent,) = at.script.requests
        return {name: getattr(sent, name) for name in sent.__struct_fields__}

    async def test_the_profile_fills_what_is_open_and_the_request_goes_before_it(self, tmp_path: Path):
        at = easel(tmp_path, **PROFILE)
        sent = await self.asked(at, steps=4, sampler="dpm", options={"b": 2})
        assert sent["steps"] == 4
        assert sent["sampler"] == "dpm"
        assert sent["options"] == {"a": 1, "b": 2}
        assert (sent["cfg"], sent["width"], sent["height"]) == (6.0, 64, 96)
        assert (sent["negative_prompt"], sent["workflow"]) == ("blurry", "flux")

    @pytest.mark.parametrize("seed", [None, -1])
    async def test_a_random_seed_is_chosen_here_so_that_it_can_be_told(self, at: Easel, seed: int | None):
        chosen = (await self.asked(at, seed=seed))["seed"]
        assert isinstance(chosen, int)
        assert chosen >= 0

    @pytest.mark.parametrize(("seed", "sent"), [(None, None), (-1, None), (7, 7)])
    async def test_bug_a_seed_was_drawn_for_servers_that_know_none(
        self, at: Easel, seed: int | None, sent: int | None
    ):
        plugin = replace(imaging.registry.load("openai-images"), factory=lambda *_: at.script)
        imaging.register_image_provider("scripted", plugin)
        assert (await self.asked(at, seed=seed))["seed"] == sent

    async def test_with_a_picture_to_begin_with_the_provider_chooses_the_workflow(self, tmp_path: Path):
        at = easel(tmp_path, **PROFILE)
        assert (await self.asked(at, init_image=png(8, 6)))["workflow"] == ""

    async def test_another_profile_and_place_can_be_named(self, at: Easel, tmp_path: Path):
        at.script.say(Ready((picture(),)))
        job = at.pictures.begin(
            ImageRequest(prompt="x"), "other", place=Place(tmp_path, name="mine.png", private=False)
        )
        (saved,) = await job.wait()
        assert saved.path == str(tmp_path / "mine.png")
        assert job.origin.profile == "other"


def test_settings_hold_for_the_next_job(tmp_path: Path):
    at = easel(tmp_path)
    at.pictures.settle(str(tmp_path / "new"), "{slug}")
    assert at.pictures.place == Place(tmp_path / "new", "{slug}")
