"""The terminal: size, encoding, colours, keys, pictures."""

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping

from pluma_tui.cli.diagnosis.finding import Finding
from pluma_tui.cli.terminal_facts import Answers, within_multiplexer
from pluma_tui.core.text import clean_line
from pluma_tui.terminal import tmux as multiplexer
from pluma_tui.terminal.environment import over_ssh

Environ = Mapping[str, str]
_MOSAIC = "as mosaics of half blocks"
_KITTY_PLACEHOLDERS = 28  # the minor version that has them: pictures that scroll with the text


def findings(environ: Environ, answers: Answers | None, tmux: Mapping[str, str] | None) -> Iterator[Finding]:
    """All about the terminal itself; `answers` is None where it could not be asked, `tmux` what tmux said."""
    yield from _what(environ, answers)
    yield from _encoding()
    yield _colours(environ)
    if answers is not None:
        yield _keys(answers, tmux)
        yield Finding("pictures", "ok", _pictures(environ, answers, tmux))


def _what(environ: Environ, answers: Answers | None) -> Iterator[Finding]:
    term = environ.get("TERM", "")
    size = shutil.get_terminal_size()
    name = answers.name if answers else " ".join(_named_by_environment(environ))
    words = [f"TERM={term}", name, f"{size.columns}x{size.lines}"]
    words += ["over SSH"] if over_ssh(environ) else []
    words += [] if answers else [_why_not_asked()]
    yield Finding("terminal", "ok", ", ".join(clean_line(word, 80) for word in words if word))
    if term in ("", "dumb"):
        yield Finding("terminal", "warning", "no full-screen app can be shown here", 'Use: pluma ask "..."')


def _named_by_environment(environ: Environ) -> Iterator[str]:
    for variable in ("TERM_PROGRAM", "TERM_PROGRAM_VERSION"):
        if environ.get(variable):
            yield environ[variable]


def _why_not_asked() -> str:
    there = sys.stdin.isatty() and sys.stdout.isatty()
    return "it told nothing of itself in time" if there else "not asked: this output goes elsewhere"


def _encoding() -> Iterator[Finding]:
    if sys.stdout.encoding.lower().replace("-", "") != "utf8":
        hint = "Set LANG to a UTF-8 locale, e.g. LANG=C.UTF-8"
        yield Finding("terminal", "warning", f"the locale's encoding is {sys.stdout.encoding}", hint)


def _colours(environ: Environ) -> Finding:
    if environ.get("NO_COLOR"):
        return Finding("colours", "ok", "greys only: NO_COLOR is set", "unset NO_COLOR brings them back.")
    if environ.get("COLORTERM", "") in ("truecolor", "24bit"):
        return Finding("colours", "ok", "24-bit")
    number = _in_terminfo(environ.get("TERM", ""))
    if number is None:
        hint = "Copy it from your own machine: infocmp -x | ssh HOST tic -x -"
        return Finding("colours", "warning", f"TERM={environ.get('TERM', '')} is not described here", hint)
    hint = "If your terminal has more: export COLORTERM=truecolor"
    if over_ssh(environ):
        hint += "; ssh passes it on with SendEnv COLORTERM here and AcceptEnv COLORTERM there."
    return Finding("colours", "ok", f"{number} (COLORTERM is not set)", hint)


def _in_terminfo(term: str) -> int | None:
    """How many colours the system's description of the terminal says; None without one."""
    try:
        import curses
    except ImportError:  # a Python that was built without it
        return 256 if "256" in term else 16
    with contextlib.suppress(curses.error), open(os.devnull) as nowhere:  # noqa: PTH123
        curses.setupterm(term, nowhere.fileno())
        return max(curses.tigetnum("colors"), 2)
    return None


def _keys(answers: Answers, tmux: Mapping[str, str] | None) -> Finding:
    if tmux is not None:
        return Finding("keys", "ok", "as tmux passes them on", "pluma keys --test shows what arrives.")
    if answers.kitty_keys:
        return Finding("keys", "ok", "kitty keyboard protocol: shift+enter and ctrl+enter arrive as such")
    hint = "ctrl+j begins a new line everywhere. pluma keys --test shows what arrives."
    return Finding("keys", "ok", "no kitty keyboard protocol: shift+enter may arrive as enter", hint)


def _pictures(environ: Environ, answers: Answers, tmux: Mapping[str, str] | None) -> str:
    if tmux is not None:  # which claims sixel, whatever is outside of it
        through = multiplexer.lets_through(tmux) and re.search("kitty|ghostty", tmux["client_termname"])
        return "kitty graphics, through tmux" if through else _MOSAIC
    old = re.match(r"kitty\(0\.(\d+)", answers.name)
    if answers.kitty_graphics and old and int(old[1]) < _KITTY_PLACEHOLDERS:
        return f"{_MOSAIC}: kitty's graphics need kitty 0.{_KITTY_PLACEHOLDERS} or newer"
    if answers.kitty_graphics:
        return "kitty graphics"
    if answers.sixel and not within_multiplexer(environ):
        return "sixel"
    if "iTerm" in environ.get("TERM_PROGRAM", ""):
        return "iTerm2's inline images"
    return _MOSAIC
