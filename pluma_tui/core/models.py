"""What is known of a model. What a model can do is data that the interface asks."""

from typing import Literal

import msgspec

Trait = Literal["vision", "tools", "thinking", "embedding"]


class ModelInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model a server offers. `context` is in tokens (0: unknown); `traits` as the server tells."""

    id: str
    label: str = ""
    context: int = 0
    traits: tuple[Trait, ...] = ()
