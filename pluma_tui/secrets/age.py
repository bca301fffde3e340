"""`{ age = "file", identity = "file" }`: the first line of a file that age encrypted.

Done by the package pyrage; without it, or where a pass phrase must be asked for, by the program `age`.
"""

import shutil
from pathlib import Path

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef
from pluma_tui.files.paths import expanded
from pluma_tui.secrets.file import content
from pluma_tui.secrets.program import Fetched, Program, first_line

IDENTITY = "~/.config/age/keys.txt"
"""The identity where the reference names none; it holds what `age-keygen` prints, or an SSH key."""

_LIMIT = 1 << 20
_PROTECTED = (b"-----BEGIN AGE ENCRYPTED FILE-----", b"age-encryption.org/v1")


async def fetch(ref: SecretRef) -> Fetched | Program:
    """The decrypted line. Raises SecretError, also if group or others may read the identity."""
    identity = expanded(str(ref.more.get("identity") or IDENTITY)).absolute()
    keys = content(identity, _LIMIT)
    secret = expanded(str(ref.value)).absolute()
    program = Program(("age", "--decrypt", "--identity", str(identity), str(secret)))
    try:
        import pyrage
    except ImportError:
        return _by_program(program, "neither the package pyrage nor the program age is installed")
    if keys.startswith(_PROTECTED):
        return _by_program(program, f"{identity} is protected by a pass phrase")
    try:
        return first_line(pyrage.decrypt(_read(secret), _identities(keys)))
    except pyrage.IdentityError as error:
        if "decrypted first" in str(error):
            return _by_program(program, f"{identity} is protected by a pass phrase")
        raise SecretError(f"{identity} holds no identity of age") from None
    except pyrage.DecryptError:
        hint = "Was it encrypted for this identity?"
        raise SecretError(f"{secret} cannot be decrypted with {identity}", hint=hint) from None


def _by_program(program: Program, why: str) -> Program:
    if shutil.which(program.argv[0]):
        return program
    raise SecretError(
        why, hint="Install the program age; or for what needs no pass phrase: pip install pyrage"
    )


def _identities(keys: bytes) -> list[object]:
    import pyrage

    if b"PRIVATE KEY-----" in keys:
        return [pyrage.ssh.Identity.from_buffer(keys)]
    lines = [line.strip() for line in keys.decode("utf-8", "replace").splitlines()]
    named = [line for line in lines if line and not line.startswith("#")]
    return [pyrage.x25519.Identity.from_str(line) for line in named]


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LIMIT)
    except OSError as error:
        raise SecretError(f"{path} cannot be read: {error.strerror}") from None
