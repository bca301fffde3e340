"""`{ env = "NAME" }`: a variable of the environment."""

import os
import re

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


async def fetch(ref: SecretRef) -> str:
    """The variable's value. Raises SecretError if it is not set."""
    name = str(ref.value)
    if not _NAME.match(name):  # and may be the key, put where its variable's name belongs
        hint = 'env takes the name of a variable, such as { env = "OPENAI_API_KEY" }.'
        raise SecretError("what env says is no name of a variable", hint=hint)
    if name not in os.environ:
        raise SecretError(f"the variable {name} is not set", hint=f"export {name}=...")
    return os.environ[name]
