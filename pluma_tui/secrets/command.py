"""`{ command = ["secret-tool", "lookup", "x", "y"] }`: what a program prints, as a line or as JSON."""

import json
import math
from datetime import UTC, datetime
from typing import Any

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef
from pluma_tui.secrets.program import Fetched, Program, first_line


async def fetch(ref: SecretRef) -> Program:
    """The program, with the arguments as they are written; `timeout` is in seconds."""
    argv = ref.value if isinstance(ref.value, tuple) else tuple(ref.value.split())
    return Program(argv, ref.more.get("timeout"), read)


def read(output: bytes) -> Fetched:
    """The first line; or of a JSON object its `secret`, and when that `expires`. Raises SecretError.

    A time is RFC 3339 or seconds since the epoch.
    """
    if not output.lstrip().startswith(b"{"):
        return first_line(output)
    document = _parsed(output)
    secret = document.get("secret") if isinstance(document, dict) else None
    if not isinstance(secret, str):
        raise SecretError('the command printed JSON without a "secret"')
    return Fetched(secret, _time(document.get("expires")))


def _parsed(output: bytes) -> Any:
    try:
        return json.loads(output)
    except (ValueError, RecursionError):  # whose own error holds the whole text
        return None


def _time(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    if isinstance(value, str):
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            time = None
        if time is not None:
            return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    raise SecretError('the "expires" that the command printed is no time')
