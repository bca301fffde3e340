"""Which providers there are, for a person to choose one."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Union

from pluma_tui import imaging, providers
from pluma_tui.screens.picker import Item

if TYPE_CHECKING:
    from pluma_tui.imaging.base import ImageProviderPlugin
    from pluma_tui.providers.base import ProviderPlugin

Plugin = Union["ProviderPlugin", "ImageProviderPlugin"]
WHAT = {"chat": "chat", "images": "pictures"}


def plugin(section: str, kind: str) -> Plugin:
    """The provider of that name for `chat` or `images`. Raises UnknownPlugin."""
    return providers.registry.load(kind) if section == "chat" else imaging.registry.load(kind)


async def offered(*sections: str) -> Sequence[Item]:
    """The providers of these sections, as "chat/openai", each with its label and usual address.

    They are loaded apart from the app's own thread, which keys should not wait for.
    """
    return await asyncio.to_thread(_items, sections or tuple(WHAT))


def _items(sections: Sequence[str]) -> list[Item]:
    names = {"chat": providers.registry.names(), "images": imaging.registry.names()}
    return [_item(section, name) for section in sections for name in names[section]]


def _item(section: str, name: str) -> Item:
    made = plugin(section, name)
    about = " · ".join(part for part in (made.label, made.default_base_url) if part)
    return Item(f"{section}/{name}", name, about, WHAT[section])
