"""Which certificates are trusted, and which one is shown: TLS settings of a profile."""

import ssl

import httpx

from pluma_tui.core.errors import ConfigError


def tls_context(ca_file: str = "", client_cert: str = "", client_key: str = "") -> ssl.SSLContext:
    """A context that trusts the system's authorities, or `ca_file` alone. Raises ConfigError."""
    try:
        if ca_file:
            context = ssl.create_default_context(cafile=ca_file)
        else:
            context = httpx.create_ssl_context()
            context.load_default_certs()
    except (OSError, ValueError) as error:
        raise ConfigError(f'cannot read the certificates in "{ca_file}": {error}', key="ca_file") from error
    if client_cert:
        _show(context, client_cert, client_key)
    return context


def _show(context: ssl.SSLContext, cert: str, key: str) -> None:
    """Let `context` present a client certificate."""
    locked = False

    def refuse() -> str:  # without this OpenSSL would ask on the terminal
        nonlocal locked
        locked = True
        return ""

    try:
        context.load_cert_chain(cert, key or None, password=refuse)
    except (OSError, ValueError) as error:
        if locked:
            hint = "Keys with a pass phrase cannot be used yet: store the key without one."
            raise ConfigError(f'"{key or cert}" is encrypted', hint=hint, key="client_key") from error
        raise ConfigError(
            f'cannot use the client certificate "{cert}": {error}', key="client_cert"
        ) from error
