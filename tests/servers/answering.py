"""A terminal that answers what it is asked, as real ones do (xterm's ctlseqs)."""

import base64
import fcntl
import re
import struct
import termios
from collections.abc import Mapping, Sequence

from tests.servers.terminal import Terminal

DARK, LIGHT = "rgb:1616/1818/1c1c", "rgb:ffff/ffff/ffff"
_QUESTION = re.compile(
    rb"\x1b\](?P<osc>11|52);(?P<what>[^\x07\x1b]*)(?:\x1b\\|\x07)|\x1b\[(?P<end>>q|c)|\x1b\[\?(?P<mode>\d+)\$p"
)


class Answering(Terminal):
    """`background` and `clipboard` are what it has; `late` keeps its answers back until `answer_now`."""

    def __init__(
        self, argv: Sequence[str], env: Mapping[str, str], *, background: str = DARK, **size: int
    ) -> None:
        super().__init__(argv, env, **size)
        self.background = background
        self.clipboard: str | None = None
        self.late = False
        self._waiting: list[str] = []
        self._seen = 0

    def read(self) -> bool:
        """Take what there is, and answer."""
        more = super().read()
        for match in _QUESTION.finditer(bytes(self.output), self._seen):
            self._seen = match.end()
            self._waiting.append(self._answer(match))
        if not self.late:
            self.answer_now()
        return more

    def answer_now(self) -> None:
        """Give the answers that were kept back."""
        said, self._waiting = "".join(self._waiting), []
        if said and self.process.isalive():
            self.send(said)

    def resize(self, columns: int, rows: int) -> None:
        """As a person does who pulls at the window's corner."""
        fcntl.ioctl(self.process.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._screen.resize(rows, columns)

    def _answer(self, match: re.Match[bytes]) -> str:
        if match["osc"] == b"11":
            return f"\x1b]11;{self.background}\x1b\\"
        if match["osc"] == b"52":
            return self._copy(match["what"].decode().partition(";")[2])
        if match["mode"]:
            return f"\x1b[?{match['mode'].decode()};{2 if match['mode'] == b'2026' else 0}$y"
        return "\x1bP>|pretended(1.0)\x1b\\" if match["end"] == b">q" else "\x1b[?62;22c"

    def _copy(self, what: str) -> str:
        if what != "?":
            self.clipboard = base64.b64decode(what).decode()
            return ""
        held = base64.b64encode((self.clipboard or "").encode()).decode()
        return f"\x1b]52;c;{held}\x1b\\"
