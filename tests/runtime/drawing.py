"""An image provider that says what a test tells it to, and picture jobs over it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pluma_tui.core.images import ImageEvent, ImageRequest, Picture, Ready, ServerInfo
from pluma_tui.core.profile import ImageProfile
from pluma_tui.imaging import register_image_provider
from pluma_tui.runtime.connections import Clients, ImageConnectionManager
from pluma_tui.runtime.pictures import Job, JobEvent, Pictures
from tests.imaging.pictures import png
from tests.runtime.scripted import no_secret


@dataclass
class ImageScript:
    """`say` gives it the next events, or the error to raise; `END` ends a job without a `Ready`.

    `left` makes what is raised when the job is cancelled, for providers that tell then what was finished.
    """

    kind: str = "scripted"
    upstream: str = "a script"
    requests: list[ImageRequest] = field(default_factory=list)
    cancelled: int = 0
    left: Callable[[], Exception] | None = None
    _next: "asyncio.Queue[ImageEvent | Exception | None]" = field(default_factory=asyncio.Queue)

    def say(self, *events: ImageEvent | Exception | None) -> "ImageScript":
        for event in events:
            self._next.put_nowait(event)
        return self

    async def ping(self) -> ServerInfo:
        return ServerInfo("a script")

    async def checkpoints(self) -> Sequence[str]:
        return ["ink_v1"]

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        self.requests.append(request)
        try:
            while (event := await self._next.get()) is not None:
                if isinstance(event, Exception):
                    raise event
                yield event
                if isinstance(event, Ready):
                    return
        except (asyncio.CancelledError, GeneratorExit):
            await asyncio.sleep(0)  # a server is told
            self.cancelled += 1
            if self.left is not None:
                raise self.left() from None
            raise


END = None


@dataclass
class Easel:
    """A script, and picture jobs over it that are kept below `folder`."""

    script: ImageScript
    pictures: Pictures
    folder: Path
    data: Path

    def begin(self, prompt: str = "a cat", **request: Any) -> Job:
        return self.pictures.begin(ImageRequest(prompt=prompt, **request))

    def kept(self) -> list[bytes]:
        """The pictures on disk, by name."""
        return [path.read_bytes() for path in sorted(self.folder.rglob("*.png"))]


def easel(tmp_path: Path, **profile: Any) -> Easel:
    """An easel with the profiles "box" (as given) and "other"."""
    script = ImageScript()
    register_image_provider("scripted", lambda *_: script)
    boxes = {
        name: ImageProfile(name=name, kind="scripted", base_url="http://127.0.0.1:9", **values)
        for name, values in (("box", profile), ("other", {}))
    }
    connections = ImageConnectionManager(boxes, clients=Clients(no_secret))
    folder, data = tmp_path / "pictures", tmp_path / "data"
    return Easel(script, Pictures(connections, data, str(folder), "{seed}-{slug}"), folder, data)


def picture(seed: int | None = 1, size: tuple[int, int] = (8, 6)) -> Picture:
    return Picture(png(*size), "image/png", seed, {"steps": 4})


async def heard(job: Job, *, every: float = 0.0) -> list[JobEvent]:
    async with asyncio.timeout(5):
        return [event async for batch in job.listen(every=every) for event in batch]
