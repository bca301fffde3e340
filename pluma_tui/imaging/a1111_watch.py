"""What an A1111 server tells of a job while it runs, and whether that job is ours.

``POST internal/progress`` knows a task by its name, but comes with the web interface only. The route of the
API, ``GET sdapi/v1/progress``, tells of whatever the server is doing: then a job is taken for ours if nothing
ran before we asked, and never if something did. Others have no such route at all: no progress, no error.
"""

import re
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from pluma_tui.core.errors import BrokenStream, ProviderError, Refused
from pluma_tui.core.images import ImageEvent, Preview, Progress, Queued
from pluma_tui.imaging.a1111_api import Api, missing
from pluma_tui.imaging.sniff import from_base64, picture

_GLOBAL, _OF_TASK = "sdapi/v1/progress", "internal/progress"
_T = TypeVar("_T")
_PLACE = re.compile(r"In queue: (\d+)/\d+")
_JOBS = {"sdapi/v1/txt2img": "scripts_txt2img", "sdapi/v1/img2img": "scripts_img2img"}


class _State(msgspec.Struct):
    """The server's counters. `job_count` is -1 while a job is being prepared."""

    job: str = ""
    job_count: int = 0
    job_no: int = 0
    job_timestamp: str = ""
    sampling_step: int = 0
    sampling_steps: int = 0
    interrupted: bool = False


class _Global(msgspec.Struct):
    """What it is doing, whoever asked for it. Forge may tell the task's name, others do not."""

    state: _State = msgspec.field(default_factory=_State)
    eta_relative: float | None = None
    current_image: str | None = None
    current_task: str | None = None

    @property
    def busy(self) -> bool:
        return bool(self.state.job) or self.state.job_count != 0


class _OfTask(msgspec.Struct):
    """What is known of one task by its name."""

    active: bool = False
    queued: bool = False
    live_preview: str | None = None
    id_live_preview: int | None = None
    textinfo: str | None = None


class Watch:
    """Follows one job. `interrupted` is set when the server was told to stop it, by whomever."""

    def __init__(self, api: Api, route: str, task: str) -> None:
        self._api = api
        self._kind = _JOBS[route]
        self._task = task
        self._gone: set[str] = set()  # the routes that the server does not have
        self._idle_before = False
        self._stamp_before = ""
        self._mine = ""  # the time stamp of the job that was taken for ours
        self._named = False  # the server knows our task by its name
        self._told: Progress | None = None
        self._place: int | None = None
        self._shown: int | None = -1
        self._image: str | None = None
        self._image_step = 0
        self.began = False
        self.interrupted = False

    async def prepare(self) -> None:
        """See what runs before the job is sent."""
        now = await self._look_around()
        self._idle_before = now is not None and not now.busy
        self._stamp_before = now.state.job_timestamp if now else ""

    async def look(self) -> Sequence[ImageEvent]:
        """What is new since the last look."""
        task = await self._look_at_task()
        if task and task.queued:
            return self._queued(_place(task.textinfo))
        image = self._wants_image()
        now = await self._look_around(image=image)
        if image and self._told:
            self._image_step = self._told.step
        if task and task.active:
            self._set_began(now)
            return [*self._progress(now, own=True), *self._live(task)]
        if now is None or not now.busy or self._named:
            return []
        if self._is_ours(now):
            self._set_began(now)
            own = now.current_task == self._task
            return [*self._progress(now, own=own), *self._preview(now)]
        if now.state.job_timestamp == self._stamp_before:
            return self._queued(None)
        return self._progress(now, own=False)

    async def standing(self) -> bool | None:
        """Whether the server draws ours right now; None if it may yet begin. False where it cannot tell."""
        task = await self._look_at_task()
        if task and (task.active or task.queued):
            return True if task.active else None
        if self._named:
            return False
        now = await self._look_around()
        if now is None or (now.busy and not self._is_ours(now)):
            return False
        return True if now.busy else None if self._idle_before and not self.began else False

    def _is_ours(self, now: _Global) -> bool:
        if now.current_task:
            return now.current_task == self._task
        if not self._idle_before or now.state.job.startswith("task("):
            return False
        if now.state.job in _JOBS.values() and now.state.job != self._kind:
            return False
        self._mine = self._mine or now.state.job_timestamp
        return now.state.job_timestamp == self._mine

    def _set_began(self, now: _Global | None) -> None:
        self.began = True
        self.interrupted = self.interrupted or bool(now and now.state.interrupted)

    def _queued(self, place: int | None) -> list[ImageEvent]:
        if place == self._place:
            return []
        self._place = place
        return [Queued(place)]

    def _progress(self, now: _Global | None, *, own: bool) -> list[ImageEvent]:
        if now is None or now.state.sampling_steps <= 0:
            return []
        state = now.state
        rounds = max(state.job_count, 1)
        steps = rounds * state.sampling_steps
        step = min(min(state.job_no, rounds - 1) * state.sampling_steps + state.sampling_step, steps)
        # During the first step it is a guess that only grows.
        eta = now.eta_relative if now.eta_relative and now.eta_relative > 0 and step > 0 else None
        told = Progress(max(step, 0), steps, eta, own)
        before, self._told = self._told, told
        same = before and (before.step, before.steps, before.own) == (told.step, told.steps, told.own)
        return [] if same else [told]

    def _wants_image(self) -> bool:
        """Packing a preview costs the server time: once for each step."""
        return self._told is not None and not self._named and self._told.step != self._image_step

    def _preview(self, now: _Global) -> list[ImageEvent]:
        if not now.current_image or now.current_image == self._image:
            return []
        self._image = now.current_image
        return self._shown_as(now.current_image)

    def _live(self, task: _OfTask) -> list[ImageEvent]:
        if not task.live_preview:  # it is sent only if it is not the one whose number we say
            return []
        self._shown = task.id_live_preview
        return self._shown_as(task.live_preview)

    def _shown_as(self, text: str) -> list[ImageEvent]:
        try:
            return [Preview(picture(from_base64(text, self._api.upstream), self._api.upstream))]
        except BrokenStream:
            return []

    async def _look_at_task(self) -> _OfTask | None:
        asked = {"id_task": self._task, "id_live_preview": self._shown, "live_preview": True}
        task = _read(await self._ask(_OF_TASK, asked), _OfTask)
        self._named = self._named or bool(task and (task.active or task.queued))
        return task

    async def _look_around(self, *, image: bool = False) -> _Global | None:
        skip = "false" if image else "true"
        return _read(await self._ask(f"{_GLOBAL}?skip_current_image={skip}"), _Global)

    async def _ask(self, route: str, body: Any = None) -> Any:
        """What is answered; None for nothing. A job does not fail because nobody tells how far it is."""
        name = route.partition("?")[0]
        if name in self._gone:
            return None
        try:
            return await (self._api.get(route) if body is None else self._api.post(route, body))
        except Refused as error:
            if missing(error):
                self._gone.add(name)
        except ProviderError:
            pass
        return None


def _place(text: str | None) -> int | None:
    """Jobs before ours: those that wait before it, and the one that runs."""
    found = _PLACE.search(text or "")
    return int(found[1]) if found else None


def _read(answer: Any, kind: type[_T]) -> _T | None:
    try:
        return None if answer is None else msgspec.convert(answer, kind, strict=False)
    except msgspec.ValidationError:
        return None
