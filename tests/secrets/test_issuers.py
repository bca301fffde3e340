"""Issuers that say no, that say nonsense, that hang or that want tokens sent elsewhere."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef
from pluma_tui.secrets import issuer as issuers
from pluma_tui.secrets.device_flow import signed_in
from pluma_tui.secrets.oidc import Oidc
from pluma_tui.secrets.oidc_client import Client
from pluma_tui.secrets.tokens import Tokens
from tests import nasty
from tests.secrets.issuers import (
    ACCESS,
    DEVICE_CODE,
    REFRESH,
    SECRETS,
    TOKENS,
    USER_CODE,
    failing,
    pending,
    scripted,
    settings,
)
from tests.servers.http import Answer
from tests.servers.replay import Play, answer, replay

TLS = Path(__file__).parents[1] / "data" / "tls"


async def sign_in(url: str, told: list[str] | None = None, **more: str) -> tuple[Tokens, list[float]]:
    """The tokens, and how long was waited before each poll."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(round(seconds))

    said: list[str] = [] if told is None else told
    return await signed_in(Client(settings(url, **more)), said.append, sleep), waits


class TestDeviceFlow:
    async def test_what_is_asked_is_what_the_standard_says(self):
        async with scripted() as issuer:
            tokens, _ = await sign_in(issuer.url, audience="https://api.example")
        assert issuer.forms("/device") == [
            {"client_id": "pluma", "scope": "openid offline_access", "audience": "https://api.example"}
        ]
        kind = "urn:ietf:params:oauth:grant-type:device_code"
        assert issuer.forms("/token") == [
            {"client_id": "pluma", "grant_type": kind, "device_code": DEVICE_CODE}
        ]
        assert (tokens.access, tokens.refresh) == (ACCESS, REFRESH)

    async def test_the_person_is_told_where_to_enter_what(self):
        def begin(document: dict[str, Any]) -> None:
            document["verification_uri_complete"] = "https://issuer.example/enter?code=ABCD-EFGH"

        for complete in (False, True):
            told: list[str] = []
            async with scripted(**({"begin": begin} if complete else {})) as issuer:
                await sign_in(issuer.url, told)
            assert told[1] == f"Open https://issuer.example/enter and enter {USER_CODE}"
            assert ("https://issuer.example/enter?code=ABCD-EFGH" in "".join(told)) == complete

    async def test_it_polls_as_the_issuer_wants(self):
        """RFC 8628, section 3.5: five seconds where it says none, five more at every slow_down."""
        away: Answer = (503, None)
        tokens = [
            pending(),
            pending("slow_down"),
            pending(),
            pending("slow_down"),
            away,
            pending(),
            (200, TOKENS),
        ]
        async with scripted(tokens=tokens) as issuer:
            assert (await sign_in(issuer.url))[1] == [5, 5, 10, 10, 15, 30, 30]

    @pytest.mark.parametrize(
        ("interval", "waited"), [(2, 2), ("7", 7), (0, 1), (-3, 1), ("soon", 5), (1e9, 600)]
    )
    async def test_the_interval_is_taken_within_reason(self, interval: object, waited: int):
        async with scripted(begin=lambda document: document.update(interval=interval)) as issuer:
            done = asyncio.gather(sign_in(issuer.url), return_exceptions=True)
            found = (await done)[0]
        assert not isinstance(found, BaseException)
        assert found[1] == [waited]

    async def test_a_line_that_is_cut_is_no_end(self):
        async with scripted(tokens=[b"", b"HTTP/1.1 200 X\r\n", (200, TOKENS)]) as issuer:
            assert (await sign_in(issuer.url))[1] == [5, 10, 20]

    @pytest.mark.parametrize(
        ("said", "words"),
        [
            (pending("access_denied"), "the sign-in was denied"),
            (pending("expired_token"), "the code has run out"),
            (pending("invalid_client"), "does not know this client"),
            (pending("unauthorized_client"), "does not let this client sign in by a code"),
            (pending(DEVICE_CODE), "answers with the status 400"),
            ((400, {"error": {"code": ACCESS}}), "answers with the status 400"),
            ((302, None), "answers with the status 302"),
            (answer(f"<html>{ACCESS}", kind="text/html"), "something else than the standard says"),
            (answer(ACCESS), "something else than the standard says"),
            ((200, [ACCESS]), "something else than the standard says"),
            ((200, {"access_token": 3, "token_type": "Bearer"}), "something else than the standard says"),
            ((200, {**TOKENS, "token_type": "DPoP"}), "of a kind that pluma cannot use"),
            ((200, {**TOKENS, "access_token": f"{ACCESS}\n{ACCESS}"}), "characters that no key may have"),
        ],
    )  # fmt: skip
    async def test_what_ends_it_is_told_in_our_words(self, said: Answer, words: str):
        async with scripted(tokens=[pending(), said]) as issuer:
            with pytest.raises(SecretError, match=words) as caught:
                await sign_in(issuer.url)
        assert not [secret for secret in SECRETS if secret in f"{caught.value}{caught.value.hint}"]

    async def test_a_code_that_has_run_out_is_not_asked_for(self):
        async with scripted(begin=lambda document: document.update(expires_in=0)) as issuer:
            assert (await failing(sign_in(issuer.url))).message == "the code has run out"
        assert issuer.forms("/token") == []

    @pytest.mark.parametrize(
        "lacks", [{"device_code": None}, {"user_code": 3}, {"user_code": ""}, {"verification_uri": "issuer"},
                  {"verification_uri": "javascript:alert(1)"}, {"verification_uri": "http://issuer.example"}],
    )  # fmt: skip
    async def test_a_code_or_an_address_that_is_none(self, lacks: dict[str, Any]):
        async with scripted(begin=lambda document: document.update(lacks)) as issuer:
            assert "something else than the standard says" in (await failing(sign_in(issuer.url))).message

    async def test_no_issuer_acts_on_the_terminal(self):
        for one in nasty.all_of_it():
            changes = {"user_code": f"A{one.text}", "verification_uri": f"https://issuer.example/{one.text}"}
            told: list[str] = []
            async with scripted(begin=lambda document, changes=changes: document.update(changes)) as issuer:
                await asyncio.gather(sign_in(issuer.url, told), return_exceptions=True)
            assert not nasty.FORBIDDEN.search("".join(told))


