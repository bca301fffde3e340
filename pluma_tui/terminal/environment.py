"""Where this runs, as far as the environment tells."""

from collections.abc import Mapping

Environ = Mapping[str, str]


def over_ssh(environ: Environ) -> bool:
    """Whether this runs at the far end of SSH."""
    return any(environ.get(name) for name in ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"))
