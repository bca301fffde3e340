"""A real OpenBao server in development mode: in memory, unsealed, on loopback."""

import contextlib
import json
import re
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).with_name("bao")
TOKEN = "root-token-of-the-tests"
_READY = "core: vault is unsealed"
_CLUSTER = re.compile(r'cluster address: "127\.0\.0\.1:(\d+)"')  # always the port after the server's own
_PATIENCE = 30.0  # seconds


@dataclass(frozen=True)
class OpenBao:
    """`url` has no path; `authority` is the certificate to trust, None without TLS."""

    url: str
    authority: Path | None = None

    def call(self, method: str, path: str, **body: Any) -> Any:
        """Ask the server as root; what it answered, None if that is nothing."""
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(
            f"{self.url}/v1/{path}", data, {"X-Vault-Token": TOKEN}, method=method
        )
        trust = ssl.create_default_context(cafile=self.authority) if self.authority else None
        with urllib.request.urlopen(request, timeout=_PATIENCE, context=trust) as response:
            return json.loads(response.read() or b"null")


@contextlib.contextmanager
def run(folder: Path, *, tls: bool = False) -> Iterator[OpenBao]:
    """Start it on a free port; it ends with the block."""
    log = folder / "openbao.log"
    command = [PROGRAM, "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={TOKEN}"]
    secure = ["-dev-tls", f"-dev-tls-cert-dir={folder}"] if tls else []
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, *secure, "-dev-listen-address=127.0.0.1:0"], stdout=output, stderr=output, cwd=folder,
            env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
    try:
        address = f"127.0.0.1:{_port(process, log)}"
        yield OpenBao(f"https://{address}", folder / "vault-ca.pem") if tls else OpenBao(f"http://{address}")
    finally:
        process.terminate()
        process.wait()


def _port(process: "subprocess.Popen[bytes]", log: Path) -> int:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        text = log.read_text()
        if _READY in text and (found := _CLUSTER.search(text)):
            return int(found[1]) - 1
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    raise AssertionError(f"OpenBao did not start: {log.read_text()}")
