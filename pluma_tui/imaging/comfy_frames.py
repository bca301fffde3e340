"""ComfyUI's websocket frames, for one job: https://docs.comfy.org/development/comfyui-server/comms_messages

Frames of others come along (jobs that were sent without a client id are told to everybody), and a preview may
say nothing of whose it is: it counts only while the own job runs.
"""

import json
import struct
import time
from collections.abc import Callable
from typing import Any

from pluma_tui.core.errors import BrokenStream
from pluma_tui.core.images import Preview, Progress
from pluma_tui.imaging.sniff import picture
from pluma_tui.transport.json import read_json

FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
"""The first message of a client that wants previews to say whose they are."""
_PREVIEW, _PREVIEW_WITH_METADATA = 1, 4
_ENDINGS = ("execution_success", "execution_error", "execution_interrupted")


class Frames:
    """Reads frames. They told of the own job: is it `running`, is it `over`, has a node `made` files.

    `cached` are the nodes that were not run.
    """

    def __init__(self, prompt_id: str, where: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.prompt_id = prompt_id
        self.running = False
        self.over = False
        self.made = False
        self.cached: set[str] = set()
        self._where = where
        self._clock = clock
        self._node = ""
        self._step = -1
        self._began = (0, 0.0)

    def read(self, frame: str | bytes) -> Progress | Preview | None:
        """What a frame tells; None if nothing, or nothing of the own job. Whatever a server sends."""
        if isinstance(frame, bytes):
            return self._binary(frame)
        try:
            message = read_json(frame)
        except ValueError:
            return None
        data = message.get("data") if isinstance(message, dict) else None
        return self._message(str(message.get("type")), data) if isinstance(data, dict) else None

    def _message(self, kind: str, data: dict[str, Any]) -> Progress | None:
        whose = data.get("prompt_id")
        if whose != self.prompt_id:
            # After a reconnection the server tells which node runs, but not of whose job: it is ours, for it
            # tells only who sent the job.
            if kind == "executing" and whose is None and data.get("node") is not None:
                self.running = not self.over
            elif whose is not None:
                self.running = False
            return None
        if kind in _ENDINGS or (kind == "executing" and data.get("node") is None):
            self.over, self.running = True, False
            return None
        self.running = not self.over
        if kind == "execution_cached" and isinstance(data.get("nodes"), list):
            self.cached = {str(node) for node in data["nodes"]}
        self.made = self.made or (kind == "executed" and bool(data.get("output")))
        if kind == "progress":
            return self._progress(str(data.get("node")), data.get("value"), data.get("max"))
        if kind == "progress_state":
            return self._state(data.get("nodes"))
        return None

    def _state(self, nodes: Any) -> Progress | None:
        """The node that is in the middle of its steps; one with a single step has no middle."""
        for node, state in nodes.items() if isinstance(nodes, dict) else ():
            if isinstance(state, dict) and state.get("state") == "running":
                value, steps = state.get("value"), state.get("max")
                if isinstance(steps, int | float) and steps > 1:
                    return self._progress(str(node), value, steps)
        return None

    def _progress(self, node: str, value: Any, steps: Any) -> Progress | None:
        if not isinstance(value, int | float) or not isinstance(steps, int | float) or steps < 1:
            return None
        step, now = int(value), self._clock()
        if node != self._node or step < self._step:
            self._node, self._began = node, (step, now)
        elif step == self._step:
            return None  # both kinds of frame tell the same
        self._step = step
        first, began = self._began
        done = step - first
        eta = (now - began) / done * (int(steps) - step) if done > 0 else None
        return Progress(step, int(steps), eta)

    def _binary(self, frame: bytes) -> Preview | None:
        if len(frame) < 8:
            return None
        kind, second = struct.unpack_from(">II", frame)
        if kind == _PREVIEW and self.running:
            return self._preview(frame[8:])
        if kind == _PREVIEW_WITH_METADATA:
            try:
                about = read_json(frame[8 : 8 + second])
            except ValueError:
                return None
            if isinstance(about, dict) and about.get("prompt_id") == self.prompt_id and not self.over:
                return self._preview(frame[8 + second :])
        return None

    def _preview(self, data: bytes) -> Preview | None:
        try:
            return Preview(picture(data, self._where))
        except BrokenStream:
            return None  # a preview that cannot be shown is no loss
