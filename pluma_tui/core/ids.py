"""Short ids that people can copy, and the clock's own notation."""

import secrets
from datetime import UTC, datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to be misread


def new_id() -> str:
    """Twelve random characters (60 bits). Any unambiguous beginning of one may stand for it."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(12))


def now() -> str:
    """The present moment, RFC 3339 in UTC with milliseconds; sorts as text."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
