"""`{ command = ["pass", "show", "x"] }`: the first line a program prints. No shell is involved."""

import asyncio
import contextlib

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef

_TIME_LIMIT = 60.0  # seconds: long enough to unlock a key, short enough not to hang for ever


async def fetch(ref: SecretRef) -> str:
    """The first line of the program's output. Raises SecretError if it fails or takes over a minute."""
    argv = ref.value if isinstance(ref.value, tuple) else tuple(ref.value.split())
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as error:
        raise SecretError(f"{argv[0]} cannot be run: {error.strerror}") from None
    try:
        async with asyncio.timeout(_TIME_LIMIT):
            output, _ = await process.communicate()
    except TimeoutError:
        raise SecretError(f"{argv[0]} gave no key within {_TIME_LIMIT:.0f} seconds") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        raise SecretError(
            f"{argv[0]} ended with status {process.returncode}",
            hint="Run the command by hand to see what it says.",
        )
    return output.split(b"\n", 1)[0].decode("utf-8", "replace")
