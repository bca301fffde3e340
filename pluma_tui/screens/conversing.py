"""Commands about the whole conversation: its system prompt, a copy of it, its last answer, its tokens."""

import asyncio
import re
from pathlib import Path
from typing import Any

from textual.screen import Screen

from pluma_tui.core.chat import Conversation
from pluma_tui.core.errors import UsageError
from pluma_tui.core.text import clean_line
from pluma_tui.core.written import Written
from pluma_tui.files import fresh, mentions
from pluma_tui.files.paths import expanded, shown
from pluma_tui.runtime.chat import OpenChat
from pluma_tui.runtime.wiring import Runtime
from pluma_tui.screens.commands import Command
from pluma_tui.screens.page import Page
from pluma_tui.widgets.composer import Composer

_TRIES = 1000  # names for a file that is not named


class Conversing:
    """Carries them out for one conversation."""

    def __init__(
        self, screen: Screen[Any], runtime: Runtime, chat: OpenChat, page: Page, composer: Composer
    ) -> None:
        self._screen = screen
        self._runtime = runtime
        self._chat = chat
        self._page = page
        self._composer = composer
        self.commands: dict[str, Command] = {
            "system.set": self.system,
            "chat.export": self.export,
            "chat.copy": self.copy,
            "chat.count": self.count,
        }

    async def system(self, text: str = "") -> None:
        """Another system prompt from the next question on; without a text, tell the present one."""
        if text:
            self._chat.prompt = text
            self._page.note(f"From the next question on, the system prompt is:\n\n{text}")
        else:
            present = await self._chat.system()
            self._page.note(
                f"The system prompt is:\n\n{present}" if present else "There is no system prompt."
            )

    async def export(self, name: str = "") -> None:
        """Write what is read here to a new file: the whole tree as JSON if it is called so, else Markdown.

        Raises UsageError, StoreError.
        """
        if self._chat.conversation is None:
            raise UsageError("there is nothing to export yet")
        conversation = await self._runtime.store.find(self._chat.conversation.id)
        path = self._written(name, conversation, await self._text(name, conversation))
        self._page.note(f"Written to {shown(path)}.")

    async def copy(self, _: str = "") -> None:
        """Copy the last answer. Raises UsageError, StoreError."""
        answers = [one.text for one in await self._chat.said() if one.role == "assistant" and one.text]
        if not answers:
            raise UsageError("there is no answer to copy yet")
        self._screen.app.copy_to_clipboard(answers[-1])
        self._screen.notify("The last answer was given to the terminal's clipboard.", timeout=3)

    async def count(self, text: str = "") -> None:
        """Have the server count what the next question would send: `text`, else what is written.

        Raises UsageError where it cannot, ConfigError, StoreError, ProviderError.
        """
        written = Written(text) if text else self._composer.written
        parts = await asyncio.to_thread(mentions.read, written.text)
        tokens = await self._chat.count(written.whole, parts)
        if tokens is None:
            raise UsageError("this server counts no tokens", hint="About four bytes of a text are one.")
        self._page.note(f"The next question would send {tokens:,} tokens, all before it too.")

    async def _text(self, name: str, conversation: Conversation) -> bytes:
        if name.endswith(".json"):
            from pluma_tui.storage import jsontext
            from pluma_tui.storage.export import document

            return jsontext.dumps(document(conversation, await self._runtime.store.tree(conversation.id)))
        from pluma_tui.storage.markdown import markdown

        return markdown(conversation, await self._chat.said()).encode("utf-8", "replace")

    def _written(self, name: str, conversation: Conversation, data: bytes) -> Path:
        """The file under the name that was asked for, else after its title, with a number if need be."""
        slug = re.sub(r"\W+", "-", clean_line(conversation.title).lower()).strip("-")[:60] or "conversation"
        names = [name] if name else [f"{slug}.md", *(f"{slug}-{number}.md" for number in range(2, _TRIES))]
        for one in names:
            path = expanded(one).absolute()
            try:
                fresh.create(path, data)
            except FileExistsError:
                continue
            except OSError as error:
                raise UsageError(f"{shown(path)} cannot be written: {error.strerror}") from None
            return path
        raise UsageError(f"{shown(path)} is there already", hint="Nothing is overwritten: say another name.")
