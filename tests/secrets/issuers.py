"""Issuers for the tests of signing in: one that says what it is told to say, and settings for any."""

import importlib.util
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import ConnectionProfile, SecretRef
from pluma_tui.secrets.base import sign_in_of
from pluma_tui.secrets.tokens import Tokens
from tests.servers.http import Answer, serving
from tests.servers.replay import Request

DEVICE_CODE, USER_CODE = "device-code-that-nobody-may-see", "ABCD-EFGH"
ACCESS, REFRESH = "access-token-that-nobody-may-see", "refresh-token-that-nobody-may-see"
SECRETS = (DEVICE_CODE, ACCESS, REFRESH)
OLD = Tokens("old-access-token", time.time() - 3600, "old-refresh-token", time.time() - 1)
TOKENS = {"access_token": ACCESS, "refresh_token": REFRESH, "token_type": "Bearer", "expires_in": 3600}


def pending(error: str = "authorization_pending") -> Answer:
    """An answer that says no, and repeats what it was sent."""
    return 400, {"error": error, "error_description": " ".join(SECRETS)}


def settings(url: str, **more: str) -> dict[str, str]:
    return {"oidc": url, "client_id": "pluma", **more}


def reference(url: str, data: Path, **more: str) -> SecretRef:
    """What a profile with that `sign_in` has for a key."""
    profile = ConnectionProfile(name="home", compat="openai", sign_in=settings(url, **more))
    ref = sign_in_of(profile, data)
    assert ref is not None
    return ref


@dataclass
class Scripted:
    """`tokens` are its answers at the token endpoint, the last one again and again.

    `change` does what it likes to the discovery document, `begin` to the device authorization. `before`
    is awaited before it gives tokens. `asked` is what it was sent: the path, and the form's fields.
    """

    url: str = ""
    tokens: list[Answer] = field(default_factory=lambda: [(200, TOKENS)])
    change: Callable[[dict[str, Any]], object] = lambda document: None
    begin: Callable[[dict[str, Any]], object] = lambda document: None
    before: Callable[[], Awaitable[object]] | None = None
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def forms(self, path: str) -> list[dict[str, str]]:
        return [fields for asked, fields in self.asked if asked == path]

    async def answer(self, request: Request) -> Answer:
        self.asked.append((request.path, dict(parse_qsl(request.body.decode()))))
        if request.path == "/token":
            if self.before is not None:
                await self.before()
            return self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]
        if request.path == "/revoke":
            return 200, None
        document: dict[str, Any]
        if request.path == "/device":
            document = {"device_code": DEVICE_CODE, "user_code": USER_CODE, "expires_in": 600,
                        "verification_uri": "https://issuer.example/enter"}  # fmt: skip
            self.begin(document)
        else:
            names = {"device_authorization": "device", "token": "token", "revocation": "revoke"}
            document = {f"{name}_endpoint": f"{self.url}/{path}" for name, path in names.items()}
            document["issuer"] = self.url
            self.change(document)
        return 200, document


@asynccontextmanager
async def scripted(**how: Any) -> AsyncIterator[Scripted]:
    """Serve one on a free loopback port."""
    issuer = Scripted(**how)
    async with serving(issuer.answer) as issuer.url:
        yield issuer


def use_keyring(monkeypatch: pytest.MonkeyPatch, backend: str = "keyring.backends.fail.Keyring") -> None:
    """That one, by itself none. The library chooses once in a process, so it has to choose anew."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", backend)
    if importlib.util.find_spec("keyring"):
        monkeypatch.setattr(importlib.import_module("keyring.core"), "_keyring_backend", None)


async def failing(work: Awaitable[Any]) -> SecretError:
    """The error, in which and in whose traceback no token stands."""
    with pytest.raises(SecretError) as caught:
        await work
    error = caught.value
    said = "".join([*traceback.format_exception(error), error.message, error.hint, repr(error)])
    assert not [secret for secret in (*SECRETS, OLD.access, OLD.refresh) if secret in said]
    assert error.kind == "SecretError"
    return error
