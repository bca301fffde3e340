"""Settings of the next token under a dialect's names; what it has no name for is said, not dropped."""

from collections.abc import Mapping

from pluma_tui.core.chat import Sampling
from pluma_tui.core.events import Notice
from pluma_tui.providers.base import Json

Names = Mapping[str, str | tuple[str, ...]]
"""A field of `Sampling` -> what a dialect calls it; several names where its servers differ."""


def mapped(sampling: Sampling, names: Names) -> Json:
    """The settings that were made, under the names of `names`."""
    values: Json = {}
    for ours, theirs in names.items():
        value = getattr(sampling, ours)
        if value is not None:
            values |= dict.fromkeys((theirs,) if isinstance(theirs, str) else theirs, value)
    return values


def ignored(sampling: Sampling, names: Names, where: str) -> list[Notice]:
    """What to tell of settings that have no name in `names`; `where` is what does not know them."""
    lost = [name for name in sampling.__struct_fields__ if getattr(sampling, name) is not None]
    lost = [name for name in lost if name not in names]
    return [Notice(f"{where} has no setting for {', '.join(lost)}")] if lost else []
