"""A turn: one question and the answer to it, living by itself. Screens listen to it and may leave.

The question is stored before it is sent, what comes at least once a second, the ending always.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import msgspec

from pluma_tui.core.chat import (
    ChatRequest,
    Conversation,
    Ending,
    Message,
    Opaque,
    Part,
    Sampling,
    ToolCall,
    Usage,
)
from pluma_tui.core.errors import PlumaError, StoreError
from pluma_tui.core.events import (
    ChatEvent,
    Citation,
    Finished,
    Notice,
    OpaqueDelta,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    UsageUpdate,
)
from pluma_tui.core.ids import new_id, now
from pluma_tui.core.profile import ConnectionProfile
from pluma_tui.providers.base import Provider
from pluma_tui.runtime.attempts import Attempts
from pluma_tui.runtime.connections import ConnectionManager
from pluma_tui.storage.base import Store

CHECKPOINT = 0.5  # seconds between two stores of what has come
TITLE_LENGTH = 60


@dataclass(frozen=True)
class Question:
    """What a person asks. None or empty: what the conversation, the profile or the config says.

    `conversation` None begins a new one; `options` and `sampling` go over those of the profile.
    """

    text: str
    conversation: str | None = None
    parts: tuple[Part, ...] = ()
    profile: str | None = None
    model: str = ""
    system: str | None = None
    sampling: Sampling = field(default_factory=Sampling)
    options: dict[str, Any] = field(default_factory=dict)


class Draft:
    """What has come of an answer so far. Pieces are joined only when somebody wants the whole."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, ToolCall] = {}
        self._opaque: list[Opaque] = []
        self.usage: Usage | None = None
        self.ending: Ending | None = None
        self.began: float | None = None

    def take(self, event: ChatEvent) -> None:
        """Add one event."""
        match event:
            case TextDelta(text):
                self._text.append(text)
            case ReasoningDelta(text):
                self._reasoning.append(text)
            case ToolCallDelta(index, call_id, name, arguments):
                old = self._calls.get(index, ToolCall("", "", ""))
                self._calls[index] = ToolCall(old.id or call_id, old.name or name, old.arguments + arguments)
            case OpaqueDelta(dialect, data):
                self._opaque.append(Opaque(dialect, data))
            case UsageUpdate(usage):
                self.usage = usage
            case Finished(ending):
                self.ending = ending
            case Citation() | Notice():
                return
        if self.began is None and not isinstance(event, Finished | UsageUpdate):
            self.began = time.monotonic()

    def text(self) -> str:
        """The answer so far."""
        self._text = ["".join(self._text)]
        return self._text[0]

    def reasoning(self) -> str:
        """The thinking so far."""
        self._reasoning = ["".join(self._reasoning)]
        return self._reasoning[0]

    def parts(self) -> tuple[Part, ...]:
        """Tool calls and whatever has to go back unchanged."""
        return (*self._opaque, *(call for _, call in sorted(self._calls.items())))

    def measured(self) -> Usage | None:
        """The usage, with tokens a second measured here where the server did not say."""
        usage = self.usage
        if usage is None or usage.rate or self.began is None or usage.output < 2:
            return usage
        seconds = time.monotonic() - self.began
        return msgspec.structs.replace(usage, rate=round(usage.output / seconds, 2)) if seconds else usage


class Turn:
    """One answer being given: its own task, which goes on when nobody listens."""

    def __init__(
        self,
        conversation: Conversation,
        question: Message,
        answer: Message,
        profile: ConnectionProfile,
        *,
        provider: Provider,
        request: ChatRequest,
        store: Store,
    ) -> None:
        """Begins at once; must be made inside a running loop."""
        self.conversation = conversation
        self.question = question
        self.profile = profile
        self.error: PlumaError | None = None
        self.draft = Draft()
        self.started = time.monotonic()
        self._answer = answer
        self._store = store
        self._events: list[ChatEvent] = []
        self._changed = asyncio.Event()
        self._stopping = False
        self._attempts = Attempts(provider, request, profile.first_event_timeout, self._push)
        self._task = asyncio.create_task(self._run(), name=f"turn {answer.id}")

    @property
    def id(self) -> str:
        """The id of the answer's message."""
        return self._answer.id

    @property
    def model(self) -> str:
        """The model that answers; empty until it is known."""
        return self._attempts.request.model

    @property
    def done(self) -> bool:
        """Whether the answer has ended and is stored."""
        return self._task.done()

    def stop(self) -> None:
        """Close the stream; what has come is kept, marked stopped. Does nothing on an ended turn."""
        if not self._task.done() and not self._stopping:
            self._stopping = True
            self._task.cancel()

    async def wait(self) -> Message:
        """The stored message, with its ending. `error` says why one failed. Raises StoreError."""
        return await asyncio.shield(self._task)

    async def listen(self, *, every: float = 0.0) -> AsyncIterator[list[ChatEvent]]:
        """All events from the first on, in batches at least `every` seconds apart, deltas merged.

        Ends after `Finished` without raising, whatever the ending was.
        """
        at = 0
        while True:
            changed = self._changed
            if at < len(self._events):
                batch, at = merged(self._events[at:]), len(self._events)
                yield batch
                if isinstance(batch[-1], Finished):
                    return
                if every:
                    await self._pause(every)
            elif self.done:
                return
            else:
                await changed.wait()

    async def _pause(self, seconds: float) -> None:
        """Let events gather, but do not keep the ending waiting."""
        await asyncio.wait({self._task}, timeout=seconds)

    def _push(self, event: ChatEvent) -> None:
        self.draft.take(event)
        if not isinstance(event, Finished):  # that is said once everything is stored
            self._tell(event)

    def _tell(self, event: ChatEvent) -> None:
        self._events.append(event)
        self._changed.set()
        self._changed = asyncio.Event()

    async def _run(self) -> Message:
        saver = asyncio.create_task(self._save_often())
        try:
            await self._attempts.run()
        except PlumaError as error:
            self.error = error
        except asyncio.CancelledError:
            self._stopping = True
        except Exception:  # a bug: what came is kept all the same
            await self._end()
            raise
        finally:
            saver.cancel()
            await asyncio.wait({saver})
        return await self._end()

    async def _end(self) -> Message:
        final = self._final()
        try:
            await self._store.finish(final)
            if self.model != self.conversation.model:
                await self._store.update(self.conversation.id, model=self.model)
        except StoreError as error:
            self.error = self.error or error
            final = msgspec.structs.replace(final, error=self.error.message)
        self._tell(Finished(final.ending or "failed"))
        return final

    def _final(self) -> Message:
        ending: Ending = self.draft.ending or ("stopped" if self._stopping else "failed")
        if self.error:
            ending = "failed"
        return msgspec.structs.replace(
            self._answer,
            text=self.draft.text(),
            reasoning=self.draft.reasoning(),
            parts=self.draft.parts(),
            usage=self.draft.measured(),
            model=self.model,
            ending=ending,
            error=self.error.message if self.error else "",
        )

    async def _save_often(self) -> None:
        stored = 0
        while True:
            await asyncio.sleep(CHECKPOINT)
            if len(self._events) == stored:
                continue
            stored = len(self._events)
            try:
                await self._store.checkpoint(self.id, self.draft.text(), self.draft.reasoning())
            except StoreError as error:  # the answer goes on; its end will try to store all of it again
                return self._tell(Notice(f"What comes is not being stored: {error.message}"))


