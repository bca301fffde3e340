"""The routes of an A1111 server, and which of the programs that have them it is.

Who has what is told by what they answer, never by a name somebody configured:
https://github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/API
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pluma_tui.core.errors import NotFound, ProviderError, Refused, Unauthorized
from pluma_tui.core.images import ServerInfo
from pluma_tui.imaging.fetch import ask_json, fetch, fetch_answer, within
from pluma_tui.transport.address import upstream

if TYPE_CHECKING:
    import httpx

A1111, FORGE, SD_NEXT = "A1111", "Forge", "SD.Next"
SD_CPP, KOBOLD = "stable-diffusion.cpp", "KoboldCpp"
_AUTH = "Servers started with --api-auth want auth in the profile: user:password, as a reference."
_MEMORY = "Ask for a smaller picture, or for fewer at a time; other programs may hold memory too."
_ROOT = "Was it started with --api? base_url is its root, without /sdapi."
_STUB = 8  # settings: the real ones have hundreds, those who imitate them two


class Server(NamedTuple):
    """Who answers, the checkpoint it has loaded, and whether it reads WebP."""

    info: ServerInfo
    checkpoint: str
    webp: bool = True

    @property
    def small(self) -> bool:
        """Whether it is one that imitates A1111 and leaves much out."""
        return self.info.name not in (A1111, FORGE, SD_NEXT)


class Api:
    """One server's routes, named from its root."""

    def __init__(self, client: "httpx.AsyncClient", timeout: float) -> None:
        self._client = client
        self.timeout = timeout
        self.upstream = upstream(client.base_url)
        self._root = self.upstream.removesuffix("/sdapi/v1")

    async def get(self, route: str) -> Any:
        """What a route answers. Raises ProviderError."""
        return await ask_json(self._client, f"{self._root}/{route}", timeout=self.timeout)

    async def post(self, route: str, body: Any) -> Any:
        """What a route answers to `body`. Raises ProviderError."""
        return await ask_json(self._client, f"{self._root}/{route}", timeout=self.timeout, post=body)

    async def tell(self, route: str, body: Any = None, *, seconds: float = 10.0) -> None:
        """Have a route do what it does; SD.Next answers that with 204 and nothing.

        `seconds` is how long it may take, 0 for any time. Raises ProviderError.
        """
        request = self._client.build_request("POST", f"{self._root}/{route}", json=body)
        async with within(seconds, self.upstream):
            await fetch(self._client, request, limit=1 << 16)

    async def draw(self, route: str, body: Any) -> bytearray:
        """The answer to a job, as it came. Without a limit of time. Raises ProviderError."""
        request = self._client.build_request("POST", f"{self._root}/{route}", json=body)
        return await fetch_answer(self._client, request)

    async def names(self, route: str, *keys: str) -> list[str]:
        """The names in a list, each by the first of `keys` that it has. Raises ProviderError."""
        return [name for name in (_name(entry, keys) for entry in await self.entries(route)) if name]

    async def entries(self, route: str) -> list[dict[str, Any]]:
        """The entries of a list that are objects. Raises ProviderError."""
        answer = await self.get(route)
        return [entry for entry in answer if isinstance(entry, dict)] if isinstance(answer, list) else []

    async def entries_if_any(self, route: str) -> list[dict[str, Any]] | None:
        """The same; None where the server has no such list or does not tell it."""
        try:
            return await self.entries(route)
        except ProviderError:
            return None

    async def settings(self) -> dict[str, Any]:
        """All settings: hundreds, or two from those who only imitate them. Raises ProviderError."""
        try:
            settings = await self.get("sdapi/v1/options")
        except Refused as error:
            raise await self.explained(error) from None
        if not isinstance(settings, dict):
            raise NotFound(f"{self.upstream} has no settings to tell: is it an A1111 server?")
        return settings

    async def identify(self, *, version: bool = False) -> Server:
        """Who answers; with `version` one more question may be asked. Raises ProviderError."""
        settings = await self.settings()
        checkpoint = settings.get("sd_model_checkpoint")
        told = {} if len(settings) > _STUB else await self._answers("sdcpp/v1/capabilities")
        info = ServerInfo(SD_CPP) if told else await self._info(settings, version=version)
        formats = told.get("output_formats")  # with WebP in it, it was built with what reads it, too
        webp = not isinstance(formats, list) or "webp" in formats
        return Server(info, checkpoint if isinstance(checkpoint, str) else "", webp)

    async def explained(self, error: Refused, sampler: str = "") -> Refused:
        """`error` with what helps: what is there, where it says that something is not.

        `sampler` is what was asked for, which the server does not repeat.
        """
        message, status = error.message, error.status
        if isinstance(error, Unauthorized):
            return Unauthorized(message, hint=_AUTH, status=status)
        if re.search(r"out ?of ?memory|bad_alloc", message, re.IGNORECASE):
            return Refused(message, hint=_MEMORY, status=status)
        if re.search(r"sampler not found", message, re.IGNORECASE):
            hint = await self._known("sdapi/v1/samplers", "name")
            return NotFound(f'it has no sampler "{sampler}": {message}', hint=hint, status=status)
        if re.search(r"model '.*' not found", message):
            hint = await self._known("sdapi/v1/sd-models", "title")
            return NotFound(message, hint=hint, status=status)
        return NotFound(message, hint=_ROOT, status=status) if isinstance(error, NotFound) else error

    async def _known(self, route: str, key: str) -> str:
        return known([str(entry.get(key)) for entry in await self.entries_if_any(route) or ()])

    async def _info(self, settings: dict[str, Any], *, version: bool) -> ServerInfo:
        if "forge_preset" in settings:
            return ServerInfo(FORGE)
        if len(settings) > _STUB:
            return await self._sd_next() if version else ServerInfo(A1111)
        kobold = await self._answers("api/extra/version")
        if kobold.get("result") == KOBOLD:
            return ServerInfo(KOBOLD, str(kobold.get("version") or ""))
        return ServerInfo("an A1111-like server")

    async def _sd_next(self) -> ServerInfo:
        told = await self._answers("sdapi/v1/version")
        if not told.get("app"):
            return ServerInfo(A1111, str(told.get("version") or ""))
        return ServerInfo(SD_NEXT, str(told.get("updated") or told.get("commit") or ""))

    async def _answers(self, route: str) -> dict[str, Any]:
        try:
            answer = await self.get(route)
        except ProviderError:
            return {}
        return answer if isinstance(answer, dict) else {}


def missing(error: Refused) -> bool:
    """Whether the server has no such route; one with a web page at its root may say 405."""
    return error.status in (404, 405, 501)


def known(names: Sequence[str], *, most: int = 40) -> str:
    """What exists, in one line; empty for nothing."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"It has: {', '.join(names[:most])}{more}." if names else ""


def _name(entry: dict[str, Any], keys: tuple[str, ...]) -> str:
    return next((entry[key] for key in keys if entry.get(key) and isinstance(entry[key], str)), "")
