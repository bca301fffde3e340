"""OpenSSH's own server on a loopback port, as the user who runs the tests, and an `ssh` that knows it.

ssh takes its home from the system's list of users, and not from HOME: the one in `bin` has a configuration
file of its own, and writes down how it was called. Its aliases are the hosts that tests go to:

    box         all is well                      stranger    its key is not let in
    unknown     its host key is not known        locked      its key has the pass phrase PASS_PHRASE
    changed     another host key is known        restricted  its key may not forward
    closed      nobody listens at its port       nowhere     no such host
    silent      takes connections, says nothing
"""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PASS_PHRASE = "open sesame"
_KEYS = {"host": "", "user": "", "strange": "", "locked": PASS_PHRASE, "restricted": ""}
_READY = 10.0  # seconds


@dataclass
class Sshd:
    """`bin` goes first on PATH; `options` are put before those of who calls ssh, and so go over them."""

    folder: Path
    process: subprocess.Popen[bytes]
    silent: socket.socket = field(repr=False)

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @property
    def path(self) -> str:
        return f"{self.bin}:{os.environ['PATH']}"

    def forget(self) -> None:
        """As if ssh had not been called yet."""
        (self.folder / "calls").write_text("")
        self.override()

    def override(self, **options: str) -> None:
        """Have ssh called with these, whatever else it is told."""
        given = [f"-o{name}={value}" for name, value in options.items()]
        (self.folder / "override").write_text(shlex.join(given))

    def calls(self) -> list[list[str]]:
        """How ssh was called: its process id, and its arguments."""
        return [shlex.split(line) for line in (self.folder / "calls").read_text().splitlines()]

    def running(self) -> list[int]:
        """The ssh that have not ended."""
        return [pid for pid in (int(call[0]) for call in self.calls()) if _alive(pid)]

    def signal_sessions(self, number: signal.Signals) -> None:
        """Send a signal to the processes that serve connections."""
        for pid in _below(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


@contextmanager
def run(folder: Path) -> Iterator[Sshd]:
    """Start it in a folder of its own; skips where there is none."""
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if program is None or shutil.which("ssh") is None:
        pytest.skip("OpenSSH's server and client are not both here (openssh-server, openssh-client)")
    if os.geteuid() == 0:  # where sshd locks itself in before it knows who comes
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    _make_keys(folder)
    with socket.socket() as free, socket.socket() as silent:
        free.bind(("127.0.0.1", 0))
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = free.getsockname()[1]
        free.close()
        _configure(folder, port, silent.getsockname()[1])
        with (folder / "sshd.log").open("wb") as log:
            process = subprocess.Popen([program, "-D", "-e", "-f", str(folder / "sshd_config")], stderr=log)
        try:
            _wait_for(port, process, folder)
            server = Sshd(folder, process, silent)
            server.forget()
            yield server
            server.signal_sessions(signal.SIGKILL)
        finally:
            process.terminate()
            process.wait()


def _make_keys(folder: Path) -> None:
    for name, phrase in _KEYS.items():
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-a", "1", "-N", phrase, "-C", name, "-f"]
        subprocess.run([*make, str(folder / name)], check=True)
    public = {name: (folder / f"{name}.pub").read_text() for name in _KEYS}
    allowed = f"{public['user']}{public['locked']}restrict {public['restricted']}"
    (folder / "authorized_keys").write_text(allowed)


def _configure(folder: Path, port: int, silent: int) -> None:
    # Only root can see whether an account is locked: to others all are, unless PAM is asked.
    pam = "no" if os.geteuid() == 0 else "yes"
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nUsePAM {pam}\nStrictModes no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
    )
    for name, key in (("known", "host"), ("outdated", "strange"), ("nobody", "")):
        public = (folder / f"{key}.pub").read_text() if key else ""
        (folder / name).write_text(f"[127.0.0.1]:{port} {public}" if key else "")
    alias = "Host {}\n Port {}\n IdentityFile {}\n UserKnownHostsFile {}\n"
    rows = [
        alias.format("box", port, folder / "user", folder / "known"),
        alias.format("unknown", port, folder / "user", folder / "nobody"),
        alias.format("changed", port, folder / "user", folder / "outdated"),
        alias.format("stranger", port, folder / "strange", folder / "known"),
        alias.format("locked", port, folder / "locked", folder / "known"),
        alias.format("restricted", port, folder / "restricted", folder / "known"),
        alias.format("closed", 1, folder / "user", folder / "known"),
        alias.format("silent", silent, folder / "user", folder / "known"),
        "Host nowhere\n HostName nowhere.invalid\n",
        "Host *\n HostName 127.0.0.1\n GlobalKnownHostsFile /dev/null\n",
        " IdentitiesOnly yes\n IdentityAgent none\n",
    ]
    (folder / "config").write_text("".join(rows))
    (folder / "bin").mkdir()
    wrapper = folder / "bin" / "ssh"
    ssh, here = shutil.which("ssh"), shlex.quote(str(folder))
    wrapper.write_text(
        f'#!/bin/sh\necho "$$ $*" >>{here}/calls\n'
        f'eval "exec {ssh} -F {here}/config $(cat {here}/override) \\"\\$@\\""\n'
    )
    wrapper.chmod(0o755)


def _wait_for(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + _READY
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as line:
            assert line.recv(4) == b"SSH-"
            return
        time.sleep(0.01)
    raise AssertionError(f"sshd did not start: {(folder / 'sshd.log').read_text()}")


def _below(pid: int) -> list[int]:
    """All descendants of a process, the nearest first."""
    rows = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, row.split())) for row in rows.splitlines()]
    found = [pid]
    for parent in found:
        found += [child for child, of in pairs if of == parent]
    return found[1:]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
