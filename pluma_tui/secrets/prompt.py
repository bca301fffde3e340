"""The pass phrase of a key's file, from the person at the terminal: asked for once in a run.

No setting names this source: it stands in where a profile has no `client_key_password`.
"""

import os
import sys
from contextlib import suppress
from dataclasses import dataclass

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef
from pluma_tui.core.text import clean_line
from pluma_tui.secrets.program import Fetched, Program, terminal

_ASK = """
import getpass, sys
try:
    print(getpass.getpass(sys.argv[1]))
except (EOFError, KeyboardInterrupt):
    sys.exit(1)
"""
_HINT = 'Say where it is: client_key_password = { env = "NAME" } in the profile, or another reference.'


@dataclass(frozen=True)
class _Question(Program):
    """Asks in a program of its own, which can be given up while it waits."""

    path: str = ""

    async def run(self) -> Fetched:
        """Ask. Raises SecretError where nobody is there to be asked, or nothing is said."""
        if not os.isatty(0) or terminal() is None:
            raise SecretError(f"{self.path} is encrypted, and there is no terminal to ask on", hint=_HINT)
        said = Fetched("")
        with suppress(SecretError):
            said = await super().run()
        if not said.value:
            raise SecretError(f"the pass phrase of {self.path} was not given", hint=_HINT)
        return said


async def fetch(ref: SecretRef) -> Program:
    """What asks for the pass phrase of the file that `ref` names."""
    path = str(ref.value)
    question = f"Pass phrase of {clean_line(path, 300)}: "
    return _Question((sys.executable, "-I", "-c", _ASK, question), path=path)
