"""Copying text by the way that is there, with a message that claims no more than what is known.

OSC 52 is described by xterm's ctlseqs: the terminal takes the text without a word. Some can be asked for it
afterwards; of those that put that question to the person instead, none is asked.
"""

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, Protocol

from pluma_tui.terminal import programs, tmux
from pluma_tui.terminal.environment import over_ssh

Way = Literal["osc52", "tmux", "command", "off"]
COPIED = "Copied."
UNKNOWN = "Sent to the terminal; whether it took it cannot be known (pluma doctor tells more)."
_TIME_LIMIT = 3.0  # seconds for a program
_LONGEST = 74_994  # bytes: what xterm's 100,000 characters of base64 hold; other terminals end near it, too
# They ask the person whether a program may read: nobody wants that question after each copy.
_ASKING_BACK = re.compile("kitty|ghostty|iterm", re.IGNORECASE)


class Line(Protocol):
    """The terminal, as far as copying needs it."""

    name: str

    def write(self, data: str) -> None:
        """Send a sequence."""

    async def clipboard(self) -> str | None:
        """What the terminal says its clipboard holds, in base64; None if it does not say."""


def choose(setting: str, environ: Mapping[str, str]) -> Way:
    """The way of `ui.clipboard`; "auto": a program where this is the person's own machine, tmux, OSC 52."""
    if setting in ("osc52", "tmux", "command", "off"):
        return setting  # type: ignore[return-value]
    if not over_ssh(environ) and programs.found(environ):
        return "command"
    return "tmux" if environ.get("TMUX") else "osc52"


async def copy(text: str, setting: str, environ: Mapping[str, str], line: Line) -> str:
    """Copy it; returns what to tell. Never raises for a way that does not work: it is told."""
    ways: dict[Way, Callable[[str, Mapping[str, str], Line], Awaitable[str]]] = {
        "off": _off,
        "command": _by_command,
        "tmux": _by_tmux,
        "osc52": _by_osc52,
    }
    return await ways[choose(setting, environ)](text, environ, line)


async def _off(text: str, environ: Mapping[str, str], line: Line) -> str:
    return "Nothing was copied: ui.clipboard is off."


async def _by_command(text: str, environ: Mapping[str, str], line: Line) -> str:
    found = programs.found(environ)
    if not found:
        return "Nothing was copied: there is no program for it here, such as wl-copy, xclip or pbcopy."
    data = programs.encoded(found[0], text)
    return await _run(programs.argv(found[0]), data, environ) or COPIED


async def _by_tmux(text: str, environ: Mapping[str, str], line: Line) -> str:
    facts = await asyncio.to_thread(tmux.ask, environ)
    if facts is None:
        return "Nothing was copied: ui.clipboard is tmux, and no tmux answers."
    wrong = await _run(["tmux", "load-buffer", "-w", "-"], text.encode("utf-8", "replace"), environ)
    if wrong:
        return wrong
    if "clipboard" in facts["client_termfeatures"].split(","):
        return "Copied to tmux's buffer, and sent on to the terminal."
    return "Copied to tmux's buffer; its terminal is not known to have a clipboard (pluma doctor tells more)."


async def _by_osc52(text: str, environ: Mapping[str, str], line: Line) -> str:
    data = text.encode("utf-8", "replace")
    sequence = f"\x1b]52;c;{base64.b64encode(data).decode()}\x1b\\"
    if environ.get("TMUX"):
        facts = await asyncio.to_thread(tmux.ask, environ)
        if facts is not None and facts["set-clipboard"] != "on":
            if not tmux.lets_through(facts):
                return "Nothing was copied: tmux lets no OSC 52 through (pluma doctor tells how it would)."
            sequence = tmux.wrapped(sequence)
    line.write(sequence)
    if not (environ.get("TMUX") or _asks_person(environ, line.name)):
        held = await line.clipboard()
        if held is not None:
            return COPIED if _same(held, data) else "The terminal did not take it (pluma doctor tells more)."
    too_long = " It is longer than many terminals take." if len(data) > _LONGEST else ""
    return UNKNOWN + too_long


def _same(held: str, data: bytes) -> bool:
    try:
        return base64.b64decode(held, validate=True) == data
    except ValueError:
        return False


def _asks_person(environ: Mapping[str, str], name: str) -> bool:
    named = (environ.get(variable, "") for variable in ("TERM", "TERM_PROGRAM", "LC_TERMINAL"))
    return any(_ASKING_BACK.search(one) for one in (name, *named))


async def _run(argv: list[str], data: bytes, environ: Mapping[str, str]) -> str:
    """Give `data` to a program; returns what went wrong, empty if nothing did.

    Its output goes nowhere: xclip and wl-copy stay behind to hold the text, and would hold a pipe with it.
    """
    null = asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.PIPE, stdout=null, stderr=null, env=dict(environ)
        )
    except OSError as error:
        return f"Nothing was copied: {argv[0]} cannot be run ({error.strerror})."
    try:
        async with asyncio.timeout(_TIME_LIMIT):
            await process.communicate(data)
    except TimeoutError:
        process.kill()
        return f"Nothing was copied: {argv[0]} did not end in {_TIME_LIMIT:.0f} seconds."
    return "" if process.returncode == 0 else f"Nothing was copied: {argv[0]} failed ({process.returncode})."
