"""What a job has made, however it ended: its files fetched, and the words for what went wrong."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from pluma_tui.core.errors import BrokenStream, JobFailed, NotFound, ProviderError
from pluma_tui.core.images import Picture
from pluma_tui.imaging.comfy_api import MAX_JOB, THERE, ComfyApi
from pluma_tui.imaging.comfy_errors import run_failed
from pluma_tui.imaging.comfy_history import Output, chosen
from pluma_tui.imaging.comfy_job import Job

_MOST = 250  # pictures of one job


class Made:
    """The pictures of a job. `nodes` are those whose pictures count, empty for all."""

    def __init__(self, api: ComfyApi, job: Job, nodes: tuple[str, ...], values: dict[str, Any]) -> None:
        """`values` are what stands in the workflow, as it is told beside a picture."""
        self._api = api
        self._job = job
        self._nodes = nodes
        self._values = values

    async def pictures(self) -> list[Picture]:
        """The pictures of a job that has ended. Raises JobFailed, which keeps them, if that was not all."""
        job, entry = self._job, self._job.entry
        assert entry is not None
        files = self._files()
        pictures: list[Picture] = []
        problem = await self._fetch(files, pictures)
        if entry.ending == "interrupted":
            hint = "Somebody stopped it there."
            raise JobFailed("the job was interrupted on the server", hint=hint, pictures=pictures)
        if entry.ending == "failed":
            message, hint = run_failed(entry.data, job.graph)
            raise JobFailed(message, hint=hint, pictures=pictures)
        if problem is not None:
            raise JobFailed(problem.message, hint=problem.hint, pictures=pictures) if pictures else problem
        if job.left_out and all(file.type != "output" for file in files):
            raise JobFailed(f"the workflow did not come to its end: {job.left_out}", pictures=pictures)
        if not pictures:
            hint = "Does its last node save a picture? `pluma workflow check` tells."
            raise JobFailed("the workflow has ended without a picture", hint=hint)
        return pictures

    async def rescued(self, within: float) -> list[Picture]:
        """What a job that was cancelled had finished, as much as can be had in so many seconds."""
        pictures: list[Picture] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._fetch(self._files(), pictures)
        return pictures

    def _files(self) -> list[Output]:
        entry = self._job.entry
        return [] if entry is None else chosen(entry.outputs, self._nodes)

    async def _fetch(self, files: Sequence[Output], pictures: list[Picture]) -> ProviderError | None:
        """Add the pictures in `files`; returns what went wrong with the first that could not be had."""
        problem: ProviderError | None = None
        what = {"seed": self._values.get("seed"), "settings": self._values}
        room = MAX_JOB
        for file in files[:_MOST]:
            try:
                picture = await self._api.view(file, most=room // 2, **what)  # it is copied once
            except ProviderError as error:
                problem = problem or _told(error)
            else:
                room -= len(picture.data)
                pictures.append(picture)
        if len(files) > _MOST:
            words = f"the job made {len(files)} pictures, more than the {_MOST} that are taken"
            problem = problem or BrokenStream(words, hint=THERE)
        return problem


def _told(error: ProviderError) -> ProviderError:
    """Why a picture could not be had: one that is in the history may be gone from the disk."""
    if not isinstance(error, NotFound) or error.status != HTTPStatus.NOT_FOUND:
        return error
    hint = "The server answered from memory; another seed makes a new one."
    return NotFound("the server has deleted the picture", hint=hint, status=error.status)
