"""pluma with an image provider added, as a program of somebody else's would do it.

The provider plays the lines of the file that the profile's option `script` names, each a JSON list::

    ["queued", 2]  ["progress", 3, 20, 4.5]  ["others", 1, 9]  ["notice", "..."]  ["ready", seed, ...]
    ["failed", "message", seed, ...]  ["refused"]  ["hang"]

and writes beside it what it was asked for, and whether it was cancelled.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec

from pluma_tui.cli.main import main
from pluma_tui.core.errors import JobFailed, Refused
from pluma_tui.core.events import Notice
from pluma_tui.core.images import ImageEvent, ImageRequest, Picture, Progress, Queued, Ready, ServerInfo
from pluma_tui.core.profile import ImageProfile
from pluma_tui.imaging import register_image_provider
from pluma_tui.imaging.base import ImageProviderPlugin
from tests.imaging.pictures import png

_TURNS = 10  # of the loop between two lines, so that the command sees each


class Played:
    """The provider."""

    kind = "played"

    def __init__(self, profile: ImageProfile, client: httpx.AsyncClient) -> None:
        self.upstream = profile.base_url
        self._script = Path(profile.options.get("script", "script"))

    async def ping(self) -> ServerInfo:
        return ServerInfo("a script")

    async def checkpoints(self) -> Sequence[str]:
        return self._script.with_suffix(".models").read_text().splitlines()

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        self._write("asked", msgspec.json.encode(request))
        finished: list[Picture] = []
        try:
            for line in self._script.read_text().splitlines():
                word, *rest = msgspec.json.decode(line, type=list[Any])
                if word == "hang":
                    finished += [_picture(seed) for seed in rest]
                    self._write("hangs", b"")
                    await asyncio.Event().wait()
                yield _event(word, rest)
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
        except asyncio.CancelledError:
            self._write("cancelled", b"")
            if finished:
                raise JobFailed("cancelled", pictures=finished) from None
            raise

    def _write(self, name: str, data: bytes) -> None:
        self._script.with_suffix(f".{name}").write_bytes(data)


def _event(word: str, rest: list[Any]) -> ImageEvent:
    match word:
        case "queued":
            return Queued(*rest)
        case "progress":
            return Progress(*rest)
        case "others":
            return Progress(*rest, own=False)
        case "notice":
            return Notice(*rest)
        case "ready":
            return Ready(tuple(map(_picture, rest)))
        case "failed":
            raise JobFailed(rest[0], hint="Make it smaller.", pictures=list(map(_picture, rest[1:])))
    raise Refused("the server is shut", status=403)


def _picture(seed: int | None) -> Picture:
    return Picture(png(8, 6 + (seed or 0) % 10), "image/png", seed, {"steps": 4})


if __name__ == "__main__":
    options = {"script": "the file to play", "style": "a name"}
    register_image_provider(
        "played", ImageProviderPlugin(name="played", label="a script", factory=Played, options=options)
    )
    sys.exit(main(sys.argv[1:]))
