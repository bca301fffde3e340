"""What an issuer of tokens is asked for: where its endpoints are (OpenID Connect Discovery 1.0), codes (RFC
8628), tokens (RFC 6749), and to forget them (RFC 7009).

Nothing that it says is repeated, for it may hold what it was sent: its error codes become our words.
"""

import contextlib
import math
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pluma_tui.core.errors import ConfigError, ProviderError, SecretError
from pluma_tui.core.profile import Connection
from pluma_tui.core.text import clean_line, clean_url
from pluma_tui.secrets.base import checked
from pluma_tui.secrets.oidc_client import AWAY, Client, IssuerError, address
from pluma_tui.secrets.tokens import Tokens
from pluma_tui.transport.exchange import get_json
from pluma_tui.transport.form import post_form
from pluma_tui.transport.http import ClientPool

if TYPE_CHECKING:
    import httpx

_DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
_TIME_LIMIT = 15.0  # seconds for each of its answers
_INTERVAL = 5.0  # seconds between two polls where the issuer says none (RFC 8628, section 3.2)
_LONGEST = 3600.0  # seconds: no person is waited for longer, whatever the issuer says
_WORDS = {
    "access_denied": ("the sign-in was denied", ""),
    "expired_token": ("the code has run out", "Sign in again, and enter the new one in time."),
    "invalid_client": ("{issuer} does not know this client", "Check client_id in sign_in."),
    "unauthorized_client": (
        "{issuer} does not let this client sign in by a code",
        "Its client has to be a public one with the grant types device_code and refresh_token.",
    ),
    "invalid_scope": ("{issuer} does not give this scope", "Check scope in sign_in."),
    "invalid_grant": ("{issuer} does not accept this sign-in any more", ""),
}


@dataclass(frozen=True)
class DeviceCode:
    """What a person does to sign in; both addresses are safe to show. Times are in seconds.

    `until` is of time.monotonic. `complete` has the code in it already, and is empty where there is none.
    """

    code: str = field(repr=False)
    user_code: str
    address: str
    complete: str
    until: float
    interval: float


