"""The two forms in which `pluma image` says what it does: the paths it wrote, and one JSON object a line."""

import sys
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from pluma_tui.cli import output
from pluma_tui.cli.bar import Bar
from pluma_tui.core.events import Notice
from pluma_tui.core.images import Progress, Queued
from pluma_tui.imaging.saving import Saved
from pluma_tui.runtime.pictures import Ended, Job, JobEvent

_REDRAW = 0.1  # seconds between two looks at what is new, on a terminal


class Plain:
    """Paths and nothing else on stdout; how far it is, and what there is to tell, on stderr."""

    def __init__(self) -> None:
        self._bar = Bar()
        self.every = _REDRAW if sys.stderr.isatty() else 0.0

    def running(self) -> AbstractAsyncContextManager[None]:
        """To be entered for as long as the job runs."""
        return self._bar.running()

    def show(self, event: JobEvent, job: Job) -> None:
        """Print one event."""
        match event:
            case Queued() | Progress():
                self._bar.show(event)
            case Notice(message):
                self._bar.clear()
                output.say(f"pluma: {message}")
            case Saved(path):
                self._bar.clear()
                output.line(path)


class Json:
    """One event an object a line, the last one `finished` (or the error object)."""

    every = 0.0

    def running(self) -> AbstractAsyncContextManager[None]:
        """To be entered for as long as the job runs."""
        return nullcontext()

    def show(self, event: JobEvent, job: Job) -> None:
        """Print one event."""
        match event:
            case Queued(position):
                output.record({"type": "queued", "position": position})
            case Progress(step, steps, eta, own):
                row = {"type": "progress", "step": step, "steps": steps, "eta": eta}
                output.record(row if own else {**row, "own": False})
            case Notice(message):
                output.record({"type": "notice", "message": message})
            case Saved():
                output.record({"type": "image", **_row(event)})
            case Ended(ending) if job.error is None:
                images = [_row(saved) for saved in job.saved]
                output.record({"type": "finished", "ending": ending, "images": images})


def _row(saved: Saved) -> dict[str, Any]:
    return {"path": saved.path, "seed": saved.seed, "width": saved.width, "height": saved.height}
