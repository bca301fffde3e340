"""The conversation on a screen: which one it is, who answers it, and what is running."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from pluma_tui.core.chat import Conversation, Message, Part, Sampling
from pluma_tui.core.errors import UsageError
from pluma_tui.core.models import ModelInfo
from pluma_tui.runtime import fetched
from pluma_tui.runtime.own import sampling_of, with_sampling
from pluma_tui.runtime.turn import Turn
from pluma_tui.runtime.turns import Question, path_to, prompt
from pluma_tui.runtime.wiring import Runtime


class OpenChat:
    """One conversation, new or stored. Switching profile or model concerns this one only."""

    def __init__(self, runtime: Runtime, conversation: Conversation | None = None) -> None:
        self._runtime = runtime
        self.conversation = conversation
        self.turn: Turn | None = None
        self.prompt = ""  # a system prompt that goes with the next question
        self.sampling = sampling_of(conversation.extra) if conversation else Sampling()  # over the profile's
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

    async def ask(self, text: str, parts: Sequence[Part] = ()) -> Turn:
        """Store the question and send it. Raises ConfigError, StoreError."""
        prompt = self.prompt
        turn = await self._begin(self._question(text, parts))
        self.prompt = "" if self.prompt == prompt else self.prompt
        return turn

    async def count(self, text: str, parts: Sequence[Part] = ()) -> int | None:
        """The tokens that the question would take with all that was said, None where the server cannot say.

        Raises ConfigError, StoreError, ProviderError.
        """
        return await self._runtime.turns.count(self._here(self._question(text, parts)))

    async def exchange(self) -> list[Message]:
        """The last question that is read on the screen and what follows it. Raises UsageError, StoreError."""
        said = await self.said()
        asked = next((at for at in reversed(range(len(said))) if said[at].role == "user"), None)
        if asked is None:
            raise UsageError("nothing was asked yet")
        return said[asked:]

    async def ask_again(self) -> Turn:
        """Have the last question answered once more, beside the answer that it has.

        Raises UsageError if there is none, ConfigError, StoreError.
        """
        return await self._begin(Question(again=(await self.exchange())[0].id))

    async def back_to(self, message: str) -> None:
        """The path ends with that message again. Raises StoreError."""
        if self.conversation is not None:
            await self._runtime.store.update(self.conversation.id, head=message)
        self._last = message

    async def said(self) -> list[Message]:
        """What is read on the screen, oldest first. Raises StoreError."""
        if self.conversation is None:
            return []
        return path_to(self._last, await self._runtime.store.tree(self.conversation.id))

    async def system(self) -> str:
        """The system prompt of the next question. Raises ConfigError, StoreError."""
        if self.prompt:
            return self.prompt if self.prompt.strip() else ""
        said = prompt(await self.said())
        return self.default_system() if said is None else said

    def default_system(self) -> str:
        """The system prompt where the conversation says none: the profile's, else that of all."""
        own = self._runtime.connections.profile(self.profile).system if self.profile else ""
        return own or self._runtime.turns.system

    def _question(self, text: str, parts: Sequence[Part]) -> Question:
        return Question(text=text, parts=tuple(parts), after=self._last, prompt=self.prompt)

    def _here(self, question: Question) -> Question:
        """A question of this conversation, to whom it talks to now."""
        return replace(
            question,
            conversation=self.conversation.id if self.conversation else None,
            profile=self.profile or None,
            model=self.model,
            own=self.sampling,
        )

    async def _begin(self, question: Question) -> Turn:
        self.turn = await self._runtime.turns.begin(self._here(question))
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

    async def sample(self, sampling: Sampling) -> None:
        """Lay this over the profile's sampling from the next question on. Raises StoreError."""
        if self.conversation is not None:
            kept = with_sampling(self.conversation.extra, sampling)
            await self._runtime.store.update(self.conversation.id, extra=kept)
            self.conversation = msgspec.structs.replace(self.conversation, extra=kept)
        self.sampling = sampling

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
