"""What a terminal answers, taken out of what a person types. Pure.

An answer comes on the same line as keys, at any time and in any pieces. Whatever it is, and however late,
it must never become typing: every string sequence (OSC, DCS, APC) is an answer, for no key sends one, and
of the others those that end questions about modes and attributes. Described by xterm's ctlseqs; the reports
of mode 2031 by https://contour-terminal.org/vt-extensions/color-palette-update-notifications/
"""

import re
from dataclasses import dataclass

ASK_BACKGROUND = "\x1b]11;?\x1b\\"
ASK_NAME = "\x1b[>q"
ASK_CLIPBOARD = "\x1b]52;c;?\x1b\\"
ASK_LAST = "\x1b[c"
"""What every terminal answers: with this answer nothing that was asked before is outstanding."""

_STRING = r"[^\x07\x1b]*(?:\x07|\x1b\\)"
_REPLY = re.compile(
    rf"\x1b\](?P<osc>\d+);(?P<value>{_STRING})"
    rf"|\x1b(?P<string>[P_]{_STRING})"
    r"|\x1b\[\?(?P<numbers>[\d;]*)(?P<final>[cn])"
)
_PASTE_BEGINS, _PASTE_ENDS = "\x1b[200~", "\x1b[201~"
# The beginning of an answer at the end of what came: the rest of it is on its way.
_BEGUN = re.compile(r"\x1b(?:\]\d+(?:;[^\x07\x1b]*\x1b?)?|P[>\d][^\x1b]*\x1b?|_G[^\x1b]*\x1b?|\[\?[\d;]*)\Z")
# It may as well be a key (escape, or one with alt), or begins a paste.
_UNCLEAR = re.compile(r"\x1b(?:[\]P_]|\[(?:2|20|200)?)?\Z")
_MOST = 16_000_000  # characters of an answer: a clipboard may be large


@dataclass(frozen=True)
class Reply:
    """One answer: `kind` is "11" or "52" (an OSC), "P" (a DCS), "_" (an APC), "c" or "n" (of a CSI)."""

    kind: str
    value: str


class Splitter:
    """Takes pieces of input apart into typing and answers."""

    def __init__(self) -> None:
        self.expecting = False  # something was asked: an escape may begin its answer
        self._held = ""
        self._pasting = False

    @property
    def unclear(self) -> bool:
        """Whether something is held that becomes a key if nothing follows soon."""
        return bool(self._held) and _UNCLEAR.fullmatch(self._held) is not None

    def feed(self, piece: str) -> tuple[str, list[Reply]]:
        """What was typed, and what was answered, up to the end of this piece."""
        text, self._held = self._held + piece, ""
        if not self._pasting and "\x1b" not in text:
            return text, []
        typed: list[str] = []
        replies: list[Reply] = []
        while text:
            text = self._pasted(text, typed) if self._pasting else self._keys(text, typed, replies)
        return "".join(typed), replies

    def release(self) -> str:
        """Nothing followed: what is held was a key."""
        text, self._held = self._held, ""
        return text

    def _keys(self, text: str, typed: list[str], replies: list[Reply]) -> str:
        """Take what stands before the next paste; returns the rest."""
        before, begins, rest = text.partition(_PASTE_BEGINS)
        at = 0
        for match in _REPLY.finditer(before):
            typed.append(before[at : match.start()])
            replies.append(_reply(match))
            at = match.end()
        left = before[at:]
        if begins:
            typed += [left, begins]
            self._pasting = True
        else:
            typed.append(self._hold(left))
        return rest

    def _hold(self, text: str) -> str:
        """Keep back what may be the beginning of an answer; returns what comes before it."""
        begun = _BEGUN.search(text) or _UNCLEAR.search(text)
        if begun is not None and begun[0] == "\x1b" and not self.expecting:
            return text  # the escape key is not to be waited for
        if begun is None or len(text) - begun.start() > _MOST:
            return text
        self._held = text[begun.start() :]
        return text[: begun.start()]

    def _pasted(self, text: str, typed: list[str]) -> str:
        """Take what is pasted, without escapes: one of them would end the paste for who reads on."""
        inside, ends, rest = text.partition(_PASTE_ENDS)
        if not ends:
            keep = next((n for n in range(len(_PASTE_ENDS) - 1, 0, -1) if text.endswith(_PASTE_ENDS[:n])), 0)
            inside, self._held = text[: len(text) - keep], text[len(text) - keep :]
        typed += [inside.replace("\x1b", ""), ends]
        self._pasting = not ends
        return rest


def _reply(match: re.Match[str]) -> Reply:
    if match["osc"]:
        return Reply(match["osc"], match["value"].removesuffix("\x1b\\").removesuffix("\x07"))
    if match["string"]:
        return Reply(match["string"][0], match["string"][1:].removesuffix("\x1b\\").removesuffix("\x07"))
    return Reply(match["final"], match["numbers"])


def is_dark(colour: str) -> bool | None:
    """Whether a background is dark, from OSC 11's answer: "rgb:1e1e/1e1e/2e2e"; None if it is no colour."""
    parts = re.fullmatch(r"rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})(?:/.*)?", colour)
    if parts is None:
        return None
    red, green, blue = (int(part, 16) / float(16 ** len(part) - 1) for part in parts.groups())
    return 0.299 * red + 0.587 * green + 0.114 * blue < 0.5


def prefers_dark(numbers: str) -> bool | None:
    """What a report of mode 2031 says: "997;1" is dark, "997;2" light; None for any other report."""
    return {"997;1": True, "997;2": False}.get(numbers)


def name(value: str) -> str:
    """The terminal's name and version from XTVERSION's answer, ">|foot(1.13.1)"; empty if it is none."""
    return value.removeprefix(">|") if value.startswith(">|") else ""
