"""Servers on this machine's usual ports: asked all at once, for half a second, on loopback only."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

TIME_LIMIT = 0.5  # seconds
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Probe:
    """A question that tells one kind of server: `path` answers with a 200 and `needle` in its body."""

    label: str
    port: int
    path: str
    needle: str
    name: str


# The first probe of a port that answers names the server; the plain model list is the catch-all.
PROBES = (
    Probe("Ollama", 11434, "/api/version", '"version"', "ollama"),
    Probe("LM Studio", 1234, "/v1/models", '"data"', "lmstudio"),
    Probe("llama.cpp", 8080, "/props", '"default_generation_settings"', "llamacpp"),
    Probe("an OpenAI-compatible server", 8080, "/v1/models", '"data"', "server-8080"),
    Probe("vLLM", 8000, "/v1/models", '"data"', "vllm"),
    Probe("text-generation-webui", 5000, "/v1/models", '"data"', "textgen"),
    Probe("KoboldCpp", 5001, "/v1/models", '"data"', "koboldcpp"),
)


@dataclass(frozen=True)
class Found:
    """A server that answered. `name` would do for a profile."""

    label: str
    name: str
    base_url: str


async def discover(probes: tuple[Probe, ...] = PROBES) -> list[Found]:
    """The chat servers that answer on this machine now, one a port."""
    import httpx

    async with httpx.AsyncClient(timeout=TIME_LIMIT, trust_env=False) as client:
        answers = await asyncio.gather(*(_ask(client, probe) for probe in probes))
    found: dict[int, Found] = {}
    for probe, answered in zip(probes, answers, strict=True):
        if answered and probe.port not in found:
            found[probe.port] = Found(probe.label, probe.name, f"http://{HOST}:{probe.port}")
    return list(found.values())


async def _ask(client: "httpx.AsyncClient", probe: Probe) -> bool:
    import httpx

    try:
        async with asyncio.timeout(TIME_LIMIT):
            response = await client.get(f"http://{HOST}:{probe.port}{probe.path}")
    except (httpx.HTTPError, TimeoutError):
        return False
    return response.status_code == httpx.codes.OK and probe.needle in response.text[:65536]
