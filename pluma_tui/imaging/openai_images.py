"""OpenAI's Images API, as LocalAI and others speak it too: no progress, one answer with all pictures.

``POST images/generations`` and ``images/edits``, ``GET models``.
Field by field: https://platform.openai.com/docs/api-reference/images
"""

import re
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

import msgspec

from pluma_tui.core.errors import BrokenStream, NotFound, ProviderError, Refused
from pluma_tui.core.events import Notice
from pluma_tui.core.images import ImageEvent, ImageRequest, Picture, Queued, Ready, ServerInfo
from pluma_tui.core.profile import ImageProfile
from pluma_tui.imaging.base import ImageProviderPlugin
from pluma_tui.imaging.defaults import kept, settled
from pluma_tui.imaging.fetch import MAX_ANSWER, ask_json, fetch, fetch_answer, within
from pluma_tui.imaging.openai_images_request import edit, fields, left_out
from pluma_tui.imaging.sniff import MAX_BYTES, from_base64, picture
from pluma_tui.transport.address import is_loopback, origin, upstream

if TYPE_CHECKING:
    import httpx

_ONE = re.compile(r"\bn\s*=\s*1\b|['\"`]n['\"`]|\bn (?:must|should|has to)\b|\.n\b", re.IGNORECASE)
_OURS = ("host", "accept", "accept-encoding", "connection", "user-agent")
_NULL = msgspec.Raw(b"null")
_MAX_WORDS = 1 << 18  # bytes of an address, or of a prompt


class _Entry(msgspec.Struct):
    """As it is sent: what may be large is not copied."""

    b64_json: msgspec.Raw = _NULL
    url: msgspec.Raw = _NULL
    revised_prompt: msgspec.Raw = _NULL

    @property
    def packed(self) -> msgspec.Raw | None:
        """The picture as base64, if it is there: some put it into its address."""
        if self.b64_json != _NULL:
            return self.b64_json
        return self.url if bytes(memoryview(self.url)[:6]) == b'"data:' else None


class _Answer(msgspec.Struct):
    data: list[_Entry] | None = None


