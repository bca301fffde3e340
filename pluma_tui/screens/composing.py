"""What helps with writing: files to go with it, an outside editor, what was sent before, how much it is."""

import asyncio
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from textual.content import Content
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Static

from pluma_tui.core.errors import StoreError, UsageError
from pluma_tui.core.ids import new_id
from pluma_tui.core.text import clean, clean_line
from pluma_tui.files import atomic, editor, finding, mentions
from pluma_tui.files.paths import expanded, shown
from pluma_tui.runtime.wiring import Runtime
from pluma_tui.screens.commands import Command
from pluma_tui.screens.picker import Item, Picker
from pluma_tui.widgets.composer import Composer, Offer

OFFERED = 50  # files at once
FRESH = 10.0  # seconds for which a list of files is good
REMEMBERED = 500  # of what was sent
PAUSE = 0.3  # seconds between two looks at what is written
LARGE = 500  # tokens from which on their number is worth showing

_LONG = 60  # characters of a path that are shown


class Composing:
    """The composer's helpers on one screen; `facts` is the line that tells what goes with the words."""

    def __init__(self, screen: Screen[Any], runtime: Runtime, composer: Composer, facts: Static) -> None:
        self._screen = screen
        self._runtime = runtime
        self._composer = composer
        self._facts = facts
        self._told = ""
        self._timer: Timer | None = None
        self._listing: asyncio.Task[list[str]] | None = None
        self._listed = 0.0
        composer.files, composer.sent, composer.pasted = self.files, self.sent, _picture_named
        self.commands: dict[str, Command] = {"composer.editor": self.edit, "composer.search": self.search}

    async def files(self, query: str) -> list[Offer]:
        """Files that may be meant."""
        if finding.leads_out(query):
            names = await asyncio.to_thread(finding.beside, query)
        else:
            names = await self._names()
        found = await asyncio.to_thread(finding.best, names, query, OFFERED)
        return [_offer(name) for name in found if _harmless(name)]

    async def sent(self) -> Sequence[str]:
        """What was asked before, the newest first; nothing where that cannot be read."""
        try:
            return [clean(text) for text in await self._runtime.store.prompts(limit=REMEMBERED)]
        except StoreError:
            return []

    async def search(self, _: str = "") -> None:
        """Find what was sent before by typing; it takes the place of what is written."""
        texts = list(dict.fromkeys(await self.sent()))
        if not texts:
            raise UsageError("nothing was sent yet")
        items = [Item(str(number), text) for number, text in enumerate(texts)]
        chosen = await self._screen.app.push_screen_wait(Picker("Sent before", items))
        if chosen is not None:
            await self._composer.recall(texts[int(chosen)])

    async def edit(self, _: str = "") -> None:
        """Write on in the person's own editor. Raises UsageError, with the text where it was."""
        before = self._composer.written
        command = editor.command()
        file = self._runtime.data / "drafts" / f"message-{new_id()}.md"
        try:
            atomic.write(file, f"{before.whole}\n".encode())
            code = await self._run([*command, str(file)])
            text = file.read_text(encoding="utf-8", errors="replace").removesuffix("\n")
            file.unlink()
        except OSError as error:
            raise UsageError(f"{command[0]}: {error.strerror}; nothing was changed") from None
        if text.strip() and text != before.whole:
            self._composer.replace_all(text)
        elif code:
            raise UsageError(f"{command[0]} ended with an error ({code}); nothing was changed")

    def changed(self) -> None:
        """Something else is written: look soon what goes with it."""
        if self._timer is None:
            self._timer = self._screen.set_timer(PAUSE, self._look)

    async def _look(self) -> None:
        self._timer = None
        written = self._composer.written
        found = await asyncio.to_thread(_files_in, written.text) if "@" in written.text else []
        tokens = _estimate(len(written.whole.encode()) + sum(size for _, size in found))
        names = [f"+ {_short(shown(expanded(name)))}" for name, _ in found]
        told = "  ".join([*names, f"~{tokens:,} tokens"] if found or tokens >= LARGE else [])
        if told != self._told:
            self._told = told
            self._facts.display = bool(told)
            self._facts.update(Content(clean_line(told, 400)))

    async def _names(self) -> list[str]:
        """The files of the current folder, listed once for all who ask meanwhile."""
        if self._listing is None or time.monotonic() - self._listed > FRESH:
            self._listed = time.monotonic()
            self._listing = asyncio.create_task(asyncio.to_thread(finding.below, Path.cwd()))
        return await asyncio.shield(self._listing)

    async def _run(self, command: Sequence[str]) -> int:
        """Run a program on the whole terminal; answers go on meanwhile. Its exit code. Raises OSError."""
        code = 0
        async with self._runtime.secrets.terminal():
            # Ctrl+c in the editor is the editor's. A handler, for what is ignored would stay so in there.
            before = signal.signal(signal.SIGINT, lambda *_: None)
            try:
                code = await (await asyncio.create_subprocess_exec(*command)).wait()
            finally:
                signal.signal(signal.SIGINT, before)
        return code


def _offer(name: str) -> Offer:
    mention = mentions.mention(name)
    # Of a folder one goes on writing.
    return Offer(mention.removesuffix('"') if name.endswith("/") else f"{mention} ", name)


def _harmless(name: str) -> bool:
    """Whether a file's name may stand in the composer, and be read from there again."""
    return '"' not in name and clean_line(name, len(name)) == name


def _picture_named(pasted: str) -> str:
    """A picture that is dropped on the terminal comes as its path: it is to go with the message."""
    name = mentions.picture(pasted)
    return f"{mentions.mention(name)} " if name else pasted


def _files_in(text: str) -> list[tuple[str, int]]:
    """The files that a text names, with the bytes of each that may become tokens."""
    return [(name, _text_size(expanded(name))) for name in mentions.mentioned(text)]


def _text_size(path: Path) -> int:
    try:
        return 0 if path.suffix.lower() in mentions.PICTURES else path.stat().st_size
    except OSError:
        return 0


def _estimate(size: int) -> int:
    """Tokens for so many bytes of UTF-8: about four bytes each, in most scripts; two digits say enough."""
    tokens = size // 4
    unit: int = 10 ** max(0, len(str(tokens)) - 2)
    return tokens // unit * unit


def _short(path: str) -> str:
    """The end of a long path: it is what tells files apart."""
    return path if len(path) <= _LONG else f"…{path[1 - _LONG :]}"