class TestTrust:
    @pytest.mark.parametrize(
        "endpoint", ["http://127.0.0.1:1/token", "https://elsewhere.example/token", "//elsewhere.example/x",
                     "http://issuer.example/token", "file:///etc/passwd", "nonsense", 3],
    )  # fmt: skip
    async def test_nothing_is_sent_to_an_address_that_the_profile_does_not_know(self, endpoint: object):
        for name in ("device_authorization_endpoint", "token_endpoint"):
            async with scripted(
                change=lambda document, name=name: document.update({name: endpoint})
            ) as issuer:
                await failing(sign_in(issuer.url))
            assert issuer.forms("/token") == []

    async def test_an_address_elsewhere_is_named_and_can_be_allowed(self):
        async with scripted() as other:
            change = {"token_endpoint": f"{other.url}/token"}
            async with scripted(change=lambda document: document.update(change)) as issuer:
                error = await failing(sign_in(issuer.url))
                assert error.message == f"{issuer.url} names an endpoint somewhere else: {other.url}"
                assert error.hint == f'If that is right, put endpoints = "{other.url}" into sign_in.'
                tokens, _ = await sign_in(issuer.url, endpoints=f"https://third.example {other.url}")
        assert tokens.access == ACCESS

    async def test_one_that_says_it_is_another_is_not_believed(self):
        async with scripted(change=lambda document: document.update(issuer="https://big.example")) as issuer:
            error = await failing(sign_in(issuer.url))
        assert "says that it is another issuer" in error.message

    async def test_an_authority_of_its_own_is_trusted_when_named(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TLS / "localhost.pem", TLS / "localhost.key")
        async with replay(answer({"issuer": "https://other.example"}), tls=context) as server:
            assert "is not trusted" in (await failing(sign_in(server.url))).message
            error = await failing(sign_in(server.url, ca_file=str(TLS / "localhost.pem")))
        assert "says that it is another issuer" in error.message

    async def test_no_redirect_is_followed(self):
        async with scripted() as other:
            moved = answer("", status=302, Location=f"{other.url}/.well-known/openid-configuration")
            async with replay(moved) as server:
                await failing(sign_in(server.url))
        assert other.asked == []

    @pytest.mark.parametrize(
        ("sign_in_settings", "words"),
        [
            ({"oidc": "http://issuer.example", "client_id": "x"}, "is not https"),
            ({"oidc": "https://ann:pw@issuer.example", "client_id": "x"}, "name or password"),
            ({"oidc": "issuer.example", "client_id": "x"}, "is no address of a server"),
            ({"oidc": "https://issuer.example"}, "needs an issuer and a client_id"),
            ({"client_id": "x"}, "needs an issuer and a client_id"),
            ({"oidc": "https://issuer.example", "client_id": "x", "scop": "y"}, "scop is none of its keys"),
            ({"oidc": "https://a.example", "client_id": "x", "ca_file": "/no/such"}, "cannot read"),
            ({"oidc": "https://a.example", "client_id": "x", "proxy": "nonsense://x"}, "proxy's address"),
        ],
    )  # fmt: skip
    async def test_settings_that_cannot_be(
        self, sign_in_settings: dict[str, str], words: str, tmp_path: Path
    ):
        ref = SecretRef("oidc", "x", {"settings": sign_in_settings, "profile": "home", "data": str(tmp_path)})
        with pytest.raises(SecretError, match=words) as caught:
            await Oidc(ref).begin(print)
        assert "pw" not in caught.value.message

    @pytest.mark.parametrize(
        "play", [Play(b"", silent=True), Play(answer("<html>"), silent=True), answer("<", kind="text/html"),
                 answer("{}"), answer("[]"), answer("", status=404), b"nonsense\r\n\r\n"],
    )  # fmt: skip
    async def test_what_is_no_issuer_is_told(self, play: Play | bytes, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(issuers, "_TIME_LIMIT", 0.2)
        async with replay(play) as server:
            error = await failing(sign_in(server.url))
        assert server.url in error.message
        assert "base_url" not in error.hint
