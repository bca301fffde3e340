"""How servers that speak Chat Completions differ, as data. Code asks the data, never for a name.

A flavour is chosen by ``options.flavour``, else by the address of a host that is known, else it is the plain
one; what that one gets wrong, a server's own refusal tells (see `adapted`). The facts are from the hosts' API
references, the refusals from threads that show them.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from pluma_tui.core.errors import ConfigError
from pluma_tui.providers.base import Json

_LOCAL_ONLY = dict.fromkeys(("top_k", "min_p", "typical_p", "repeat_penalty", "repetition_penalty"), "")


class Flavour(msgspec.Struct, frozen=True):
    """One server's ways. `names`: a field of the plain shape -> its name there, "" where there is none.

    `hosts` are the ends of addresses that are known to be such a server, `adds` what goes into each request,
    `models` where the best list of models is, if that is not ``models``.
    """

    hosts: tuple[str, ...] = ()
    names: dict[str, str] = {}
    system: str = "system"
    adds: dict[str, Any] = {}
    models: str = "models"

    def said(self, body: Json) -> Json:
        """`body`, made for the plain shape, as this server wants it."""
        named = {self.names.get(name, name): value for name, value in body.items()}
        named.pop("", None)
        return {**self.adds, **named}

    def knows(self, names: str | tuple[str, ...]) -> bool:
        """Whether one of these fields of the plain shape has a name here."""
        return any(self.names.get(name, name) for name in ((names,) if isinstance(names, str) else names))


PLAIN = Flavour()
FLAVOURS: Mapping[str, Flavour] = {
    "openai": Flavour(
        hosts=("api.openai.com",),
        names={"max_tokens": "max_completion_tokens", **_LOCAL_ONLY},
        system="developer",
    ),
    "azure": Flavour(
        hosts=(".openai.azure.com", ".services.ai.azure.com"),
        names={"max_tokens": "max_completion_tokens", **_LOCAL_ONLY},
    ),
    "openrouter": Flavour(
        hosts=("openrouter.ai",),
        names={"repeat_penalty": "", "typical_p": ""},
        adds={"usage": {"include": True}},  # what it cost comes with the counts
    ),
    "deepseek": Flavour(hosts=("api.deepseek.com",), names=_LOCAL_ONLY),
    "groq": Flavour(
        hosts=("api.groq.com",),
        names={"max_tokens": "max_completion_tokens", **_LOCAL_ONLY},
    ),
    "mistral": Flavour(hosts=("api.mistral.ai",), names={"seed": "random_seed", **_LOCAL_ONLY}),
    "lmstudio": Flavour(names={"repetition_penalty": ""}, models="/api/v0/models"),
    "vllm": Flavour(names={"repeat_penalty": "", "typical_p": ""}),
    "mlx_lm": Flavour(names={"repeat_penalty": "", "typical_p": "", "stream_options": ""}),
    "textgen": Flavour(names={"repeat_penalty": ""}),
}

# What is refused by some server -> what to say instead; empty: leave it out without a word.
_INSTEAD = {
    "max_tokens": "max_completion_tokens",
    "max_completion_tokens": "max_tokens",
    "stream_options": "",
}
_REFUSED = re.compile(
    r"unsupported|not supported|does not support|unrecognized|unknown|unexpected|not permitted|not allowed"
    r"|extra|instead",
    re.IGNORECASE,
)


def flavour(options: Mapping[str, Any], host: str) -> Flavour:
    """The flavour of the server at `host`. Raises ConfigError for a name in the options that is none."""
    name = options.get("flavour")
    if name is None:
        ends = ((end, known) for known in FLAVOURS.values() for end in known.hosts)
        return next((known for end, known in ends if host.endswith(end)), PLAIN)
    if name not in FLAVOURS:
        hint = f"Known: {', '.join(FLAVOURS)}."
        raise ConfigError(f'there is no flavour "{name}" of this API', hint=hint, key="options.flavour")
    return FLAVOURS[str(name)]


def adapted(body: Json, words: str, settings: set[str], tried: set[str]) -> list[str] | None:
    """Change `body` so that a server that refused it with `words` may take it; None where that is no use.

    A field goes by its other name, or goes: `settings` are the names of those that may. Each change is made
    once, as `tried` tells. Returns the settings that went, for the person to hear of.
    """
    if not _REFUSED.search(words):
        return None
    named = {name for name in body if name not in tried and re.search(rf"\b{re.escape(name)}\b", words)}
    gone = []
    for name in [name for name in body if name in named]:
        if other := _INSTEAD.get(name):
            body[other] = body.pop(name)
            tried.add(other)
        elif name in _INSTEAD or name in settings:
            del body[name]
            gone += [name] if name in settings else []
        else:
            named.discard(name)
    tried |= named
    return gone if named else None
