"""Servers on this machine's usual ports: asked all at once, for half a second, on loopback only.

A kind is told by what a server answers, never by its port: the port only says which question comes first.
What is asked, and what tells the kinds apart:

- ``/v1/models``: llama.cpp names itself in the ``Server`` header, whatever the answer is (a missing key, a
  model that is being loaded); vLLM, KoboldCpp, LM Studio and sd.cpp in ``owned_by``.
- ``/api/version``: Ollama's version. LM Studio answers what it does not know with 200 and an error.
- ``/v1/internal/model/info``: text-generation-webui. ``/version``: vLLM, where the rest wants a key.
- ``/system_stats``: ComfyUI. ``/sdapi/v1/options``: AUTOMATIC1111 and what is made in its image.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import httpx

TIME_LIMIT = 0.5  # seconds, for all that a port is asked
MAX_BODY = 64 * 1024
HOST = "127.0.0.1"
PORTS = (11434, 1234, 8080, 8000, 5000, 5001, 7860, 8188)
"""Ollama; LM Studio; llama.cpp and mlx_lm; vLLM; text-generation-webui; KoboldCpp; AUTOMATIC1111; ComfyUI."""
_IMAGES_FIRST = (7860, 8188)


@dataclass(frozen=True)
class Found:
    """A server that answered. `name` would do for a profile; `kind` is its `compat`, or its `kind`."""

    label: str
    name: str
    base_url: str
    section: Literal["chat", "images"] = "chat"
    kind: str = "openai"
    wants_key: bool = False
    flavour: str = ""

    @property
    def values(self) -> dict[str, Any]:
        """What a profile for it would hold."""
        chooser = "compat" if self.section == "chat" else "kind"
        options = {"options": {"flavour": self.flavour}} if self.flavour else {}
        return {chooser: self.kind, "base_url": self.base_url, **options}


@dataclass(frozen=True)
class _Reply:
    """What came to one question."""

    status: int
    server: str = ""
    document: dict[str, Any] = field(default_factory=dict)

    @property
    def owners(self) -> set[str]:
        """Whom a model list says its models are owned by."""
        entries = self.document.get("data")
        entries = entries if isinstance(entries, list) else []
        return {str(entry.get("owned_by", "")) for entry in entries if isinstance(entry, dict)}


class _NobodyError(Exception):
    """Nobody answers, or not in HTTP: there is nothing more to ask."""


_Ask = Callable[[str], Awaitable[_Reply]]
# A profile's name -> what people call the server, the provider for its own API, its flavour of OpenAI's.
_KNOWN = {
    "llamacpp": ("llama.cpp", "llamacpp", ""),
    "ollama": ("Ollama", "ollama", ""),
    "koboldcpp": ("KoboldCpp", "koboldcpp", ""),
    "lmstudio": ("LM Studio", "openai", "lmstudio"),
    "vllm": ("vLLM", "openai", "vllm"),
    "textgen": ("text-generation-webui", "openai", "textgen"),
    "mlx": ("mlx_lm", "openai", "mlx_lm"),
}
_OWNERS = {
    "llamacpp": "llamacpp",
    "vllm": "vllm",
    "koboldcpp": "koboldcpp",
    "organization_owner": "lmstudio",
}


async def discover(ports: Sequence[int] = PORTS) -> list[Found]:
    """The servers that answer on this machine now, one a port, in the order of the ports."""
    import httpx

    # An empty context: reading the authorities takes longer than all the questions together.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    headers = {"Accept-Encoding": "identity"}
    async with httpx.AsyncClient(
        timeout=TIME_LIMIT, trust_env=False, verify=context, headers=headers
    ) as client:
        answers = await asyncio.gather(*(_look(client, port) for port in ports))
    return _named_apart([found for found in answers if found is not None])


async def _look(client: "httpx.AsyncClient", port: int) -> Found | None:
    """What is known of the server at `port` when the time is over."""
    url = f"http://{HOST}:{port}"
    found: Found | None = None
    looks = _narrow(url, port, _asker(client, url))
    with suppress(TimeoutError, _NobodyError):
        async with asyncio.timeout(TIME_LIMIT), aclosing(looks):
            async for better in looks:
                found = better
    return found


async def _narrow(url: str, port: int, ask: _Ask) -> AsyncGenerator[Found, None]:
    """What the server may be, each time better known than before; one question after the other."""
    first, second = (_images, _chat) if port in _IMAGES_FIRST else (_chat, _images)
    for look in (first, second):
        known = False
        async with aclosing(look(url, ask)) as better:
            async for found in better:
                known = True
                yield found
        if known:
            return


async def _chat(url: str, ask: _Ask) -> AsyncGenerator[Found, None]:
    models = await ask("/v1/models")
    plain = Found("an OpenAI-compatible server", f"server-{url.rpartition(':')[2]}", url)
    if models.status == 401:
        plain = replace(plain, wants_key=True)
    if models.server.startswith("llama.cpp"):
        yield _known(plain, "llamacpp")
        return
    for owner, name in _OWNERS.items():
        if owner in models.owners:
            yield _known(plain, name)
            return
    if "sd-cpp-local" in str(models.document.get("data")):  # sd.cpp draws, and lists one model all the same
        return
    if listed := models.status == 200 and "data" in models.document:
        yield plain
    if name := await _by_other_answers(ask, models, listed=listed):
        yield _known(plain, name)


def _known(plain: Found, name: str) -> Found:
    label, kind, flavour = _KNOWN[name]
    return replace(plain, label=label, name=name, kind=kind, flavour=flavour)


async def _by_other_answers(ask: _Ask, models: _Reply, *, listed: bool) -> str:
    """The name of a server whose model list does not tell who it is; empty if nothing does."""
    if models.status == 401:
        return "vllm" if isinstance((await ask("/version")).document.get("version"), str) else ""
    version = await ask("/api/version")
    if "Unexpected endpoint" in str(version.document.get("error", "")):
        return "lmstudio"
    if not listed:
        return ""
    if isinstance(version.document.get("version"), str):
        return "ollama"
    if "model_name" in (await ask("/v1/internal/model/info")).document:
        return "textgen"
    return "mlx" if models.server.startswith("BaseHTTP") and models.owners <= {""} else ""


async def _images(url: str, ask: _Ask) -> AsyncGenerator[Found, None]:
    stats = await ask("/system_stats")
    system = stats.document.get("system")
    if isinstance(system, dict) and ("comfyui_version" in system or "devices" in stats.document):
        yield Found("ComfyUI", "comfy", url, "images", "comfy")
        return
    options = await ask("/sdapi/v1/options")
    found = Found("an A1111-compatible image server", "a1111", url, "images", "a1111")
    if options.status == 401 and options.document.get("error") == "HTTPException":
        yield replace(found, label="AUTOMATIC1111", wants_key=True)
    elif "forge_preset" in options.document:
        yield replace(found, label="Forge")
    elif "samples_save" in options.document:
        yield replace(found, label="AUTOMATIC1111")
    elif "sd_model_checkpoint" in options.document:
        yield found


def _asker(client: "httpx.AsyncClient", url: str) -> _Ask:
    """A function that asks the server at `url` for a path; raises _NobodyError if that fails."""
    from pluma_tui.transport.body import read_into
    from pluma_tui.transport.json import read_json
    from pluma_tui.transport.mapping import NETWORK_ERRORS

    async def ask(path: str) -> _Reply:
        body = bytearray()
        try:
            async with client.stream("GET", url + path) as response:
                await read_into(body, response, MAX_BODY)
        except NETWORK_ERRORS:
            raise _NobodyError from None
        server = response.headers.get("server", "")
        try:
            document = read_json(body)
        except ValueError:
            document = None
        return _Reply(response.status_code, server, document if isinstance(document, dict) else {})

    return ask


def _named_apart(servers: Sequence[Found]) -> list[Found]:
    """The servers, each with a name of its own: the second of a kind has its port in it."""
    taken: set[str] = set()
    apart = []
    for server in servers:
        name = (
            server.name if server.name not in taken else f"{server.name}-{server.base_url.rpartition(':')[2]}"
        )
        taken.add(name)
        apart.append(replace(server, name=name))
    return apart
