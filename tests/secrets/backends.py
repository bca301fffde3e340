"""Keyrings as tests want them, chosen by PYTHON_KEYRING_BACKEND."""

import json
import os
import threading
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import InitError, KeyringLocked, PasswordDeleteError


class InFile(KeyringBackend):
    """Keeps what it is given in the file that TEST_KEYRING names."""

    priority = 1.0

    def get_password(self, service: str, username: str) -> str | None:
        return self._all().get(f"{service}\n{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._write({**self._all(), f"{service}\n{username}": password})

    def delete_password(self, service: str, username: str) -> None:
        kept = self._all()
        if kept.pop(f"{service}\n{username}", None) is None:
            raise PasswordDeleteError("not there")
        self._write(kept)

    def _all(self) -> dict[str, str]:
        path = Path(os.environ["TEST_KEYRING"])
        return json.loads(path.read_text()) if path.exists() else {}

    def _write(self, kept: dict[str, str]) -> None:
        Path(os.environ["TEST_KEYRING"]).write_text(json.dumps(kept))


class Locked(InFile):
    """Stays locked."""

    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked("the person closed the window")


class Broken(InFile):
    """Has lost its service."""

    def get_password(self, service: str, username: str) -> str | None:
        raise InitError("no bus")


class Silent(InFile):
    """Never answers."""

    def get_password(self, service: str, username: str) -> str | None:
        threading.Event().wait()
        return None
