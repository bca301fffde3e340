"""`{ pass = "path" }`: the first line of an entry of pass, the password store."""

from pluma_tui.core.profile import SecretRef
from pluma_tui.secrets.program import Program


async def fetch(ref: SecretRef) -> Program:
    """The program that shows the entry; gpg may ask for a pass phrase."""
    return Program(("pass", "show", str(ref.value)), hint="Install pass, or gopass with a link named pass.")
