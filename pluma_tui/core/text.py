"""Making untrusted text safe for a terminal: the only such place.

Whatever a model, a server, a file or a file name brought goes through here before a widget or a
terminal sees it, and so does text that was parsed out of it afterwards (an HTML entity becomes a
character only then). What is stored, piped or sent on stays exactly as it was.

The rules: terminated escape and C1 sequences go; CR, CRLF, NEL, VT, FF, LS and PS become a newline;
other controls and lone surrogates become U+FFFD; bidi controls, zero-width characters (not the joiner
of emoji), tags, supplementary variation selectors and kitty's picture placeholder go; of combining
marks at most four stay on a letter. Tabs stay.
"""

import re
import unicodedata

# A string sequence's payload stops at any control, so that no pattern can run over the same text twice.
_PAYLOAD = r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]{0,4096}"
_CSI_BODY = r"[0-?]{0,64}[ -/]{0,8}"
_SEQUENCE = re.compile(
    rf"(?:\x1b\[|\x9b){_CSI_BODY}[@-~]"
    rf"|(?:\x1b\]|\x9d){_PAYLOAD}(?:\x07|\x1b\\|\x9c)"
    rf"|(?:\x1b[PX^_k]|[\x90\x98\x9e\x9f]){_PAYLOAD}(?:\x1b\\|\x9c)"
    r"|\x1b[ -/]{1,4}[0-~]"
    r"|\x1b[0-OQ-WYZ`-jl-~\\]"
)
# The beginning of any of them at the end of a piece: more may come. It is at most _LONGEST characters.
_PARTIAL = re.compile(
    rf"(?:(?:\x1b\[|\x9b){_CSI_BODY}"
    rf"|(?:\x1b[\]PX^_k]|[\x90\x98\x9d\x9e\x9f]){_PAYLOAD}\x1b?"
    r"|\x1b[ -/]{0,4})\Z"
)
_LONGEST = 4100
_NEWLINE = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u115f\u1160\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\U000e0000-\U000e0fff\U0010eeee]"
)
# Where combining marks live: a run that is long enough to hold too many of them is looked at closely.
_RARE = re.compile(
    "[\u0300-\u2fff\u302a-\u302f\u3099\u309a\ua000-\uabff\ufb00-\ufe2f\U00010000-\U0001ffff]{5,}"
)
_SPACE = re.compile(r"[ \t\n]+")
_MARKS_KEPT = 4
_MAX_URL = 2048


def clean(text: str) -> str:
    """`text` with everything removed that could act on a terminal or hide from a reader."""
    if text.isascii() and text.isprintable():
        return text
    if _CONTROL.search(text):
        text = _SEQUENCE.sub("", text)
    return _plain(text)


def clean_line(text: str, limit: int = 200) -> str:
    """`text` as one safe line of at most `limit` characters: for names, titles and messages."""
    line = _SPACE.sub(" ", clean(text[: limit * 8])).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def clean_url(url: str) -> str:
    """A link's target that may be handed to a terminal (OSC 8): http, https or mailto, else empty."""
    if not re.match(r"(?:https?://|mailto:)[^\s]", url, re.IGNORECASE) or len(url) > _MAX_URL:
        return ""
    safe = "".join(c if "!" <= c <= "~" else _percent(c) for c in clean(url) if c not in "\n\t")
    return safe if len(safe) <= _MAX_URL else ""


class Cleaner:
    """`clean` for text that comes in pieces: a sequence may be split over any of them.

    All that `feed` and `flush` return, joined, equals `clean` of all pieces joined.
    """

    def __init__(self) -> None:
        self._held = ""  # the beginning of what may become a sequence
        self._return = ""  # a CR whose LF may follow
        self._marks = ""  # the combining marks that what was shown ends in

    def feed(self, piece: str) -> str:
        """More text; returns what can be shown of it by now."""
        if piece.isascii() and piece.isprintable() and not (self._held or self._return):
            self._marks = "" if piece else self._marks
            return piece
        text = self._held + piece
        text, self._held = _whole(text) if _CONTROL.search(text) else (text, "")
        text = self._return + text
        self._return = "\r" if text.endswith("\r") else ""
        return self._shown(text.removesuffix("\r"))

    def flush(self) -> str:
        """The rest: an unfinished sequence loses its power and stays as text."""
        rest = self._return + self._held
        self._held = self._return = ""
        return self._shown(rest)

    def _shown(self, text: str) -> str:
        """`text` made safe, its first marks counted together with those before it."""
        text = _plain(self._marks + text)
        start = len(self._marks)
        self._marks = _last_marks(text)
        return text[start:]


def _whole(text: str) -> tuple[str, str]:
    """`text` without its sequences, and apart from it the beginning of one at its end."""
    end = 0
    for match in _SEQUENCE.finditer(text):
        end = match.end()
    # Not before `end`: what stood before a sequence and what follows it never become one.
    partial = _PARTIAL.search(text, max(end, len(text) - _LONGEST))
    cut = partial.start() if partial else len(text)
    return _SEQUENCE.sub("", text[:cut]), text[cut:]


def _last_marks(text: str) -> str:
    at = len(text)
    while at and len(text) - at < _MARKS_KEPT and _is_mark(text[at - 1]):
        at -= 1
    return text[at:]


def _plain(text: str) -> str:
    text = _NEWLINE.sub("\n", text)
    text = _CONTROL.sub("\ufffd", text)
    if text.isascii():
        return text
    text = _INVISIBLE.sub("", text)
    return _RARE.sub(_cap_marks, text)


def _cap_marks(match: re.Match[str]) -> str:
    kept: list[str] = []
    marks = 0
    for char in match[0]:
        marks = marks + 1 if _is_mark(char) else 0
        if marks <= _MARKS_KEPT:
            kept.append(char)
    return "".join(kept)


def _is_mark(char: str) -> bool:
    return unicodedata.category(char) in ("Mn", "Me")


def _percent(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "replace"))
