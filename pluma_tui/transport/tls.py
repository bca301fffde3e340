"""Which certificates are trusted, and which one is shown: TLS settings of a profile."""

import asyncio
import os
import ssl
import sys
import time
from typing import NamedTuple

from pluma_tui.core.errors import ConfigError, SecretError
from pluma_tui.core.profile import Connection, SecretRef
from pluma_tui.files.paths import expanded
from pluma_tui.transport.auth import FetchSecret


class TlsSettings(NamedTuple):
    """What a profile says about TLS. Without a `password` a person is asked for one that is needed."""

    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""
    password: SecretRef | None = None

    @classmethod
    def of(cls, profile: Connection) -> "TlsSettings":
        """The settings of `profile`."""
        return cls(profile.ca_file, profile.client_cert, profile.client_key, profile.client_key_password)


class Tls:
    """TLS as a profile has it set up: the `context`, and the lock that may be on its client's key."""

    def __init__(self, settings: TlsSettings, secret: FetchSecret) -> None:
        """Raises ConfigError for files that are of no use."""
        self.context = trusting(settings.ca_file)
        self._settings = settings
        self._fetch = secret
        self._unlocking = asyncio.Lock()
        self._refused = float("-inf")  # when a pass phrase was tried in vain, on time.monotonic
        self._locked = bool(settings.client_cert) and not _show(self.context, settings)

    async def unlock(self) -> None:
        """Have the client's key ready; its pass phrase is fetched at most once. Raises SecretError."""
        if not self._locked:
            return
        async with self._unlocking:
            if self._locked:
                await self._try()
                self._locked = False

    async def _try(self) -> None:
        key = self._settings.client_key or self._settings.client_cert
        ref = self._settings.password or SecretRef("prompt", str(expanded(key)))
        password = await self._fetch(ref, newer_than=self._refused)
        if not _show(self.context, self._settings, password):
            self._refused = time.monotonic()
            source = "" if ref.kind == "prompt" else f" from {ref}"
            hint = "Try again, or say where the right one is: client_key_password in the profile."
            raise SecretError(f'the pass phrase{source} does not open "{key}"', hint=hint)


def trusting(ca_file: str = "") -> ssl.SSLContext:
    """A context that trusts the system's authorities, or `ca_file` alone. Raises ConfigError."""
    if not ca_file:
        return _of_the_system()
    try:
        return ssl.create_default_context(cafile=expanded(ca_file))
    except (OSError, ValueError) as error:
        raise ConfigError(f'cannot read the certificates in "{ca_file}": {error}', key="ca_file") from error


def _of_the_system() -> ssl.SSLContext:
    """OpenSSL reads the file of most systems itself, once; truststore does for each connection."""
    named = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
    if named or (sys.platform != "darwin" and ssl.get_default_verify_paths().cafile):
        return ssl.create_default_context()
    import truststore

    context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if sys.platform != "darwin":  # a small container may have none at all
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def _show(context: ssl.SSLContext, settings: TlsSettings, password: str = "") -> bool:
    """Let `context` show the client's certificate; whether `password` opens its key. Raises ConfigError."""
    asked = False

    def answer() -> str:  # without this OpenSSL would ask on the terminal
        nonlocal asked
        asked = True
        return password

    cert, key = settings.client_cert, settings.client_key
    try:
        context.load_cert_chain(expanded(cert), expanded(key) if key else None, password=answer)
    except (OSError, ValueError) as error:
        if asked and not _about_the_pair(error):
            return False
        raise ConfigError(
            f'cannot use the client certificate "{cert}": {error}', key="client_cert"
        ) from error
    return True


def _about_the_pair(error: Exception) -> bool:
    """Whether the key was opened, and belongs to another certificate."""
    return isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH"
