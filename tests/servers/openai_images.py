"""A scripted server of OpenAI's Images API, after its reference and the errors its models are known for.

https://platform.openai.com/docs/api-reference/images
"""

import asyncio
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from typing import Any

from tests.imaging.pictures import png
from tests.servers.http import Answer, serving
from tests.servers.replay import Request, answer

_KNOWN = {"prompt", "n", "model", "size", "quality", "style", "response_format", "user"}


@dataclass
class ImagesServer:
    """`links`: pictures are to be fetched, from `links_at` or from here. `one`: a model for one at a time.

    `most`: so many pictures are made; to who asks for another one nothing is answered.
    """

    links: bool = False
    links_at: str = ""
    one: bool = False
    most: int = 1000
    edits: bool = True
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    spoiled: dict[str, bytes] = field(default_factory=dict)
    pictures: list[bytes] = field(default_factory=list)

    async def answer(self, request: Request) -> Answer:
        """What is answered to a request."""
        self.requests.append(request)
        path = request.path.partition("?")[0]
        if path in self.spoiled:
            return self.spoiled[path]
        if path == "/v1/models":
            return 200, {"object": "list", "data": [{"id": "gpt-image-1"}, {"id": "a-chat-model"}]}
        if path == "/v1/images/generations":
            return await self._drawn(request.json)
        if path == "/v1/images/edits" and self.edits:
            return await self._drawn(_form(request))
        if found := re.fullmatch(r"/made/(\d+)", path):
            return answer(self.pictures[int(found[1])], kind="image/png")
        return 404, {"error": {"message": f"Invalid URL ({request.method} {path})", "code": None}}

    async def _drawn(self, body: dict[str, Any]) -> Answer:
        self.bodies.append(body)
        count = int(body.get("n", 1))
        if unknown := set(body) - _KNOWN - {"image", "mask"}:
            return _refused(f"Unknown parameter: '{min(unknown)}'.", "unknown_parameter")
        if not re.fullmatch(r"\d+x\d+", body.get("size", "64x64")):
            return _refused("Invalid value for size.", "invalid_value")
        if self.one and count > 1:
            return _refused("You must provide n=1 for this model.", "invalid_parameter_value")
        if len(self.pictures) >= self.most:
            await asyncio.Event().wait()
        width, height = map(int, body.get("size", "64x64").split("x"))
        made = [png(width, height, number=str(len(self.pictures) + at)) for at in range(count)]
        first = len(self.pictures)
        self.pictures += made
        where = self.links_at or self.url
        entries = [
            {"url": f"{where}/made/{first + at}?sig=x"}
            if self.links
            else {"b64_json": b64encode(data).decode()}
            for at, data in enumerate(made)
        ]
        return 200, {"created": 1, "data": [{**entry, "revised_prompt": "A cat."} for entry in entries]}


def _refused(message: str, code: str) -> Answer:
    return 400, {"error": {"message": message, "type": "invalid_request_error", "code": code}}


def _form(request: Request) -> dict[str, Any]:
    """The fields of a form; files as bytes."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    parts = BytesParser().parsebytes(head + request.body).get_payload()
    form: dict[str, Any] = {}
    for part in parts:
        name = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True)
        form[name] = data if part.get_filename() else data.decode()
    return form


@asynccontextmanager
async def images_server(**settings: Any) -> AsyncIterator[ImagesServer]:
    """Serve on a free loopback port."""
    server = ImagesServer(**settings)
    async with serving(server.answer) as server.url:
        yield server
