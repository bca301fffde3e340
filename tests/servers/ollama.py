"""A scripted Ollama, as strict as the real one, after its API reference and its server/routes.go.

https://docs.ollama.com/api
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.conftest import DATA
from tests.servers import ollama_strict as strict
from tests.servers.http import Answer, serving
from tests.servers.replay import Request, answer

_USUAL_CONTEXT = 4096
_ROUTES = {
    "/api/chat": ("POST", strict.CHAT),
    "/api/generate": ("POST", strict.GENERATE),
    "/api/show": ("POST", strict.SHOW),
    "/api/pull": ("POST", strict.PULL),
    "/api/delete": ("DELETE", strict.DELETE),
    "/api/tags": ("GET", None),
    "/api/ps": ("GET", None),
}


@dataclass(frozen=True)
class Model:
    """A model on the server's disk. `says` is what it answers, a file of the test data."""

    says: str = "text"
    capabilities: tuple[str, ...] = ("completion",)
    context: int = 131072
    num_ctx: int = 0
    size: int = 3825819519
    family: str = "llama"
    parameters: str = "8.0B"
    remote_host: str = ""


@dataclass
class OllamaServer:
    """`loaded`: names of models in memory, with their contexts. Loading one waits for `may_load`.

    `library`: what can be pulled. `missing`: routes that this version does not have.
    """

    models: dict[str, Model] = field(default_factory=dict)
    library: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    loaded: dict[str, int] = field(default_factory=dict)
    may_load: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""
    requests: list[Request] = field(default_factory=list)

    def bodies(self, path: str) -> list[Any]:
        """What was sent to a route, in order."""
        return [request.json for request in self.requests if request.path == path]

    async def answer(self, request: Request) -> Answer:
        """What is answered to a request."""
        self.requests.append(request)
        method, struct = _ROUTES.get(request.path, ("", None))
        if not method or request.path in self.missing:
            return answer("404 page not found", status=404, kind="text/plain")
        if request.method != method:
            return answer("405 method not allowed", status=405, kind="text/plain")
        if struct is None:
            return 200, {"models": self._tags() if request.path == "/api/tags" else self._ps()}
        try:
            body = request.json
        except ValueError:
            return _no(400, "invalid character" if request.body else "missing request body")
        if why := strict.wrong(body, struct):
            return _no(400, why)
        does: dict[str, Callable[[Any], Any]] = {
            "/api/chat": self._chat,
            "/api/generate": self._generate,
            "/api/show": self._show,
            "/api/pull": self._pull,
            "/api/delete": self._delete,
        }
        told: Answer = await does[request.path](body)
        return told

    async def _chat(self, body: Any) -> Answer:
        if not body.get("model"):
            return _no(400, "model is required")
        name, model = self._find(body["model"])
        if model is None:
            return _not_found(body)
        if body.get("think") and "thinking" not in model.capabilities:
            return _no(400, f'"{body["model"]}" does not support thinking')
        if "completion" not in model.capabilities:
            return _no(400, f'"{body["model"]}" does not support chat')
        if body.get("tools") and "tools" not in model.capabilities:
            return _no(400, f"registry.ollama.ai/library/{name} does not support tools")
        if why := await self._load(name, body):
            return _no(500, why)
        data = (DATA / "chat" / f"synthetic-ollama-{model.says}.ndjson").read_bytes()
        return answer(data, kind="application/x-ndjson")

    async def _generate(self, body: Any) -> Answer:
        name, model = self._find(body.get("model") or "")
        if model is None:
            return _not_found(body)
        said = {"model": body["model"], "created_at": "2025-10-17T23:14:07.4Z", "response": "", "done": True}
        assert not body.get("prompt"), "this server only loads and unloads here"
        if body.get("keep_alive") == 0:
            self.loaded.pop(name, None)
            return 200, {**said, "done_reason": "unload"}
        if "completion" not in model.capabilities:
            return _no(400, f'"{body["model"]}" does not support generate')
        if why := await self._load(name, body):
            return _no(500, why)
        return 200, {**said, "done_reason": "load"}

    async def _show(self, body: Any) -> Answer:
        if not body.get("model"):
            return _no(400, "model is required")
        _, model = self._find(body["model"])
        if model is None:
            return _not_found(body)
        parameters = ['stop                           "<|eot_id|>"']
        parameters += [f"num_ctx                        {model.num_ctx}"] if model.num_ctx else []
        return 200, {
            "parameters": "\n".join(parameters),
            "capabilities": list(model.capabilities),
            "modified_at": "2025-08-14T15:49:43.634137516-07:00",
            "details": _details(model),
            "model_info": {
                "general.architecture": model.family,
                f"{model.family}.context_length": model.context,
                f"{model.family}.vision.block_count": 16,
                "tokenizer.ggml.tokens": None,
            },
        }

    async def _pull(self, body: Any) -> Answer:
        data = (DATA / "chat" / "synthetic-ollama-pull.ndjson").read_bytes()
        if not body.get("model"):
            return _no(400, "invalid model name")
        if body["model"] not in self.library:
            refused = json.dumps({"error": "pull model manifest: file does not exist"}).encode()
            data = data.partition(b"\n")[0] + b"\n" + refused + b"\n"
        else:
            self.models[_full(body["model"])] = Model()
        return answer(data, kind="application/x-ndjson")

    async def _delete(self, body: Any) -> Answer:
        name, model = self._find(body.get("model") or "")
        if model is None:
            return _not_found(body)
        del self.models[name]
        return 200, None

    async def _load(self, name: str, body: Any) -> str | None:
        if why := strict.wrong_option(body.get("options")):
            return why
        await self.may_load.wait()
        usual = self.models[name].num_ctx or _USUAL_CONTEXT
        self.loaded[name] = (body.get("options") or {}).get("num_ctx", usual)
        return None

    def _find(self, name: str) -> tuple[str, Model | None]:
        return _full(name), self.models.get(_full(name))

    def _tags(self) -> list[Any]:
        return [_listed(name, model) for name, model in self.models.items()]

    def _ps(self) -> list[Any]:
        return [
            {**_listed(name, self.models[name]), "size_vram": 0, "context_length": context}
            for name, context in self.loaded.items()
        ]


def _full(name: str) -> str:
    return name if ":" in name else f"{name}:latest"


def _listed(name: str, model: Model) -> Any:
    remote = {"remote_model": name, "remote_host": model.remote_host} if model.remote_host else {}
    return {"name": name, "model": name, **remote, "size": model.size, "details": _details(model)}


def _details(model: Model) -> Any:
    return {
        "format": "gguf",
        "family": model.family,
        "families": [model.family],
        "parameter_size": model.parameters,
        "quantization_level": "Q4_K_M",
    }


def _no(status: int, why: str) -> Answer:
    return status, {"error": why}


def _not_found(body: Any) -> Answer:
    return _no(404, f"model '{body.get('model', '')}' not found")


@asynccontextmanager
async def ollama_server(*, busy: bool = False, **settings: Any) -> AsyncIterator[OllamaServer]:
    """Serve on a free loopback port. `busy`: models are loaded only when `may_load` is set."""
    server = OllamaServer(**settings)
    if not busy:
        server.may_load.set()
    async with serving(server.answer) as server.url:
        yield server
