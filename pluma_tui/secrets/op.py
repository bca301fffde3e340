"""`{ op = "op://vault/item/field" }`: a field of an item in 1Password."""

from pluma_tui.core.profile import SecretRef
from pluma_tui.secrets.program import Program


async def fetch(ref: SecretRef) -> Program:
    """1Password's program, which may ask to be unlocked."""
    return Program(("op", "read", str(ref.value)), hint="Install op, 1Password's command-line program.")
