"""The conversation on a screen: which one it is, who answers it, and what is running."""

import msgspec

from pluma_tui.core.chat import Conversation, Message
from pluma_tui.core.models import ModelInfo
from pluma_tui.runtime import fetched
from pluma_tui.runtime.turn import Turn
from pluma_tui.runtime.turns import Question
from pluma_tui.runtime.wiring import Runtime


class OpenChat:
    """One conversation, new or stored. Switching profile or model concerns this one only."""

    def __init__(self, runtime: Runtime, conversation: Conversation | None = None) -> None:
        self._runtime = runtime
        self.conversation = conversation
        self.turn: Turn | None = None
        self._last = ""  # the message that the next question follows: the one that is read above it
        active = runtime.connections.active()
        self.profile = active.name if active else ""
        self.model = active.model if active else ""
        if conversation is not None and self._keeps_its_profile(conversation):
            self.profile = conversation.profile
            self.model = conversation.model or runtime.connections.profile(self.profile).model

    def _keeps_its_profile(self, conversation: Conversation) -> bool:
        """Whether its own profile is still there, and the command line names no other."""
        known = conversation.profile in self._runtime.connections.names()
        return known and self._runtime.named in (None, conversation.profile)

    async def path(self) -> list[Message]:
        """The stored messages of the chosen path, oldest first. Raises StoreError."""
        path = await self._runtime.store.path(self.conversation.id) if self.conversation else []
        self._last = path[-1].id if path else ""
        return path

    async def ask(self, text: str) -> Turn:
        """Store the question and send it. Raises ConfigError, StoreError."""
        question = Question(
            text=text,
            conversation=self.conversation.id if self.conversation else None,
            after=self._last,
            profile=self.profile or None,
            model=self.model,
        )
        self.turn = await self._runtime.turns.begin(question)
        self.conversation = self.turn.conversation
        self._last = self.turn.id
        return self.turn

    def switch(self, profile: str) -> None:
        """Talk to another profile from the next question on. Raises ConfigError."""
        chosen = self._runtime.connections.profile(profile)
        self.profile, self.model = chosen.name, chosen.model

    def pick(self, model: str) -> None:
        """Ask for another model from the next question on."""
        self.model = model

    def learned(self, model: str) -> None:
        """The server chose the model; stay with it."""
        self.model = self.model or model
        if self.conversation is not None:
            self.conversation = msgspec.structs.replace(self.conversation, model=self.model)

    async def models(self) -> list[ModelInfo]:
        """What the server of this conversation's profile offers. Raises ProviderError, ConfigError."""
        models = list(await self._runtime.connections.provider(self.profile or None).models())
        fetched.remember(self.profile, models)
        return models
