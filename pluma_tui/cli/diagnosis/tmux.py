"""tmux: what it stands in the way of, and the line of tmux.conf that lets it through."""

from collections.abc import Iterator, Mapping

from pluma_tui.cli.diagnosis.finding import Finding
from pluma_tui.core.text import clean_line
from pluma_tui.terminal.tmux import OFF

_SLOW_ESCAPE = 100  # milliseconds that one notices


def findings(environ: Mapping[str, str], facts: Mapping[str, str] | None) -> Iterator[Finding]:
    """How tmux is set, by what `ask` brought; nothing outside of it."""
    if environ.get("STY") and not environ.get("TMUX"):
        yield Finding("screen", "ok", "inside GNU screen: no pictures, and no copying by OSC 52")
    if not environ.get("TMUX"):
        return
    if facts is None:
        yield Finding("tmux", "warning", "TMUX is set, and tmux does not answer")
        return
    outside = facts["client_termname"]
    words = f"inside tmux {facts['version']}" + (f", in a terminal that says {outside}" if outside else "")
    yield Finding("tmux", "ok", clean_line(words))
    yield from _advice(facts)


def _advice(facts: Mapping[str, str]) -> Iterator[Finding]:
    """What could be better, each with the line that makes it so."""
    features = facts["client_termfeatures"].split(",") if facts["client_termfeatures"] else None
    if facts["set-clipboard"] != "on":
        yield _line("copying by OSC 52 does not get through", "set -s set-clipboard on")
    if facts["allow-passthrough"] in OFF:
        yield _line("kitty's pictures do not get through", "set -g allow-passthrough on")
    if "kitty" in facts["client_termname"]:  # it knows its own protocol alone, which tmux does not speak
        hint = r"In kitty.conf: map shift+enter send_text all \n (which is ctrl+j: a new line)"
        yield Finding("tmux", "warning", "shift+enter arrives as enter from kitty", hint)
    elif facts["extended-keys"] != "always":
        yield _line("shift+enter arrives as enter", "set -s extended-keys always")
    elif features is not None and "extkeys" not in features:
        yield _line("shift+enter may arrive as enter", 'set -as terminal-features ",*:extkeys"')
    if not facts["default-terminal"].startswith("tmux"):
        words = f"programs are told TERM={facts['default-terminal']}"
        yield _line(words, 'set -g default-terminal "tmux-256color"')
    if features is not None and "RGB" not in features:
        yield _line("24-bit colours become 256", 'set -as terminal-features ",*:RGB"')
    if facts["escape-time"].isdecimal() and int(facts["escape-time"]) > _SLOW_ESCAPE:
        yield _line(f"escape takes {facts['escape-time']} ms to arrive", "set -s escape-time 10")


def _line(words: str, setting: str) -> Finding:
    return Finding("tmux", "warning", clean_line(words), f"In tmux.conf: {setting}")
