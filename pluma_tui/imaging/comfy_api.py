"""ComfyUI's routes, as much of them as pluma needs: https://docs.comfy.org/development/comfyui-server/comms_routes

Every call raises ProviderError. Answers are read with care: plugins change them, and versions differ.
"""

import asyncio
import json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import httpx

from pluma_tui.core.errors import BrokenStream, NotFound, TimedOut
from pluma_tui.core.images import Picture
from pluma_tui.imaging.comfy_errors import prompt_refused
from pluma_tui.imaging.comfy_nodes import Described, listed
from pluma_tui.imaging.fetch import BUSY
from pluma_tui.imaging.sniff import MAX_BYTES, extension, picture, sniff
from pluma_tui.imaging.workflow import Graph
from pluma_tui.transport.address import upstream
from pluma_tui.transport.body import MAX_BODY, read_into
from pluma_tui.transport.exchange import deadline_at, exchange, get_json, read_body
from pluma_tui.transport.json import read_json
from pluma_tui.transport.mapping import mapped

if TYPE_CHECKING:
    from pluma_tui.imaging.comfy_history import Output

MAX_JOB = 2 * MAX_BYTES
"""Bytes of all pictures of one job."""
THERE = "The server keeps what it made in its own output folder."


class Queue(NamedTuple):
    """Who is being served: ids of the running job and of those that wait, the next one first."""

    running: tuple[str, ...]
    pending: tuple[str, ...]
    clients: dict[str, str]

    def position(self, prompt_id: str) -> int | None:
        """How many jobs come before this one; None if it is not there."""
        try:
            return (self.running + self.pending).index(prompt_id)
        except ValueError:
            return None

    def of_client(self, client_id: str) -> list[str]:
        """The jobs that a client has sent."""
        return [prompt for prompt, client in self.clients.items() if client == client_id]


class Submitted(NamedTuple):
    """An accepted job; `node_errors` tells of branches that are left out."""

    prompt_id: str
    node_errors: dict[str, Any]


