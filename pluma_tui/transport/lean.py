"""httpcore without HTTP/2, which is loaded when a server chooses it and not before.

httpcore imports h2 wherever that is installed: 14 ms and 1.3 MB, for nothing with a server on this machine.
"""

import sys

_LATER = ("httpcore._async.http2", "httpcore._sync.http2")


def _load() -> None:
    """Import httpcore as if h2 were not there: it takes that well, and looks again when it needs it."""
    kept_out = [name for name in _LATER if name not in sys.modules]
    sys.modules.update(dict.fromkeys(kept_out))  # type: ignore[arg-type]
    try:
        import httpcore  # noqa: F401
    finally:
        for name in kept_out:
            del sys.modules[name]


_load()

import httpcore as httpcore  # noqa: E402
