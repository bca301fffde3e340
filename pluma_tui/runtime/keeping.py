"""Keeping the key of a profile out of the config file, which then says where it is."""

from collections.abc import Callable
from pathlib import Path

from pluma_tui.config import profile_keys
from pluma_tui.config.profile_keys import ProfileKey
from pluma_tui.config.read import Loaded
from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef
from pluma_tui.secrets import kept


async def keep(
    key: ProfileKey,
    value: str,
    loaded: Loaded,
    data: Path,
    *,
    into_file: bool = False,
    say: Callable[[str], None] = lambda words: None,
) -> SecretRef:
    """Keep `value` in the keyring, else in a file of `data`, and have the profile refer to it.

    `say` is told if a key that was kept before could not be deleted. Raises SecretError, ConfigError.
    """
    from pluma_tui.config.edit import set_value

    ref = await kept.put(key.owner, value, data, into_file=into_file)
    if not kept.same_place(key.ref, ref):
        set_value(loaded.path, key.path, {ref.kind: ref.value})
        await _drop_old(key, loaded, data, say)
    return ref


async def forget(key: ProfileKey, loaded: Loaded, data: Path) -> bool:
    """Take the reference out of the file, and delete what is kept there; whether that was done, too.

    What pluma did not put there stays, and so does what another profile uses.
    Raises SecretError, ConfigError.
    """
    from pluma_tui.config.edit import unset_value

    ours = key.ref is not None and kept.is_ours(key.ref, data) and not shared(key, loaded)
    if key.ref is not None and ours:
        await kept.drop(key.ref)
    unset_value(loaded.path, key.path)
    return ours


def shared(key: ProfileKey, loaded: Loaded) -> bool:
    """Whether another profile refers to the same place, as a copy of a profile does."""
    others = (other for other in profile_keys.every(loaded) if other != key)
    return any(kept.same_place(other.ref, key.ref) for other in others)


async def _drop_old(key: ProfileKey, loaded: Loaded, data: Path, say: Callable[[str], None]) -> None:
    """Delete the key that was kept elsewhere until now. If that fails, say so: the new one holds."""
    if key.ref is None or not kept.is_ours(key.ref, data) or shared(key, loaded):
        return
    try:
        await kept.drop(key.ref)
    except SecretError as error:
        say(f"the old key stays at {key.ref}: {error.message}")
