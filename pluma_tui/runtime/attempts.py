"""Getting an answer out of a server that is loading, busy, or drops the line before its first word.

Nothing is tried again once output has come: the person has seen it, and it may have cost money.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing

import msgspec
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from pluma_tui.core.chat import ChatRequest
from pluma_tui.core.errors import BrokenStream, Loading, NotFound, PlumaError, RateLimited, Refused
from pluma_tui.core.events import ChatEvent, Finished, Notice, ReasoningDelta, TextDelta, ToolCallDelta
from pluma_tui.providers.base import Provider

RETRIES = 3
PATIENCE = 120.0  # seconds: a server that says "come back later than that" has said no
_NO_SUCH_ROUTE = (405, 501)
POLL = 1.0  # seconds between two questions to a server that is loading

Push = Callable[[ChatEvent], None]


class Attempts:
    """One request to one provider, with its retries."""

    def __init__(self, provider: Provider, request: ChatRequest, patience: float, push: Push) -> None:
        """`patience` is how long a model may load, in seconds (0: no limit); `push` takes the events."""
        self._provider = provider
        self.request = request
        self._patience = patience or float("inf")
        self._push = push
        self._begun = False
        self._told_loading = False

    async def run(self) -> None:
        """Push all events of one answer. Raises ProviderError, ConfigError or SecretError."""
        retrying = AsyncRetrying(
            retry=retry_if_exception(self._worth_another),
            wait=_pause,
            stop=stop_after_attempt(RETRIES + 1),
            before_sleep=self._tell,
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                await self._when_loaded()

    async def _when_loaded(self) -> None:
        until = time.monotonic() + self._patience
        while True:
            try:
                return await self._once()
            except Loading:
                if self._begun or time.monotonic() + POLL > until:
                    raise
                if not self._told_loading:
                    self._told_loading = True
                    self._push(Notice("The server is loading its model…"))
            await asyncio.sleep(POLL)

    async def _once(self) -> None:
        if not self.request.model:
            await self._pick_model()
        finished = False
        async with aclosing(self._provider.stream(self.request)) as events:
            async for event in events:
                finished = isinstance(event, Finished)
                if isinstance(event, TextDelta | ReasoningDelta | ToolCallDelta):
                    self._begun = True
                self._push(event)
        if not finished:
            raise BrokenStream(f"{self._provider.upstream} ended the answer without saying so")

    async def _pick_model(self) -> None:
        """No model is named: take the server's first. A server without a list has one of its own."""
        try:
            models = [model for model in await self._provider.models() if "embedding" not in model.traits]
        except Refused as error:
            if isinstance(error, NotFound) or error.status in _NO_SUCH_ROUTE:
                return
            raise
        if models:
            self.request = msgspec.structs.replace(self.request, model=models[0].id)
        if len(models) > 1:
            self._push(
                Notice(f"No model is set; the server's first of {len(models)} answers: {models[0].id}")
            )

    def _worth_another(self, error: BaseException) -> bool:
        if self._begun or not isinstance(error, PlumaError) or not error.retryable:
            return False
        return not isinstance(error, RateLimited) or (error.retry_after or 0.0) <= PATIENCE

    def _tell(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        words = error.message if isinstance(error, PlumaError) else "No answer"
        pause = state.next_action.sleep if state.next_action else 0.0
        which = f"{state.attempt_number} of {RETRIES}"
        # The words come last: a status line has room for the beginning only.
        self._push(Notice(f"Trying again in {max(pause, 0.1):.1f} s ({which}): {words}"))


_back_off = wait_random_exponential(multiplier=1, max=20)


def _pause(state: RetryCallState) -> float:
    """Seconds to wait: what the server asked for, else longer and longer with some chance in it."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, RateLimited) and error.retry_after is not None:
        return error.retry_after
    return _back_off(state)