class OpenAIImages:
    """Talks to one server in the shape of OpenAI's Images API."""

    kind = "openai-images"

    def __init__(self, profile: ImageProfile, client: "httpx.AsyncClient") -> None:
        self._profile = profile
        self._client = client
        self.upstream = upstream(client.base_url)

    async def ping(self) -> ServerInfo:
        """That it answers; the API has no name to ask for. Raises ProviderError."""
        await self.checkpoints()
        known = self._client.base_url.host == "api.openai.com"
        return ServerInfo("OpenAI" if known else "an OpenAI-like server")

    async def checkpoints(self) -> Sequence[str]:
        """All models the server names; it does not say which of them draw. Raises ProviderError."""
        answer = await ask_json(self._client, "models", timeout=self._profile.timeout)
        entries = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(entries, list):
            raise BrokenStream(f"{self.upstream} sent no list of models")
        names = (entry.get("id") for entry in entries if isinstance(entry, dict))
        return [name for name in names if isinstance(name, str) and name]

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Draw; what the API has no word for is left out and told. Raises ProviderError.

        A model that makes one picture at a time is asked again until there are enough.
        """
        if missing := left_out(request):
            yield Notice(f"this kind of server knows no {', '.join(missing)}: left out")
        wanted = settled(request, self._profile)
        done: list[Picture] = []
        yield Queued()
        with kept(done):
            async with within(self._profile.timeout, self.upstream):
                await self._draw(wanted, done)
        yield Ready(tuple(done))

    async def _draw(self, wanted: ImageRequest, done: list[Picture]) -> None:
        """Fill `done` with as many pictures as are wanted."""
        at_once = wanted.count
        while len(done) < wanted.count:
            count = min(at_once, wanted.count - len(done))
            try:
                body = await fetch_answer(self._client, self._request(wanted, count))
            except Refused as error:
                if count == 1 or error.status not in (400, 422) or not _ONE.search(error.message):
                    raise self._explained(error, wanted) from None
                at_once = 1
                continue
            left = MAX_ANSWER
            for entry in self._entries(body)[:count]:
                made = await self._picture(entry, min(left, MAX_BYTES))
                left -= len(made.data)
                done.append(made)

    def _request(self, wanted: ImageRequest, count: int) -> "httpx.Request":
        said = fields(wanted, wanted.checkpoint or self._profile.model, count)
        if wanted.init_image is None:
            return self._client.build_request("POST", "images/generations", json=said)
        data, files = edit(said, wanted.init_image, wanted.mask)
        return self._client.build_request("POST", "images/edits", data=data, files=files)

    def _entries(self, body: bytearray) -> list[_Entry]:
        try:
            entries = msgspec.json.decode(body, type=_Answer).data
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError, RecursionError):
            raise BrokenStream(f"{self.upstream} sent what is no whole list of pictures") from None
        if not entries:
            raise BrokenStream(f"{self.upstream} sent no picture")
        return entries

    async def _picture(self, entry: _Entry, limit: int) -> Picture:
        prompt = _words(entry.revised_prompt)
        settings = {"prompt": prompt} if prompt else {}
        if (packed := entry.packed) is not None:
            return picture(from_base64(packed, self.upstream), self.upstream, settings=settings)
        if not (address := _words(entry.url)):
            raise BrokenStream(f"{self.upstream} sent no picture")
        request = self._request_for(address)
        try:
            data = bytes(await fetch(self._client, request, limit=limit))
        except ProviderError as error:
            hint = "The server keeps its pictures at that address; it may be out of reach from here."
            raise BrokenStream(
                f"a picture was made and cannot be fetched: {error.message}", hint=hint
            ) from error
        return picture(data, upstream(request.url), settings=settings)

    def _request_for(self, address: str) -> "httpx.Request":
        """A request for a picture at an address of the server's choosing.

        Nothing of the profile goes to another host; the key's own guard is in the transport.
        """
        import httpx

        home = self._client.base_url
        try:
            url = home.join(address)
            allowed = url.scheme in ("http", "https") and bool(url.host)
        except (httpx.InvalidURL, ValueError):
            allowed = False
        # Another's server has no business with what runs on this machine.
        if not allowed or (is_loopback(url.host) and not is_loopback(home.host)):
            raise BrokenStream(f"{self.upstream} sent a picture's address that is not followed")
        request = self._client.build_request("GET", url)
        if origin(url) != origin(home):
            for name in [name for name in request.headers if name not in _OURS]:
                del request.headers[name]
        return request

    def _explained(self, error: Refused, wanted: ImageRequest) -> Refused:
        if isinstance(error, NotFound) and wanted.init_image is not None:
            hint = "Not every such server can begin with a picture."
            return NotFound(error.message, hint=hint, status=error.status)
        return error


def _words(text: msgspec.Raw) -> str:
    """A text that was left in its JSON; empty if it is none, or longer than any that is meant."""
    try:
        return msgspec.json.decode(text, type=str) if len(memoryview(text)) <= _MAX_WORDS else ""
    except (msgspec.DecodeError, UnicodeError):
        return ""


PLUGIN = ImageProviderPlugin(
    name="openai-images",
    label="OpenAI's Images API, and who speaks it: LocalAI and others",
    factory=OpenAIImages,
    default_base_url="https://api.openai.com/v1",
    default_path="/v1",
    options={
        "quality": "low, medium, high, or what the model knows",
        "style": "vivid or natural, for models that know it",
        "background": "transparent or opaque, for models that know it",
        "output_format": "png, jpeg or webp, for models that know it",
        "moderation": "how strict the host is to be: auto or low",
        "response_format": "b64_json or url, for servers that would rather send the other",
        "user": "a name for you in the host's records",
    },
    seeds=False,
)
