"""What OpenSSH says on its standard error, in our own words.

The sentences are OpenSSH's own (sshconnect.c, channels.c, clientloop.c of 9.2), which it says in no other
language. A server may add to them what it likes, by its banner.
"""

import re

from pluma_tui.core.errors import Unreachable
from pluma_tui.core.text import clean_line
from pluma_tui.transport.ssh import Target

_CHANGED = re.compile(r"REMOTE HOST IDENTIFICATION HAS CHANGED|REVOKED HOST KEY")
_UNKNOWN = re.compile(r"Host key verification failed|host key is known for")
_NO_HOST = re.compile(r"Could not resolve hostname (\S+):")
_DENIED = re.compile(r"(Permission denied \(.*\)|Too many authentication failures)")
_NO_WAY = re.compile(r"connect to (?:host|address) (\S+) port (\d+): (.+)")
_CONFIGURED = re.compile(r".*(?:Bad configuration option|Bad owner or permissions|: line \d+: ).*")
_SILENT = re.compile(r"Timeout, server \S+ not responding|Broken pipe|Connection reset")
_NO_CHANNEL = re.compile(r"channel \d+: open failed: ([\w ]+)(?:: (.+))?")


def not_opened(said: str, target: Target) -> Unreachable:
    """Why ssh has ended before it got through."""
    login = clean_line(target.login)
    by_hand = f"`ssh {login}`"
    if _CHANGED.search(said):
        hint = f"If it was set up anew, {by_hand} says how to forget the old key. If not, who is in between?"
        return Unreachable(f"the host key of {login} is not the one that is known here", hint=hint)
    if _UNKNOWN.search(said):
        hint = f"Run {by_hand} once, and compare the fingerprint that it shows."
        return Unreachable(f"ssh does not know the host key of {login} yet", hint=hint)
    if found := _NO_HOST.search(said):
        hint = "Check the name in base_url; an alias belongs into ~/.ssh/config."
        return Unreachable(f"ssh finds no host by the name {clean_line(found[1])}", hint=hint)
    if found := _DENIED.search(said):
        hint = f"Does {by_hand} get in? A key with a pass phrase wants ssh-agent, or a terminal to ask on."
        return Unreachable(f"{login} does not let us in by SSH: {_lower(found[1])}", hint=hint)
    if found := _NO_WAY.search(said):
        where = f"{clean_line(found[1])} port {found[2]}"
        hint = "Does sshd run there? SSH's own port stands in ~/.ssh/config, the server's in base_url."
        return Unreachable(f"no SSH connection to {where}: {_lower(found[3])}", hint=hint)
    if found := _CONFIGURED.search(said):
        return Unreachable(f"ssh cannot use its configuration: {clean_line(found[0])}")
    return Unreachable(f"{ended(said, target)} before it got through", hint=f"Try {by_hand} by hand.")


def may_be_asked(said: str) -> bool:
    """Whether a person could have helped: by a password, a pass phrase, or a look at a fingerprint."""
    if _CHANGED.search(said):
        return False
    return _UNKNOWN.search(said) is not None or _DENIED.search(said) is not None


def not_forwarded(said: str, target: Target) -> Unreachable | None:
    """Why the far side has closed a connection at once, if it says so."""
    found = None
    for found in _NO_CHANNEL.finditer(said):  # noqa: B007 - the last one counts
        pass
    if found is None:
        return None
    login, server = clean_line(target.login), clean_line(target.server)
    if found[1] == "administratively prohibited":
        hint = (
            "AllowTcpForwarding and PermitOpen in its sshd_config, or a key's own options, say what it may."
        )
        return Unreachable(f"{login} lets nobody through to {server}", hint=hint)
    why = _lower(found[2] or found[1])
    if why == "connection refused":
        hint = "Is the server running there, and is the port in base_url its own?"
        return Unreachable(f"nobody listens at {server} on {login}", hint=hint)
    return Unreachable(f"{login} gets no connection to {server}: {why}", hint="Check base_url.")


def ended(said: str, target: Target) -> str:
    """That ssh has ended, and what it said last."""
    login = clean_line(target.login)
    if _SILENT.search(said):
        return f"the line to {login} is dead"
    lines = [line for line in map(clean_line, said.splitlines()) if line]
    return f"ssh to {login} has ended ({_lower(lines[-1])})" if lines else f"ssh to {login} has ended"


def _lower(words: str) -> str:
    words = clean_line(words).rstrip(".")
    return words[:1].lower() + words[1:]
