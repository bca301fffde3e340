"""Looking a profile over: from its server's address to the first word of an answer, one step at a time."""

import time
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from pluma_tui.config.problems import did_you_mean
from pluma_tui.core.chat import ChatRequest, Message, Sampling
from pluma_tui.core.errors import (
    BrokenStream,
    ConfigError,
    Loading,
    PlumaError,
    Refused,
    Unauthorized,
)
from pluma_tui.core.events import Finished, ReasoningDelta, TextDelta, ToolCallDelta
from pluma_tui.core.models import ModelInfo
from pluma_tui.core.profile import Connection, ConnectionProfile, SecretRef
from pluma_tui.imaging.base import ImageProvider
from pluma_tui.providers.base import Provider
from pluma_tui.runtime import fetched
from pluma_tui.runtime.wiring import Runtime
from pluma_tui.secrets.base import sign_ins

if TYPE_CHECKING:
    from pluma_tui.transport.reach import Route

Section = Literal["chat", "images"]
STEPS: dict[Section, tuple[str, ...]] = {
    "chat": ("address", "tls", "key", "models", "answer"),
    "images": ("address", "tls", "key", "ping"),
}

_SOON = 14  # days: a certificate that ends within them is worth a word
_TOKENS = 16  # what an answer may cost that is stopped after its first word


@dataclass(frozen=True)
class Step:
    """One thing that was tried. `words` and `hint` are for people; they may hold text from outside.

    `seconds` is how long it took; `error` what failed, for who needs its kind or its exit code.
    """

    name: str
    state: Literal["ok", "failed", "skipped"]
    seconds: float = 0.0
    words: str = ""
    hint: str = ""
    error: PlumaError | None = field(default=None, repr=False)


Steps = AsyncGenerator[Step, None]
Told = tuple[str, str]  # words and hint


async def checkup(runtime: Runtime, section: Section, name: str | None = None) -> Steps:
    """Try the profile of that name, or the active one: each of STEPS once, in their order.

    Those that a failed one makes pointless are skipped. Nothing is stored, and no secret is in what is
    told. Raises ConfigError, UnknownPlugin where there is no such profile, or no provider for it.
    """
    tried = _chat(runtime, name) if section == "chat" else _images(runtime, name)
    waiting = list(STEPS[section])
    async with aclosing(tried):
        async for step in tried:
            while waiting.pop(0) != step.name:
                yield Step(STEPS[section][-len(waiting) - 1], "skipped")
            yield step
    for rest in waiting:
        yield Step(rest, "skipped")


def works(steps: Sequence[Step]) -> bool:
    """Whether the profile can be used. Some servers have no list of models, and answer all the same."""
    return bool(steps) and steps[-1].state == "ok"


async def _chat(runtime: Runtime, name: str | None) -> Steps:
    profile = runtime.connections.profile(name)
    provider = runtime.connections.provider(profile.name)
    async with aclosing(_way(runtime, profile, provider.upstream)) as way:
        async for step in way:
            yield step
            if step.error:
                return
    key = await _step("key", _keys(runtime, profile.api_key))
    models: list[ModelInfo] = []
    listed = key if key.error else await _step("models", _listed(provider, profile, models))
    yield _judged(key, listed)
    if isinstance(listed.error, Unauthorized) or key.error:
        return
    yield listed
    if listed.error is None or _another_path_may_work(listed.error):
        yield await _step("answer", _first_word(provider, profile, models))


async def _images(runtime: Runtime, name: str | None) -> Steps:
    profile = runtime.images.profile(name)
    provider = runtime.images.provider(profile.name)
    async with aclosing(_way(runtime, profile, provider.upstream)) as way:
        async for step in way:
            yield step
            if step.error:
                return
    key = await _step("key", _keys(runtime, profile.api_key, profile.auth))
    pinged = key if key.error else await _step("ping", _pinged(provider))
    yield _judged(key, pinged)
    if not isinstance(pinged.error, Unauthorized) and not key.error:
        yield pinged


async def _way(runtime: Runtime, profile: Connection, upstream: str) -> Steps:
    """The steps to the server's door. Raises ConfigError for a proxy whose address is none."""
    from pluma_tui.transport.reach import Route
    from pluma_tui.transport.ssh import names_ssh

    if names_ssh(upstream):
        yield await _step("address", _through_ssh(runtime, profile, upstream))
        yield Step("tls", "skipped", words="plain HTTP, which SSH encrypts on its way")
        return
    try:
        route = Route(profile, upstream, runtime.clients.fetch)
    except ConfigError as error:
        if error.key == "proxy":
            raise
        yield Step("address", "skipped", words=upstream)  # a provider that needs no network
        return
    addresses: list[str] = []
    yield await _step("address", _reached(route, addresses))
    if not route.secure:
        yield Step("tls", "skipped", words="plain HTTP", hint=_in_the_open(profile, route, addresses))
    elif route.proxied:
        yield Step("tls", "skipped", words="set up through the proxy, with the next step")
    else:
        yield await _step("tls", _certified(route, addresses))


