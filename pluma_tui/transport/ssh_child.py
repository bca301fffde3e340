"""One `ssh` that runs beside pluma, and forwards a unix socket to a server on the far side."""

import asyncio
import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import NoReturn

from pluma_tui.core.errors import TimedOut, Unreachable
from pluma_tui.transport.ssh import Target
from pluma_tui.transport.ssh_words import ended, may_be_asked, not_forwarded, not_opened

# Its standard input is a pipe from pluma, whose end is the end of ssh: so pluma may vanish in any way, on any
# system. ssh itself is out of reach of the terminal's signals: an answer may go on after a hangup, and
# Ctrl+C is meant for pluma. What is left of the socket goes with it. Nobody but ssh holds the other pipe, so
# that its end is known as soon as that of its connections; it never reads what it has it for, its standard
# input, and closes its standard output early.
_KEEPER = """
trap '' HUP
socket=$1; shift
exec 3<&0
"$@" 0>&1 3<&- & ssh=$!
exec >/dev/null 2>&1
{ read -r line <&3; kill "$ssh"; } & watch=$!
exec 3<&-
wait "$ssh"; status=$?
kill "$watch"
rm -f "$socket"; rmdir "${socket%/*}"
exit "$status"
"""
# A dead line is noticed within 45 seconds. A shared connection of the person's own would keep our socket open
# after us; forwardings of their configuration may be in use already, which must not be the end of ours.
_OPTIONS = {
    "ControlMaster": "no",
    "ControlPath": "none",
    "ExitOnForwardFailure": "no",
    "LogLevel": "INFO",
    "RemoteCommand": "none",
    "ServerAliveCountMax": "3",
    "ServerAliveInterval": "15",
    "StreamLocalBindMask": "0177",
}
_LAST = 16 * 1024  # bytes of what it says that are looked at
_LOOK = 0.02  # seconds between two looks for the socket
_END = 2.0  # seconds for it to end
_GONE_WITHIN = 0.1  # seconds between the end of its connections and its own
_PLAIN = re.compile(r"/[\w/.+@-]{1,60}", re.ASCII)  # of a unix socket's path 104 bytes are allowed everywhere


class SshChild:
    """After `open` the server is at the unix socket `path`, until `ended`.

    `may_be_asked` says of one that could not be opened whether that was for want of a person who answers it.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.path = _private_folder() / "s"
        self.may_be_asked = False
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as this, then vanishes)
        self._process: asyncio.subprocess.Process | None = None
        self._gone: asyncio.Task[bytes] | None = None

    @property
    def ended(self) -> bool:
        """Whether it is of no more use."""
        return self._gone is None or self._gone.done()

    async def open(self, limit: float | None, *, asks: bool = False, terminal: bool = False) -> None:
        """Start it, and wait until the socket is there, for `limit` seconds (None: for ever).

        With `asks` it may ask a person: on the `terminal`, if it is lent, or by SSH_ASKPASS. Raises
        Unreachable, TimedOut. It is for the caller to close it, whatever comes.
        """
        try:
            async with asyncio.timeout(limit):
                self._process = await self._started(asks, terminal)
                assert self._process.stdout is not None
                self._gone = asyncio.create_task(self._process.stdout.read())
                while not self.path.exists():
                    if self.ended or self._process.returncode is not None:  # or Ctrl+C was its answer
                        self.may_be_asked = may_be_asked(self._said())
                        raise not_opened(self._said(), self.target)
                    await asyncio.sleep(_LOOK)
        except TimeoutError:
            hint = "Is the machine on, and the name right? connect_timeout sets how long to wait."
            raise TimedOut(f"no SSH connection to {self.target.login} in time", hint=hint) from None

    def mark(self) -> int:
        """How much it has said by now, for `refusal`."""
        return 0 if self._log.closed else os.fstat(self._log.fileno()).st_size

    def refusal(self, mark: int) -> Unreachable | None:
        """Why a connection was never forwarded, if it was not; `mark` is from before it."""
        return not_forwarded(self._said(mark), self.target)

    async def last_words(self) -> str:
        """Why it has ended, to be asked when a connection has; empty while it goes on."""
        if self._gone is not None:
            await asyncio.wait({self._gone}, timeout=_GONE_WITHIN)
        return ended(self._said(), self.target) if self.ended else ""

    async def aclose(self) -> None:
        """End it, and wait for that."""
        if self._process is not None and self._gone is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_END):
                    await asyncio.gather(self._process.wait(), self._gone)
        self._log.close()
        shutil.rmtree(self.path.parent, ignore_errors=True)

    async def _started(self, asks: bool, terminal: bool) -> asyncio.subprocess.Process:
        ssh = shutil.which("ssh") or _missing()
        options = {**_OPTIONS, "BatchMode": "no" if asks else "yes"}
        flags = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        user = ["-l", self.target.user] if self.target.user else []
        forward = f"{self.path}:{self.target.server}"
        command = [ssh, "-N", "-T", *flags, "-L", forward, *user, "--", self.target.host]
        return await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", _KEEPER, "sh", str(self.path), *command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._log,
            start_new_session=not terminal,  # so that it cannot ask on a terminal that is not lent
        )

    def _said(self, mark: int = 0) -> str:
        if self._log.closed:
            return ""
        # pread: the child writes at this very file position.
        start = max(mark, self.mark() - _LAST)
        return os.pread(self._log.fileno(), _LAST, start).decode("utf-8", "replace")


def _missing() -> NoReturn:
    raise Unreachable("there is no ssh on this machine", hint="Install the client of OpenSSH.")


def _private_folder() -> Path:
    """A new folder that only this user may enter (0700), with a short name that ssh takes as it is.

    Raises Unreachable.
    """
    for base in (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"):  # noqa: S108
        if _PLAIN.fullmatch(base):
            with contextlib.suppress(OSError):
                return Path(tempfile.mkdtemp(prefix="pluma-ssh-", dir=base))
    hint = "XDG_RUNTIME_DIR, or TMPDIR, names one."
    raise Unreachable("there is no folder for the socket that ssh is to make", hint=hint)
