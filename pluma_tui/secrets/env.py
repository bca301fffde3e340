"""`{ env = "NAME" }`: a variable of the environment."""

import os

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef


async def fetch(ref: SecretRef) -> str:
    """The variable's value. Raises SecretError if it is not set."""
    name = str(ref.value)
    if name not in os.environ:
        raise SecretError(f"the variable {name} is not set", hint=f"export {name}=...")
    return os.environ[name]
