"""pluma as a person or a script meets it: a process, its output, its files."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ptyprocess

from pluma_tui.core.chat import Message
from pluma_tui.storage.open import DATABASE
from pluma_tui.storage.sqlite import SqliteStore

PLUMA = (sys.executable, "-m", "pluma_tui")
DATABASE_FILE = Path("data") / DATABASE


@dataclass
class Done:
    """How it ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Standard output as one JSON object a line."""
        return [json.loads(line) for line in self.out.splitlines()]


class Program:
    """pluma in a home of its own; nothing of this machine's environment reaches it."""

    def __init__(self, home: Path, argv: tuple[str, ...] = PLUMA) -> None:
        self.home = home
        self.argv = argv
        self.config = home / "config.toml"
        self.env = {
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "PLUMA_CONFIG": str(self.config),
            "PLUMA_DATA_DIR": str(home / "data"),
        }

    def configure(self, url: str, *, name: str = "home", **settings: object) -> None:
        """A config file with this one profile; its key is in HOME_KEY."""
        rows = {"compat": "openai", "base_url": url, "model": "micro", **settings}
        lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in rows.items())
        if "api_key" not in settings:
            lines += 'api_key = { env = "HOME_KEY" }\n'
        self.config.write_text(f"[chat.profiles.{name}]\n{lines}")
        self.config.chmod(0o600)

    async def run(self, *args: str | bytes | Path, stdin: bytes | None = None, **env: str) -> Done:
        """Run it to its end. Without `stdin` its standard input is empty."""
        async with self.started(*args, stdin=stdin is not None, **env) as process:
            out, err = await process.communicate(stdin)
        code = process.returncode
        assert code is not None
        return Done(code, out.decode(), err.decode())

    @contextlib.asynccontextmanager
    async def started(
        self, *args: str | bytes | Path, stdin: bool = False, **env: str
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """The running process; killed at the end of the block if it has not ended."""
        pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *self.argv, *args, stdin=pipe if stdin else null, stdout=pipe, stderr=pipe, cwd=self.home,
            env={**self.env, **env},
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def on_terminal(self, *args: str, **env: str) -> tuple[int, bytes]:
        """Run it on a terminal of its own; its exit code and every byte that reached the terminal."""
        return await asyncio.to_thread(self._on_terminal, args, env)

    def _on_terminal(self, args: tuple[str, ...], env: dict[str, str]) -> tuple[int, bytes]:
        whole = {**self.env, "TERM": "xterm-256color", **env}
        child = ptyprocess.PtyProcess.spawn(
            [*self.argv, *args], env=whole, cwd=str(self.home), dimensions=(24, 200)
        )
        output = bytearray()
        with contextlib.suppress(EOFError):
            while True:
                output += child.read(65536)
        child.wait()
        return child.exitstatus if child.exitstatus is not None else -child.signalstatus, bytes(output)

    async def stored(self) -> list[Message]:
        """The messages of the conversation that was written last."""
        store = SqliteStore(self.home / DATABASE_FILE)
        try:
            return await store.path((await store.find("last")).id)
        finally:
            await store.close()

    def files(self) -> dict[str, bytes]:
        """All that it wrote, but for the config file."""
        found = (path for path in self.home.rglob("*") if path.is_file() and path != self.config)
        return {str(path.relative_to(self.home)): path.read_bytes() for path in found}
