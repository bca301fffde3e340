"""Begins turns: the question is stored before it is sent."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pluma_tui.core.chat import ChatRequest, Conversation, Message, Part, Sampling
from pluma_tui.core.ids import new_id, now
from pluma_tui.core.profile import ConnectionProfile
from pluma_tui.providers.base import CountsTokens, Provider
from pluma_tui.runtime.connections import ConnectionManager
from pluma_tui.runtime.own import sampling_of, with_sampling
from pluma_tui.runtime.turn import Turn
from pluma_tui.storage.base import Store

TITLE_LENGTH = 60
BLANK = " "  # the text of a system prompt that says: none, whatever the profile has
PROMPT = "prompt"  # marks, in a message's `extra`, a system prompt that replaces those before it


@dataclass(frozen=True)
class Question:
    """What a person asks. None or empty: what the conversation, the profile or the config says.

    `conversation` None begins a new one, which keeps `own` as its sampling; `after` is the message it
    follows there, the last one of the chosen path if empty; `options` and `sampling` go over those of the
    profile.
    `system` is for this question only; `prompt` is stored before it, for all that follows.
    `again` is a stored question that is to be answered once more, as it was: `text` and `parts` are its own.
    """

    text: str = ""
    conversation: str | None = None
    after: str = ""
    again: str = ""
    parts: tuple[Part, ...] = ()
    profile: str | None = None
    model: str = ""
    system: str | None = None
    prompt: str = ""
    sampling: Sampling = field(default_factory=Sampling)
    options: dict[str, Any] = field(default_factory=dict)
    own: Sampling = field(default_factory=Sampling)


@dataclass(frozen=True)
class _Plan:
    """A question as it is going to be stored and sent; `new` are the messages that are not stored yet."""

    conversation: Conversation
    new: Sequence[Message]
    asked: Message
    profile: ConnectionProfile
    provider: Provider
    request: ChatRequest


class Turns:
    """Begins turns and knows which are running."""

    def __init__(self, store: Store, connections: ConnectionManager, system: str = "") -> None:
        self._store = store
        self._connections = connections
        self.system = system
        self._running: set[Turn] = set()

    async def begin(self, question: Question) -> Turn:
        """Store the question, then send it.

        Raises ConfigError, UnknownConversation, StoreError; what a server says comes through the turn.
        """
        plan = await self._planned(question)
        answer = Message(
            id=new_id(),
            role="assistant",
            created=now(),
            parent=plan.asked.id,
            model=plan.request.model,
            profile=plan.profile.name,
        )
        turn = Turn(
            await self._store_question(plan.conversation, answer, plan.new),
            plan.asked,
            answer,
            plan.profile,
            provider=plan.provider,
            request=plan.request,
            store=self._store,
        )
        self._running = {*self.running(), turn}
        return turn

    async def count(self, question: Question) -> int | None:
        """The tokens that the question would put into the context, all before it too; nothing is stored.

        None where the server cannot say. Raises ConfigError, StoreError, ProviderError.
        """
        plan = await self._planned(question)
        return await plan.provider.count(plan.request) if isinstance(plan.provider, CountsTokens) else None

    async def _planned(self, question: Question) -> "_Plan":
        conversation, path = await self._conversation(question)
        new, path, asked = self._asked(question, path)
        profile = self._profile(question, conversation)
        provider = self._connections.provider(profile.name)
        kept = conversation.model if profile.name == conversation.profile else ""
        model = question.model or kept or profile.model
        request = self._request(question, profile, model, path, asked)
        return _Plan(conversation, new, asked, profile, provider, request)

    def running(self) -> list[Turn]:
        """Turns that have not ended."""
        self._running = {turn for turn in self._running if not turn.done}
        return list(self._running)

    async def aclose(self) -> None:
        """Stop all turns and wait until what they got is stored."""
        turns = self.running()
        for turn in turns:
            turn.stop()
        await asyncio.gather(*(turn.wait() for turn in turns), return_exceptions=True)

    async def _conversation(self, question: Question) -> tuple[Conversation, Sequence[Message]]:
        """The conversation, not stored yet if it is a new one, and the path the question follows."""
        if question.conversation is None:
            kept = with_sampling({}, question.own)
            return Conversation(id=new_id(), title=title(question.text), extra=kept), []
        conversation = await self._store.find(question.conversation)
        path = await self._store.path(conversation.id)
        if question.again:
            return conversation, path_to(question.again, await self._store.tree(conversation.id))
        if question.after and (not path or path[-1].id != question.after):
            # Another program has gone on with it meanwhile: the model is told what the person has read.
            path = path_to(question.after, await self._store.tree(conversation.id))
        return conversation, answered(path)

    def _asked(
        self, question: Question, path: Sequence[Message]
    ) -> tuple[list[Message], Sequence[Message], Message]:
        """The messages to store, the path before the question, and the question."""
        if question.again:
            return [], path[:-1], path[-1]
        new: list[Message] = []
        at = path[-1].id if path else None
        if question.prompt:
            said = Message(
                id=new_id(),
                role="system",
                text=question.prompt,
                created=now(),
                parent=at,
                extra={PROMPT: True},
            )
            new, at = [said], said.id
        asked = Message(
            id=new_id(), role="user", text=question.text, parts=question.parts, created=now(), parent=at
        )
        return [*new, asked], [*path, *new], asked

    def _profile(self, question: Question, conversation: Conversation) -> ConnectionProfile:
        """The one asked for, else the conversation's own if it is still there, else the active one.

        The conversation's sampling is laid over it.
        """
        own = conversation.profile if conversation.profile in self._connections.names() else None
        chosen = self._connections.profile(question.profile or own)
        sampling = over(chosen.sampling, sampling_of(conversation.extra))
        return msgspec.structs.replace(chosen, sampling=sampling)

    async def _store_question(
        self, conversation: Conversation, answer: Message, new: Sequence[Message]
    ) -> Conversation:
        now_with: dict[str, Any] = {"profile": answer.profile, "model": answer.model}
        if not conversation.created:
            conversation = msgspec.structs.replace(conversation, created=now(), **now_with)
            await self._store.create(conversation)
        elif (conversation.profile, conversation.model) != (answer.profile, answer.model):
            conversation = msgspec.structs.replace(conversation, **now_with)
            await self._store.update(conversation.id, **now_with)
        await self._store.add(conversation.id, *new, answer)
        return conversation

    def _request(
        self,
        question: Question,
        profile: ConnectionProfile,
        model: str,
        path: Sequence[Message],
        asked: Message,
    ) -> ChatRequest:
        said = question.system if question.system is not None else prompt(path)
        return ChatRequest(
            model=model,
            messages=(
                *(message for message in path if not (nothing_came(message) or is_prompt(message))),
                asked,
            ),
            system=said if said is not None else profile.system or self.system,
            sampling=over(profile.sampling, question.sampling),
            options={**profile.options, **question.options},
        )


def is_prompt(message: Message) -> bool:
    """Whether this is a system prompt that was set in the middle: it takes the place of any other."""
    return message.role == "system" and PROMPT in message.extra


def prompt(path: Sequence[Message]) -> str | None:
    """The system prompt that was set last on a path; None if none was, empty if that was a blank one."""
    texts = (message.text for message in reversed(path) if is_prompt(message))
    return next((text if text.strip() else "" for text in texts), None)


def nothing_came(message: Message) -> bool:
    """Whether this is an answer that ended before its first word, by failing or by being stopped."""
    empty = not (message.text or message.reasoning or message.parts)
    return message.role == "assistant" and empty and message.ending in (None, "failed", "stopped")


def path_to(last: str, tree: Sequence[Message]) -> list[Message]:
    """The messages of a tree from the first one down to `last`."""
    known = {message.id: message for message in tree}
    path: list[Message] = []
    at: str | None = last
    while at in known:
        path.append(known[at])
        at = known[at].parent
    return path[::-1]


def answered(path: Sequence[Message]) -> list[Message]:
    """The path without a last question that got no answer: asking again makes a sibling of it."""
    kept = list(path)
    while kept and nothing_came(kept[-1]):
        kept.pop()
        if kept and kept[-1].role == "user":
            kept.pop()
    return kept


def over(base: Sampling, top: Sampling) -> Sampling:
    """`base` with everything that `top` says laid over it."""
    said = {name: value for name in top.__struct_fields__ if (value := getattr(top, name)) is not None}
    return msgspec.structs.replace(base, **said)


def title(text: str) -> str:
    """The first line that says something, shortened at a word."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if len(line) <= TITLE_LENGTH:
        return line
    return line[:TITLE_LENGTH].rsplit(" ", 1)[0] + "…"
