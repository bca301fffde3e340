"""The embedded server as pluma sees it: child processes that are started on first use and shared."""

import asyncio
import contextlib
import json
import os
import re
import secrets
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from weakref import WeakKeyDictionary

import msgspec

from pluma_tui.core.errors import ProviderError

_CHILD = Path(__file__).with_name("child.py")  # by its path: it needs nothing of this package
_LAST = 16 * 1024  # bytes of the child's log that are looked at for its last words
_LOADING_FAILED = re.compile(r"error loading model: (.+)")
_ERROR_LINE = re.compile(r"^[\d.]+ E (.+)", re.MULTILINE)
_REAPED_WITHIN = 1.0  # seconds between the end of a process's connections and its own


class Spec(msgspec.Struct, frozen=True):
    """What to run; questions with equal specs share a server. `context` is in tokens.

    `size` is the model file's, in bytes; `gpu_layers` None leaves the choice to llama.cpp.
    """

    name: str
    model: Path
    size: int
    context: int
    threads: int
    gpu_layers: int | None = None


class LocalServer:
    """One child process. `url` is its address once `start` is done; `key` opens it."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.key = secrets.token_urlsafe(32)
        self.url = ""
        self.users = 0
        self._process: asyncio.subprocess.Process | None = None
        self._starting: asyncio.Task[None] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as this, then vanishes)

    def start(self) -> "asyncio.Task[None]":
        """The task of starting, begun by the first call. Its result is None or a ProviderError.

        Who waits for it and leaves, leaves it running: the next question finds the model loaded.
        """
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
            self._starting.add_done_callback(_look_at)
        return self._starting

    @property
    def pid(self) -> int:
        """The child's process id; 0 before there is one."""
        return self._process.pid if self._process else 0

    @property
    def ended(self) -> bool:
        """Whether it is of no more use: it could not be started, or has died."""
        if self._starting is None or not self._starting.done():
            return False
        return not self.url or self._process is None or self._process.returncode is not None

    async def last_words(self) -> str:
        """Why the process ended, after waiting a moment for it; empty while it runs."""
        if self._process is None:
            return ""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_REAPED_WITHIN):
                await self._process.wait()
        code = self._process.returncode
        return "" if code is None else _why(code, self._tail())

    async def aclose(self) -> None:
        """End the process and wait for that. There is nothing in it to be saved."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait({self._starting})
        await self._end()
        self._log.close()

    async def _start(self) -> None:
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", str(_CHILD)),  # -P: nothing is imported from where we stand
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=self._log,
                start_new_session=True,  # out of reach of the terminal, its Ctrl+C and its hangup
            )
            self.url = await self._first_answer(self._process)
        except OSError as error:
            raise ProviderError(f"the embedded server cannot be started: {error.strerror}") from error
        finally:
            if not self.url:
                await self._end()

    async def _first_answer(self, process: asyncio.subprocess.Process) -> str:
        assert process.stdin is not None
        assert process.stdout is not None
        spec = self.spec
        settings = {
            "model": str(spec.model),
            "name": spec.name,
            "context": spec.context,
            "threads": spec.threads,
            "gpu_layers": spec.gpu_layers,
            "key": self.key,
            "parent": os.getpid(),
        }
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it died: its log says why
            process.stdin.write(json.dumps(settings).encode() + b"\n")
            await process.stdin.drain()
        line = await process.stdout.readline()
        if not line:
            why = _why(await process.wait(), self._tail())
            hint = "Is the file whole, and is there memory for it? A smaller context_size needs less."
            raise ProviderError(f"{spec.name} could not be loaded: {why}", hint=hint)
        return str(json.loads(line)["url"])

    async def _end(self) -> None:
        if (process := self._process) is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()

    def _tail(self) -> str:
        # pread: the child writes at this very file position.
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), _LAST, max(0, size - _LAST)).decode("utf-8", "replace")


class LocalServers:
    """The child processes of this program, by what they run."""

    def __init__(self) -> None:
        self._servers: dict[Spec, LocalServer] = {}

    @contextlib.asynccontextmanager
    async def lease(self, spec: Spec) -> AsyncIterator[LocalServer]:
        """A server for `spec`, running or being started (await its `start()`), that stays for the block.

        Others that nobody is using go first: two models rarely fit into the memory together.
        """
        server = self._servers.get(spec)
        if server is None or server.ended:
            server = self._servers[spec] = LocalServer(spec)
        server.users += 1
        try:
            await self._end_idle()
            server.start()
            yield server
        finally:
            server.users -= 1

    async def aclose(self) -> None:
        """End them all."""
        servers = list(self._servers.values())
        self._servers.clear()
        for server in servers:
            await server.aclose()

    async def _end_idle(self) -> None:
        for spec, server in list(self._servers.items()):
            if not server.users and self._servers.get(spec) is server:
                del self._servers[spec]
                await server.aclose()


# A child's pipes belong to one event loop. A loop that ends without `close_servers` takes its servers
# along: they go with their pipes.
_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, LocalServers] = WeakKeyDictionary()


def servers() -> LocalServers:
    """The servers of the running event loop: providers come and go, they stay."""
    return _of_loop.setdefault(asyncio.get_running_loop(), LocalServers())


async def close_servers() -> None:
    """End the servers of the running event loop."""
    if (running := _of_loop.pop(asyncio.get_running_loop(), None)) is not None:
        await running.aclose()


def _look_at(task: "asyncio.Task[None]") -> None:
    """A failure that nobody waited for is told to the next who asks, not to the terminal."""
    if not task.cancelled():
        task.exception()


def _why(code: int, log: str) -> str:
    """What a process that ended says of the reason, or the way in which it ended."""
    if code == -signal.SIGKILL:
        return "the system ended it, perhaps for want of memory"
    if found := _LOADING_FAILED.findall(log) or _ERROR_LINE.findall(log):
        return str(found[-1]).strip()
    if code < 0:
        return f"it crashed ({signal.Signals(-code).name})"
    return (log.strip().splitlines() or [f"it ended with code {code}"])[-1].strip()
