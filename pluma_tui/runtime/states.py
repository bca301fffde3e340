"""How the servers of chat profiles are at the moment: asked for their models, all at once and quietly.

Nobody is asked for anything, and nothing is started: where a key comes from more than a variable or a file,
the server is asked without it, and one that is reached by a program (ssh) is left alone.
"""

import asyncio
import importlib
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Literal

import msgspec

from pluma_tui.core.errors import (
    BrokenStream,
    ConfigError,
    Loading,
    Overloaded,
    PlumaError,
    RateLimited,
    Refused,
    SecretError,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from pluma_tui.core.profile import ConnectionProfile, SecretRef
from pluma_tui.runtime import fetched
from pluma_tui.runtime.connections import ConnectionManager
from pluma_tui.runtime.wiring import Runtime

TIME_LIMIT = 3.0  # seconds for one server to say something
_QUIET = ("env", "file", "literal")  # keys that are had without a program, a network or a person


@dataclass(frozen=True)
class State:
    """How the server of `profile` is, in a few words, and whether that is as it should be."""

    profile: str
    words: str
    health: Literal["good", "waiting", "bad", "unknown"]


async def states(runtime: Runtime, names: Iterable[str]) -> AsyncGenerator[State, None]:
    """The states of these profiles, each as soon as it is known. Closing it ends the asking. Never raises."""
    await asyncio.to_thread(importlib.import_module, "pluma_tui.transport.http")  # keys are not kept waiting
    asking = [asyncio.create_task(_state(runtime, name)) for name in names]
    try:
        for answer in asyncio.as_completed(asking):
            yield await answer
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


async def _state(runtime: Runtime, name: str) -> State:
    try:
        return await _asked(runtime, runtime.connections.profile(name))
    except PlumaError as error:
        return State(name, *_said(error))


async def _asked(runtime: Runtime, profile: ConnectionProfile) -> State:
    if _starts_something(profile):
        return State(profile.name, "not asked", "unknown")
    quiet, with_key = _quietly(profile)
    manager = ConnectionManager({quiet.name: quiet}, clients=runtime.clients)
    try:
        async with asyncio.timeout(TIME_LIMIT):
            models = await manager.provider(quiet.name).models()
    except TimeoutError:
        return State(profile.name, "no answer in time", "bad")
    except Unauthorized:
        if quiet.api_key is not None:
            return State(profile.name, "refuses the key", "bad")
        return State(profile.name, *(("wants a key", "bad") if with_key else ("answers", "good")))
    if with_key:
        fetched.remember(profile.name, models)
    return State(profile.name, "answers", "good")


def _starts_something(profile: ConnectionProfile) -> bool:
    """Whether asking would run a program, or ask a person for the pass phrase of a certificate's key."""
    return profile.base_url.lower().startswith("ssh") or bool(profile.client_key)


def _quietly(profile: ConnectionProfile) -> tuple[ConnectionProfile, bool]:
    """The profile as it can be used without anybody being asked, and whether that is all of it."""
    key: SecretRef | None = profile.api_key
    if key is None or key.kind in _QUIET:
        return profile, True
    return msgspec.structs.replace(profile, api_key=None), False


def _said(error: PlumaError) -> tuple[str, Literal["good", "waiting", "bad"]]:
    match error:
        case Loading():
            return "loading its model", "waiting"
        case Overloaded():
            return "out of order", "bad"
        case RateLimited():
            return "answers, not now", "waiting"
        case Refused() | BrokenStream():  # some have no list of models, and answer all the same
            return "answers", "good"
        case TimedOut():
            return "no answer in time", "bad"
        case Unreachable():
            return "nobody answers", "bad"
        case SecretError():
            return "has no key", "bad"
        case ConfigError():
            return "cannot be used", "bad"
    return error.message, "bad"
