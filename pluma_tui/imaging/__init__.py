"""Image providers by kind. Importing this imports none of them."""

from typing import TYPE_CHECKING

from pluma_tui.core.registry import Registry

if TYPE_CHECKING:
    from pluma_tui.imaging.base import ImageProviderFactory, ImageProviderPlugin

registry: "Registry[ImageProviderPlugin]" = Registry(
    "image provider",
    {
        "a1111": "pluma_tui.imaging.a1111:PLUGIN",
        "openai-images": "pluma_tui.imaging.openai_images:PLUGIN",
        "comfy": "pluma_tui.imaging.comfy:PLUGIN",
    },
)


def register_image_provider(kind: str, factory: "ImageProviderFactory | ImageProviderPlugin") -> None:
    """Make `kind = "name"` work in this process. `factory` is called as ``factory(profile, client)``."""
    from pluma_tui.imaging.base import ImageProviderPlugin

    if not isinstance(factory, ImageProviderPlugin):
        factory = ImageProviderPlugin(name=kind, label=kind, factory=factory)
    registry.add(kind, factory)
