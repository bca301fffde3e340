"""A plain string in the config file: accepted, with a warning from the reader."""

from pluma_tui.core.profile import SecretRef


async def fetch(ref: SecretRef) -> str:
    """The value itself."""
    return str(ref.value)