class ComfyApi:
    """The routes of one server; `timeout` is for each answer, in seconds."""

    def __init__(self, client: httpx.AsyncClient, timeout: float) -> None:
        self.client = client
        self._timeout = timeout
        self.where = upstream(client.base_url)

    async def get(self, url: str) -> Any:
        """The JSON document there."""
        return await get_json(self.client, url, timeout=self._timeout, hint=BUSY)

    async def post(self, url: str, body: Any) -> None:
        """Tell the server something; what it answers, if anything, does not matter."""
        request = self.client.build_request("POST", url, json=body)
        async with exchange(self.client, request, deadline=self._deadline(), hint=BUSY):
            pass

    async def submit(self, body: dict[str, Any], graph: Graph) -> Submitted:
        """Queue a job. Raises JobFailed, with the nodes at fault, for a graph that the server refuses."""
        # Escaped, so that half of a surrogate pair in a prompt arrives as it is.
        content = json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        request = self.client.build_request("POST", "prompt", content=content, headers=headers)
        answer = bytearray()
        late = TimedOut(f"{self.where} has not said in time whether it takes the job", hint=BUSY)
        async with deadline_at(self._deadline(), late):
            with mapped(self.where):
                response = await self.client.send(request, stream=True)
            try:
                with mapped(self.where, begun=True):
                    await read_into(answer, response, MAX_BODY)
            finally:
                await response.aclose()
        if not response.is_success:
            raise prompt_refused(response, bytes(answer), graph)
        document = _read(answer, self.where)
        prompt_id, errors = document.get("prompt_id"), document.get("node_errors")
        if not isinstance(prompt_id, str):
            raise BrokenStream(f"{self.where} has not said which job it took")
        return Submitted(prompt_id, errors if isinstance(errors, dict) else {})

    async def queue(self) -> Queue:
        """Who is being served now."""
        document = await self.get("queue")
        parts = [
            document.get(name) if isinstance(document, dict) else None
            for name in ("queue_running", "queue_pending")
        ]
        running, pending = (_items(part) for part in parts)
        # The server tells those that wait as they lie in its heap.
        pending.sort(key=lambda item: item[0])
        clients = {prompt: client for _, prompt, client in running + pending}
        return Queue(tuple(item[1] for item in running), tuple(item[1] for item in pending), clients)

    async def history(self, prompt_id: str) -> dict[str, Any] | None:
        """What became of a job; None as long as it has not ended, and for one that is not known."""
        document = await self.get(f"history/{prompt_id}")
        entry = document.get(prompt_id) if isinstance(document, dict) else None
        return entry if isinstance(entry, dict) else None

    async def node(self, node_class: str) -> Described | None:
        """How the server describes a class of nodes; None if it does not know it."""
        document = await self.get(f"object_info/{quote(node_class, safe='')}")
        found = document.get(node_class) if isinstance(document, dict) else None
        return found if isinstance(found, dict) else None

    async def choices(self, node_class: str, input_name: str) -> list[str]:
        """What the server offers for an input; empty where it does not know the node."""
        return [str(option) for option in listed(await self.node(node_class), input_name) or ()]

    async def models(self, folder: str, node_class: str, input_name: str) -> list[str]:
        """The files of a folder of models; older servers only tell them as the choices of a node."""
        try:
            names = await self.get(f"models/{folder}")
        except NotFound:
            return await self.choices(node_class, input_name)
        return [str(name) for name in names] if isinstance(names, list) else []

    async def upload(self, data: bytes, name: str) -> str:
        """Bring a picture to the server; returns what it is called there, which may be another name."""
        shape = sniff(data)
        media_type = shape.media_type if shape else "application/octet-stream"
        file = (f"{name}{extension(media_type)}", data, media_type)
        request = self.client.build_request(
            "POST", "upload/image", files={"image": file}, data={"type": "input"}
        )
        document = _read(await self._answer(request, MAX_BODY), self.where)
        if not isinstance(document.get("name"), str):
            raise BrokenStream(f"{self.where} has not said what it calls the picture")
        folder = document.get("subfolder")
        return f"{folder}/{document['name']}" if folder else str(document["name"])

    async def view(self, output: "Output", *, most: int = MAX_BYTES, **what: Any) -> Picture:
        """A picture that a job made, its bytes unchanged, if there are no more than `most` of them.

        `what` is the picture's seed and settings.
        """
        params = {"filename": output.filename, "subfolder": output.subfolder, "type": output.type}
        request = self.client.build_request("GET", "view", params=params)
        data = await self._answer(request, most + 1)
        if len(data) > most:
            limits = f"at most {MAX_BYTES >> 20} MB for a picture, and {MAX_JOB >> 20} MB for a job"
            raise BrokenStream(f"{self.where} sent more than there is room for: {limits}", hint=THERE)
        return picture(bytes(data), self.where, **what)

    async def _answer(self, request: httpx.Request, limit: int) -> bytearray:
        deadline = self._deadline()
        async with exchange(self.client, request, deadline=deadline, hint=BUSY) as response:
            return await read_body(response, deadline=deadline, limit=limit)

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._timeout


def _read(data: bytearray, where: str) -> dict[str, Any]:
    try:
        document = read_json(data)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise BrokenStream(f"{where} sent what is no whole JSON document")
    return document


def _items(part: Any) -> list[tuple[float, str, str]]:
    """Number, prompt id and client id of each job in a part of the queue."""
    found = []
    for item in part if isinstance(part, list) else []:
        if isinstance(item, list) and len(item) > 1 and isinstance(item[1], str):
            extra = item[3] if len(item) > 3 and isinstance(item[3], dict) else {}
            number = item[0] if isinstance(item[0], int | float) else 0
            found.append((number, item[1], str(extra.get("client_id") or "")))
    return found
