"""Chat providers by name. Importing this imports none of them."""

from typing import TYPE_CHECKING

from pluma_tui.core.registry import Registry

if TYPE_CHECKING:
    from pluma_tui.providers.base import ProviderFactory, ProviderPlugin

registry: "Registry[ProviderPlugin]" = Registry(
    "chat provider",
    {
        "anthropic": "pluma_tui.providers.anthropic:PLUGIN",
        "gemini": "pluma_tui.providers.gemini:PLUGIN",
        "koboldcpp": "pluma_tui.providers.koboldcpp:PLUGIN",
        "llamacpp": "pluma_tui.providers.llamacpp:PLUGIN",
        "local": "pluma_tui.providers.local:PLUGIN",
        "ollama": "pluma_tui.providers.ollama:PLUGIN",
        "openai": "pluma_tui.providers.openai:PLUGIN",
        "openai-responses": "pluma_tui.providers.responses:PLUGIN",
    },
)


def register_provider(name: str, factory: "ProviderFactory | ProviderPlugin") -> None:
    """Make `compat = "name"` work in this process.

    `factory` is called as ``factory(profile, client)`` and returns a `Provider`; a whole
    `ProviderPlugin` may be given instead, to say more about it.
    """
    from pluma_tui.providers.base import ProviderPlugin

    if not isinstance(factory, ProviderPlugin):
        factory = ProviderPlugin(name=name, label=name, factory=factory)
    registry.add(name, factory)
