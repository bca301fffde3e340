"""What is known of a model. What a model can do is data that the interface asks."""

from typing import Literal

import msgspec

Trait = Literal["vision", "audio", "tools", "thinking", "embedding"]


class Price(msgspec.Struct, frozen=True):
    """What the server says it charges, in US dollars for a million tokens."""

    input: float
    output: float
    cached: float | None = None


class ModelInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model a server offers, as far as the server tells.

    `context` and `output` (the longest answer) are in tokens, `size` in bytes; 0: unknown. `loaded` says
    whether it is in memory now, None where that is not told.
    """

    id: str
    label: str = ""
    context: int = 0
    traits: tuple[Trait, ...] = ()
    output: int = 0
    size: int = 0
    loaded: bool | None = None
    price: Price | None = None


class ModelProgress(msgspec.Struct, frozen=True):
    """A model on its way to a server, or into its memory: `done` of `total` bytes or steps, 0 if unknown."""

    message: str
    done: int = 0
    total: int = 0
