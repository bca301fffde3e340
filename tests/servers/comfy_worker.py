"""The part of a scripted ComfyUI that runs its jobs."""

import asyncio
import hashlib
import json
from typing import Any

from tests.imaging.pictures import png
from tests.servers.comfy_state import ComfyState, Queued
from tests.servers.comfy_strict import Json

_SAMPLERS = ("KSampler", "KSamplerAdvanced")


class _Interrupted(Exception):
    pass


class Worker:
    """Runs the jobs of a server, one at a time. Each draws the same small pictures."""

    def __init__(self, state: ComfyState) -> None:
        self._state = state
        self._cache: dict[str, Json] = {}
        self._count = 0

    async def work(self) -> None:
        """Run jobs, for ever."""
        while True:
            async with self._state.changed:
                await self._state.changed.wait_for(lambda: bool(self._state.pending))
            self._state.pending.sort(key=lambda job: job.number)
            job = self._state.running = self._state.pending.pop(0)
            self._state.interrupted.clear()
            await self._run(job)
            self._state.running, self._state.at = None, ""
            await self._state.status()
            await self._state.send(job, "executing", {"node": None})
            await self._state.tell_change()

    async def _run(self, job: Queued) -> None:
        await self._state.status()
        messages: list[Any] = []
        outputs: Json = {}

        async def milestone(kind: str, **data: Any) -> None:
            messages.append([kind, {"prompt_id": job.id, **data}])
            await self._state.send(job, kind, data)

        await milestone("execution_start")
        await self._state.tell_change()
        key = hashlib.sha256(json.dumps(job.prompt, sort_keys=True).encode()).hexdigest()
        cached = self._cache.get(key)
        await milestone("execution_cached", nodes=list(job.prompt) if cached else [])
        ending = {"status_str": "success", "completed": True}
        node = ""
        try:
            for node in [] if cached else _order(job.prompt, job.outputs):
                if node in job.outputs:
                    outputs[node] = self._draw(job.prompt, node)
                await self._node(job, node, outputs)
            for node, output in (cached or {}).items():
                await self._state.send(job, "executed", {"node": node, "output": output})
            outputs = outputs or dict(cached or {})
            self._cache[key] = outputs
            await milestone("execution_success")
        except _Interrupted:
            ending = {"status_str": "error", "completed": False}
            await milestone(
                "execution_interrupted", node_id=node, node_type=job.prompt[node]["class_type"], executed=[]
            )
        except ArithmeticError:
            ending = {"status_str": "error", "completed": False}
            kind, words = (
                "RuntimeError",
                "Argument #4: Padding size should be less than the input dimension\n",
            )
            if self._state.out_of_memory:
                kind, words = "torch.OutOfMemoryError", "Allocation on device\n"
            await milestone(
                "execution_error", node_id=node, node_type=job.prompt[node]["class_type"], executed=[],
                exception_message=words, exception_type=kind, traceback=["..."], current_inputs={},
            )  # fmt: skip
            outputs.pop(node, None)
        status = {**ending, "messages": messages}
        self._state.history[job.id] = {"prompt": job.item(), "outputs": outputs, "status": status, "meta": {}}

    async def _node(self, job: Queued, node: str, outputs: Json) -> None:
        content = job.prompt[node]
        self._state.at = node
        await self._state.tell_change()
        state = {"node_id": node, "prompt_id": job.id, "state": "running", "value": 0.0, "max": 1.0}
        await self._state.send(job, "progress_state", {"nodes": {node: state}}, everybody=not job.client)
        await self._state.send(job, "executing", {"node": node, "display_node": node})
        if content["class_type"] == self._state.fail_at:
            raise ArithmeticError
        steps = int(content["inputs"]["steps"]) if content["class_type"] in _SAMPLERS else 0
        for step in range(1, steps + 1):
            await self._step()
            progress = {"value": step, "max": steps, "node": node}
            await self._state.send(job, "progress", progress, everybody=not job.client)
            await self._state.preview(job)
        if node in outputs:
            await self._state.send(
                job, "executed", {"node": node, "display_node": node, "output": outputs[node]}
            )

    async def _step(self) -> None:
        """Wait while held; an interrupt is seen only here, between two steps."""
        waiting = [asyncio.ensure_future(event.wait()) for event in (self._state.go, self._state.interrupted)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if self._state.interrupted.is_set():
            raise _Interrupted

    def _draw(self, prompt: Json, node: str) -> Json:
        """The files of an output node: as many as the batch has."""
        kind = "temp" if prompt[node]["class_type"] == "PreviewImage" else "output"
        folder, _, prefix = str(prompt[node]["inputs"].get("filename_prefix", "ComfyUI_temp")).rpartition("/")
        sizes = [
            int(content["inputs"].get(name, 1))
            for content in prompt.values()
            for name in ("batch_size", "amount")
        ]
        images = []
        for _ in range(max(sizes, default=1)):
            self._count += 1
            name = self._state.called or f"{prefix}_{self._count:05}_.png"
            text = json.dumps(prompt)
            self._state.files[kind, folder, name] = png(8, 8, prompt=text, file=f"{kind} {name}")
            images.append({"filename": name, "subfolder": folder, "type": kind})
        return {"images": images}


def _order(prompt: Json, outputs: list[str]) -> list[str]:
    """The nodes that are needed, each after those it is linked to."""
    done: list[str] = []

    def visit(node: str) -> None:
        if node not in done:
            for value in prompt[node]["inputs"].values():
                if isinstance(value, list):
                    visit(value[0])
            done.append(node)

    for node in outputs:
        visit(node)
    return done