async def _step(name: str, work: Awaitable[Told]) -> Step:
    began = time.monotonic()
    try:
        words, hint = await work
    except PlumaError as error:
        return Step(name, "failed", time.monotonic() - began, error.message, error.hint, error)
    return Step(name, "ok", time.monotonic() - began, words, hint)


async def _reached(route: "Route", addresses: list[str]) -> Told:
    addresses += await route.addresses()
    await route.connect(addresses)
    what = "the proxy " if route.proxied else ""
    known = "" if route.socket or addresses[0] == route.host else f" ({addresses[0]})"
    return f"{what}{route.where}{known} lets us in", ""


async def _through_ssh(runtime: Runtime, profile: Connection, upstream: str) -> Told:
    await runtime.clients.pool().knock(upstream, profile.connect_timeout)
    return f"{upstream} is there: SSH lets us in and through", ""


async def _certified(route: "Route", addresses: list[str]) -> Told:
    days = await route.certificate(addresses)
    if days is None:
        return "the certificate is trusted", ""
    words = f"the certificate is trusted, and good for {_days(days)}"
    return words, "It is to be renewed soon." if days < _SOON else ""


async def _keys(runtime: Runtime, *refs: SecretRef | None) -> Told:
    """Fetch them; what they hold is seen by nobody."""
    named = [ref for ref in refs if ref is not None]
    for ref in named:
        await runtime.clients.fetch(ref)
    return ", ".join(map(_source, named)), ""


def _source(ref: SecretRef) -> str:
    """Where a key is from. Of a command not its words: a careless one has the key in them."""
    if ref.kind == "literal":
        return "from the config file"
    if ref.kind in sign_ins.names():
        return f"by signing in at {ref.value}"
    return f"from {ref}" if ref.kind in ("env", "file") else f"from {ref.kind}"


def _judged(key: Step, first: Step) -> Step:
    """The step of the key, by what the server said to the first request that had it."""
    if key.error:
        return key
    if isinstance(first.error, Unauthorized):
        return replace(first, name="key", seconds=key.seconds)
    if not key.words:
        return replace(key, words="none is set" + ("" if first.error else ", and none was asked for"))
    return replace(key, words=key.words + ("" if first.error else ", and not refused"))


async def _listed(provider: Provider, profile: ConnectionProfile, models: list[ModelInfo]) -> Told:
    models += await provider.models()
    fetched.remember(profile.name, models)
    names = [model.id for model in models]
    count = f"{len(names)} model{'' if len(names) == 1 else 's'}"
    if not profile.model:
        return count, f'None is set in the profile: model = "{names[0]}"?' if names else ""
    if profile.model in names:
        return f"{count}, {profile.model} among them", ""
    hint = did_you_mean(profile.model, names) or "`pluma models` lists what the server offers."
    return f'{count}, and none is called "{profile.model}"', hint


async def _first_word(provider: Provider, profile: ConnectionProfile, models: Sequence[ModelInfo]) -> Told:
    """Ask for a short answer and go when it begins, which ends it."""
    talking = [model.id for model in models if "embedding" not in model.traits]
    request = ChatRequest(
        model=profile.model or next(iter(talking), ""),
        messages=(Message(role="user", text="Say hello."),),
        sampling=Sampling(max_tokens=_TOKENS),
        options=profile.options,
    )
    async with aclosing(provider.stream(request)) as events:
        async for event in events:
            if isinstance(event, TextDelta | ReasoningDelta) and event.text:
                return "the first word of an answer came", ""
            if isinstance(event, ToolCallDelta):
                return "an answer came", ""
            if isinstance(event, Finished) and event.ending == "length":
                return "an answer came, without a word in its first tokens", ""
    raise BrokenStream("the answer ended without a word")


async def _pinged(provider: ImageProvider) -> Told:
    info = await provider.ping()
    return f"{info.name} {info.version}".rstrip(), ""


def _another_path_may_work(error: PlumaError) -> bool:
    """Whether an answer may come though the list of models did not: some servers have none."""
    return isinstance(error, BrokenStream) or (
        isinstance(error, Refused) and not isinstance(error, Loading) and error.status >= 400
    )


def _in_the_open(profile: Connection, route: "Route", addresses: list[str]) -> str:
    if profile.api_key is None or not addresses or not route.in_the_open(addresses):
        return ""
    return "The key goes over the network for everybody to read: use https:// if the server can."


def _days(days: float) -> str:
    return f"{days / 365:.0f} years" if days > 730 else f"{days:.0f} days"
