"""pluma as a client of an issuer of tokens: what a profile's `sign_in` says, and which addresses it trusts.

The standard lets an issuer name endpoints at any https address, for its document is as good as its own word.
Refresh tokens go there all the same, and a document that somebody slipped onto the issuer's host would be
enough to have them sent elsewhere. So what is not at the issuer's own address counts only if the profile
names it, too (`endpoints`).

pluma is a public client: what everybody can install keeps no secret of its own (RFC 8252, section 8.5).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pluma_tui.core.errors import ConfigError, SecretError
from pluma_tui.files.paths import expanded
from pluma_tui.transport.address import is_loopback, origin, read_base_url, upstream

if TYPE_CHECKING:
    import httpx

_SETTINGS = ("oidc", "client_id", "scope", "audience", "endpoints", "ca_file", "proxy")
AWAY = "away"
"""The code of an IssuerError for one that did not answer, or that is broken or busy for the moment."""
_SCOPE = "openid offline_access"  # with a refresh token (OpenID Connect Core 1.0, section 11)


class IssuerError(SecretError):
    """The issuer did not do it. `code` is OAuth's (RFC 6749, section 5.2; RFC 8628, section 3.5), or AWAY."""

    def __init__(self, message: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code

    @property
    def kind(self) -> str:
        """To the outside it is a SecretError."""
        return SecretError.__name__


class Client:
    """This program at one issuer, as a profile's `sign_in` says it. Raises SecretError."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        for name in settings:
            if name not in _SETTINGS:
                raise SecretError(f"sign_in: {name} is none of its keys, which are: {', '.join(_SETTINGS)}")
        self.issuer = settings.get("oidc", "").rstrip("/")
        self.id = settings.get("client_id", "")
        self.scope = settings.get("scope") or _SCOPE
        self.audience = settings.get("audience", "")
        self.proxy = settings.get("proxy", "")
        self.ca_file = str(expanded(settings["ca_file"])) if settings.get("ca_file") else ""
        if not self.issuer or not self.id:
            hint = 'Write sign_in = { oidc = "https://issuer", client_id = "..." }.'
            raise SecretError("sign_in needs an issuer and a client_id", hint=hint)
        named = (self.issuer, *settings.get("endpoints", "").split())
        self._origins = {origin(address(url)) for url in named}

    @property
    def identity(self) -> tuple[str, ...]:
        """What makes a sign-in another one."""
        return (self.issuer, self.id, self.scope, self.audience)

    def trusted(self, endpoint: str) -> str:
        """`endpoint`, as the issuer names it, if it may be sent tokens. Raises SecretError."""
        url = address(endpoint)
        if origin(url) not in self._origins:
            there = upstream(url.copy_with(path="/"))
            hint = f'If that is right, put endpoints = "{there}" into sign_in.'
            raise IssuerError(f"{self.issuer} names an endpoint somewhere else: {there}", hint=hint)
        return endpoint.strip()


def address(text: str) -> "httpx.URL":
    """`text` if it is an address of https, or of http on this machine. Raises SecretError."""
    try:
        url = read_base_url(text)
    except ConfigError as error:
        raise SecretError(f"sign_in: {error.message}", hint=error.hint) from None
    if url.userinfo:
        raise SecretError("sign_in: an address with a name or password in it cannot be used")
    if url.scheme != "https" and not is_loopback(url.host):
        words = f"{upstream(url)} is not https: everybody could read the tokens on their way"
        raise SecretError(f"sign_in: {words}")
    return url
