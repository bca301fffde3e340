"""Keys that pluma keeps for its profiles: in the system's keyring, else in files of its data folder."""

from pathlib import Path

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef
from pluma_tui.files.paths import expanded, private_dir, shown
from pluma_tui.secrets import file, keyring

SERVICE = "pluma"
FOLDER = "secrets"


async def put(owner: str, value: str, data: Path, *, into_file: bool = False) -> SecretRef:
    """Keep `value` for `owner` ("chat/home"), and say where; in a file if there is no keyring.

    Raises SecretError.
    """
    ref = in_keyring(owner)
    if not into_file:
        try:
            await keyring.store(ref, value)
        except SecretError:
            into_file = True
    if into_file:
        ref = in_file(owner, data)
        try:
            private_dir(data)
        except OSError as error:
            raise SecretError(f"{data} cannot be made: {error.strerror}") from None
        file.store(_path(ref), value)
    return ref


async def drop(ref: SecretRef) -> bool:
    """Delete what is kept at `ref`; whether there was something. Raises SecretError."""
    return await keyring.remove(ref) if ref.kind == "keyring" else file.remove(_path(ref))


def is_ours(ref: SecretRef, data: Path) -> bool:
    """Whether what `ref` names was put there by pluma."""
    if ref.kind == "keyring":
        return str(ref.value).startswith(f"{SERVICE}/")
    return ref.kind == "file" and _path(ref).parent == data.absolute() / FOLDER


def same_place(one: SecretRef | None, other: SecretRef | None) -> bool:
    """Whether both name the same place, whatever else they say."""
    if one is None or other is None or one.kind != other.kind:
        return False
    return _path(one) == _path(other) if one.kind == "file" else one.value == other.value


def in_keyring(owner: str) -> SecretRef:
    """Where the keyring has the key of `owner`."""
    return SecretRef("keyring", f"{SERVICE}/{owner}")


def in_file(owner: str, data: Path) -> SecretRef:
    """The file that has the key of `owner`; the name of its section holds no dot, so no two share one."""
    return SecretRef("file", shown(data.absolute() / FOLDER / owner.replace("/", ".", 1)))


def _path(ref: SecretRef) -> Path:
    return expanded(str(ref.value)).absolute()
