"""`{ keyring = "service/user" }`: the system's keyring (Secret Service, KWallet, macOS Keychain, ...)."""

import asyncio
import contextlib
import importlib.util
import threading
from collections.abc import Callable
from typing import TypeVar

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef

T = TypeVar("T")
_TIME_LIMIT = 60.0  # seconds: long enough to unlock it in a window, short enough not to hang for ever
_HINT = "`keyring diagnose` tells what there is. Without one, keep the key in a file: pluma secret set NAME"


async def fetch(ref: SecretRef) -> str:
    """What the keyring holds. Raises SecretError."""
    service, user = _parts(ref)

    def get() -> str | None:
        import keyring

        return keyring.get_password(service, user)

    value = await _call(get)
    if value is None:
        raise SecretError(f"the keyring holds nothing for {ref.value}", hint=f"keyring set {service} {user}")
    return value


async def find(ref: SecretRef) -> str | None:
    """What the keyring holds; None if that is nothing, or there is no keyring. Raises SecretError."""
    service, user = _parts(ref)

    def get() -> str | None:
        import keyring

        with contextlib.suppress(keyring.errors.NoKeyringError):
            return keyring.get_password(service, user)
        return None

    return await _call(get) if importlib.util.find_spec("keyring") else None


async def store(ref: SecretRef, value: str) -> None:
    """Put `value` into the keyring, and see that it is there. Raises SecretError."""
    service, user = _parts(ref)

    def put() -> bool:
        import keyring

        keyring.set_password(service, user, value)
        return keyring.get_password(service, user) == value

    if not await _call(put):  # there is a backend that forgets all at once
        raise SecretError("the keyring does not keep what it is given", hint=_HINT)


async def remove(ref: SecretRef) -> bool:
    """Take it out of the keyring; whether it was there. Raises SecretError."""
    service, user = _parts(ref)

    def take() -> bool:
        import keyring

        if keyring.get_password(service, user) is None:
            return False
        keyring.delete_password(service, user)
        return True

    return await _call(take)


def _parts(ref: SecretRef) -> tuple[str, str]:
    service, _, user = str(ref.value).partition("/")
    return service, user


async def _call(what: Callable[[], T]) -> T:
    """Run `what` aside. The thread is a daemon: a keyring that hangs does not keep the program alive."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    results: list[T] = []
    errors: list[SecretError | BaseException] = []

    def run() -> None:
        try:
            results.append(_in_words(what))
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
            errors.append(error)
        finally:
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, daemon=True, name="keyring").start()
    try:
        async with asyncio.timeout(_TIME_LIMIT):
            await done.wait()
    except TimeoutError:
        raise SecretError(
            f"the keyring gave no answer within {_TIME_LIMIT:.0f} seconds", hint=_HINT
        ) from None
    if errors:
        raise errors[0]
    return results[0]


def _in_words(what: Callable[[], T]) -> T:
    try:
        from keyring.errors import KeyringError, KeyringLocked, NoKeyringError
    except ImportError:
        hint = "pip install 'pluma-tui[keyring]'"
        raise SecretError("the package keyring is not installed", hint=hint) from None
    try:
        return what()
    except NoKeyringError:
        raise SecretError("there is no keyring on this system", hint=_HINT) from None
    except KeyringLocked:
        raise SecretError("the keyring is locked", hint="Unlock it in the desktop session.") from None
    except (KeyringError, OSError, RuntimeError) as error:
        raise SecretError(f"the keyring does not work: {type(error).__name__}", hint=_HINT) from None
