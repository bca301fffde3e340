"""The servers that answer on this machine."""

from collections.abc import Iterator, Sequence

from pluma_tui.cli.diagnosis.finding import Finding
from pluma_tui.config.read import Loaded
from pluma_tui.runtime.discover import Found


def findings(found: Sequence[Found], loaded: Loaded) -> Iterator[Finding]:
    """Each server: the profile that talks to it, or how to."""
    if not found:
        yield Finding("servers", "ok", "none answers on this machine's usual ports")
    for server in found:
        words = f"{server.label} at {server.base_url}{', which wants a key' if server.wants_key else ''}"
        if name := _profile_of(server, loaded):
            yield Finding("servers", "ok", f"{words}: profile {name}")
        elif server.section == "images":
            hint = f"pluma profile add {server.name} --kind {server.kind} --base-url {server.base_url}"
            yield Finding("servers", "ok", words, hint)
        else:
            yield Finding("servers", "ok", words, f"pluma --base-url {server.base_url}")


def _profile_of(server: Found, loaded: Loaded) -> str:
    """The profile whose server this is, by host and port; empty if there is none."""
    from pluma_tui.core.errors import ConfigError
    from pluma_tui.transport.address import is_loopback, read_base_url

    here = read_base_url(server.base_url)
    for name, profile in getattr(loaded.config, server.section).profiles.items():
        try:
            there = read_base_url(profile.base_url)
        except ConfigError:
            continue
        if there.port == here.port and is_loopback(there.host):
            return str(name)
    return ""