class Turns:
    """Begins turns and knows which are running."""

    def __init__(self, store: Store, connections: ConnectionManager, system: str = "") -> None:
        self._store = store
        self._connections = connections
        self._system = system
        self._running: set[Turn] = set()

    async def begin(self, question: Question) -> Turn:
        """Store the question, then send it.

        Raises ConfigError, UnknownConversation, StoreError; what a server says comes through the turn.
        """
        conversation, path = await self._conversation(question)
        profile = self._profile(question, conversation)
        provider = self._connections.provider(profile.name)
        kept = conversation.model if profile.name == conversation.profile else ""
        model = question.model or kept or profile.model
        asked = Message(
            id=new_id(),
            role="user",
            text=question.text,
            parts=question.parts,
            created=now(),
            parent=path[-1].id if path else None,
        )
        answer = Message(
            id=new_id(),
            role="assistant",
            created=now(),
            parent=asked.id,
            model=model,
            profile=profile.name,
        )
        conversation = await self._store_question(conversation, asked, answer)
        request = self._request(question, profile, model, path, asked)
        turn = Turn(
            conversation, asked, answer, profile, provider=provider, request=request, store=self._store
        )
        self._running.add(turn)
        return turn

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

    async def _conversation(self, question: Question) -> tuple[Conversation, list[Message]]:
        """The conversation, not stored yet if it is a new one, and the path the question follows."""
        if question.conversation is None:
            return Conversation(id=new_id(), title=title(question.text)), []
        conversation = await self._store.find(question.conversation)
        return conversation, answered(await self._store.path(conversation.id))

    def _profile(self, question: Question, conversation: Conversation) -> ConnectionProfile:
        """The one asked for, else the conversation's own if it is still there, else the active one."""
        own = conversation.profile if conversation.profile in self._connections.names() else None
        return self._connections.profile(question.profile or own)

    async def _store_question(
        self, conversation: Conversation, asked: Message, answer: Message
    ) -> Conversation:
        now_with = {"profile": answer.profile, "model": answer.model}
        if not conversation.created:
            conversation = msgspec.structs.replace(conversation, created=now(), **now_with)
            await self._store.create(conversation)
        elif (conversation.profile, conversation.model) != (answer.profile, answer.model):
            conversation = msgspec.structs.replace(conversation, **now_with)
            await self._store.update(conversation.id, **now_with)
        await self._store.add(conversation.id, asked, answer)
        return conversation

    def _request(
        self,
        question: Question,
        profile: ConnectionProfile,
        model: str,
        path: Sequence[Message],
        asked: Message,
    ) -> ChatRequest:
        system = question.system if question.system is not None else profile.system or self._system
        return ChatRequest(
            model=model,
            messages=(*(message for message in path if not nothing_came(message)), asked),
            system=system,
            sampling=over(profile.sampling, question.sampling),
            options={**profile.options, **question.options},
        )


def nothing_came(message: Message) -> bool:
    """Whether this is an answer without any content: one that failed before its first word."""
    return message.role == "assistant" and not (message.text or message.reasoning or message.parts)


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


def merged(events: Sequence[ChatEvent]) -> list[ChatEvent]:
    """Runs of text and of reasoning joined into one event each; the last usage only."""
    out: list[ChatEvent] = []
    for kind, run in groupby(events, type):
        if kind is TextDelta or kind is ReasoningDelta:
            out.append(kind("".join(event.text for event in run)))  # type: ignore[union-attr]
        elif kind is UsageUpdate:
            out.append(list(run)[-1])
        else:
            out.extend(run)
    return out