class Issuer:
    """What can be asked of it. All of it raises SecretError, where an answer is meant IssuerError."""

    def __init__(self, client: Client, http: "httpx.AsyncClient", document: Mapping[str, Any]) -> None:
        self._client = client
        self._http = http
        self._document = document

    async def begin(self) -> DeviceCode:
        """A code for the person (RFC 8628, section 3.1)."""
        asked = {"scope": self._client.scope}
        if self._client.audience:
            asked["audience"] = self._client.audience
        said = await self._post("device_authorization_endpoint", asked)
        code, user_code = said.get("device_code"), said.get("user_code")
        shown = _shown(said.get("verification_uri"))
        if not (isinstance(code, str) and code and isinstance(user_code, str) and user_code and shown):
            raise self._strange()
        return DeviceCode(
            code,
            clean_line(user_code, 60),
            shown,
            _shown(said.get("verification_uri_complete")),
            time.monotonic() + min(_seconds(said.get("expires_in"), _LONGEST), _LONGEST),
            max(_seconds(said.get("interval"), _INTERVAL), 1.0),
        )

    async def poll(self, code: DeviceCode) -> Tokens:
        """The tokens, once the person has signed in (RFC 8628, section 3.4)."""
        return await self._tokens({"grant_type": _DEVICE_CODE, "device_code": code.code})

    async def refresh(self, refresh: str) -> Tokens:
        """New tokens for a refresh token, which may be spent by that (RFC 6749, section 6)."""
        return await self._tokens({"grant_type": "refresh_token", "refresh_token": refresh}, refresh)

    async def revoke(self, tokens: Tokens) -> None:
        """Have the issuer forget them, if it can (RFC 7009)."""
        for hint, token in (("refresh_token", tokens.refresh), ("access_token", tokens.access)):
            if token and self._document.get("revocation_endpoint"):
                await self._post("revocation_endpoint", {"token": token, "token_type_hint": hint})

    async def _tokens(self, asked: Mapping[str, str], refresh: str = "") -> Tokens:
        """The tokens of an answer; the refresh token stays the one it was unless a new one comes."""
        obtained = time.time()
        said = await self._post("token_endpoint", asked)
        access, kind = said.get("access_token"), said.get("token_type")
        if not isinstance(access, str) or not isinstance(kind, str):
            raise self._strange()
        if kind.lower() != "bearer":
            raise IssuerError(f"{self._client.issuer} gives tokens of a kind that pluma cannot use")
        new = said.get("refresh_token")
        seconds = _seconds(said.get("expires_in"), math.inf)
        return Tokens(
            checked(access, f"the token from {self._client.issuer}"),
            obtained,
            new if isinstance(new, str) and new else refresh,
            obtained + seconds if math.isfinite(seconds) else None,
        )

    async def _post(self, endpoint: str, asked: Mapping[str, str]) -> Mapping[str, Any]:
        """What is answered to the client asking that."""
        url = self._document.get(endpoint)
        if not isinstance(url, str):
            what = endpoint.removesuffix("_endpoint").replace("_", " ")
            raise IssuerError(f"{self._client.issuer} has no endpoint for {what}")
        fields = {"client_id": self._client.id, **asked}
        try:
            reply = await post_form(self._http, self._client.trusted(url), fields, timeout=_TIME_LIMIT)
        except ProviderError as error:
            raise IssuerError(f"no sign-in: {error.message}", code=AWAY) from None
        if reply.status == 200 and "error" not in reply.document:
            return reply.document
        raise self._refusal(reply.status, str(reply.document.get("error", "")))

    def _refusal(self, status: int, code: str) -> IssuerError:
        issuer = self._client.issuer
        if code in _WORDS:
            words, hint = _WORDS[code]
            return IssuerError(words.format(issuer=issuer), hint=hint, code=code)
        if code in ("authorization_pending", "slow_down"):
            return IssuerError("nobody has signed in yet", code=code)
        busy = status == 429 or status >= 500
        return IssuerError(f"{issuer} answers with the status {status}", code=AWAY if busy else "")

    def _strange(self) -> IssuerError:
        return IssuerError(f"{self._client.issuer} answers with something else than the standard says")


@contextlib.asynccontextmanager
async def reached(client: Client) -> AsyncIterator[Issuer]:
    """The client's issuer, asked where its endpoints are. Raises SecretError."""
    pool = ClientPool()
    try:
        place = Connection(base_url=client.issuer, ca_file=client.ca_file, proxy=client.proxy)
        http = pool.client(place, secret=_none)
        yield Issuer(client, http, await _discovered(client.issuer, http))
    except ConfigError as error:
        raise SecretError(f"sign_in: {error.message}", hint=error.hint) from None
    finally:
        await pool.aclose()


async def _discovered(issuer: str, http: "httpx.AsyncClient") -> Mapping[str, Any]:
    hint = "Check oidc in sign_in, and that the issuer runs."
    try:
        document = await get_json(http, f"{issuer}/.well-known/openid-configuration", timeout=_TIME_LIMIT)
    except ProviderError as error:
        raise IssuerError(f"no sign-in: {error.message}", hint=hint, code=AWAY) from None
    if not isinstance(document, dict):
        raise IssuerError(f"{issuer} is no issuer of tokens", hint=hint)
    if str(document.get("issuer")).rstrip("/") != issuer:  # Discovery 1.0, section 4.3
        raise IssuerError(f"what answers at {issuer} says that it is another issuer", hint=hint)
    return document


def _shown(url: Any) -> str:
    """An address that a person may open, safe for a terminal; empty for what is none."""
    with contextlib.suppress(SecretError):
        if isinstance(url, str) and address(url):
            return clean_url(url.strip())
    return ""


def _seconds(value: Any, otherwise: float) -> float:
    """A time as an issuer says it; some put the number into a string."""
    try:
        seconds = float(value) if isinstance(value, str | int | float) else otherwise
    except (ValueError, OverflowError):
        return otherwise
    return max(seconds, 0.0) if math.isfinite(seconds) else otherwise


async def _none(*_: object, **__: object) -> str:
    """The issuer is sent no key."""
    return ""
