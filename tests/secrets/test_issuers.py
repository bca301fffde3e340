"""Issuers that say no, that say nonsense, that hang or that want tokens sent elsewhere."""

import asyncio
import json
import stat
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef
from pluma_tui.files.lock import locked
from pluma_tui.secrets import issuer as issuers
from pluma_tui.secrets import tokens as keeping
from pluma_tui.secrets.base import Secrets
from pluma_tui.secrets.device_flow import signed_in
from pluma_tui.secrets.oidc import Oidc
from pluma_tui.secrets.oidc_client import Client
from pluma_tui.secrets.tokens import Tokens, TokenStore
from tests import nasty
from tests.secrets.issuers import (
    ACCESS,
    DEVICE_CODE,
    REFRESH,
    SECRETS,
    TOKENS,
    USER_CODE,
    Scripted,
    pending,
    reference,
    scripted,
    settings,
)
from tests.servers.http import Answer
from tests.servers.replay import Play, answer, replay

OLD = Tokens("old-access-token", time.time() - 3600, "old-refresh-token", time.time() - 1)


async def sign_in(url: str, told: list[str] | None = None, **more: str) -> tuple[Tokens, list[float]]:
    """The tokens, and how long was waited before each poll."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(round(seconds))

    said: list[str] = [] if told is None else told
    return await signed_in(Client(settings(url, **more)), said.append, sleep), waits


async def failing(work: Awaitable[Any]) -> SecretError:
    """The error, in which and in whose traceback no token stands."""
    with pytest.raises(SecretError) as caught:
        await work
    error = caught.value
    said = "".join([*traceback.format_exception(error), error.message, error.hint, repr(error)])
    assert not [secret for secret in (*SECRETS, OLD.access, OLD.refresh) if secret in said]
    assert error.kind == "SecretError"
    return error


def store(issuer: Scripted, data: Path) -> TokenStore:
    return TokenStore(Client(settings(issuer.url)).identity, data)


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


class TestRenewing:
    async def test_the_new_tokens_are_kept_though_nobody_waits_for_them(self, tmp_path: Path):
        """The refresh token is spent as soon as the issuer has it, whoever goes meanwhile."""
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            asked.set()
            await go_on.wait()

        async with scripted(before=hold) as issuer:
            await store(issuer, tmp_path).save(OLD)
            fetching = asyncio.create_task(Secrets().fetch(reference(issuer.url, tmp_path)))
            await asked.wait()
            fetching.cancel()
            await asyncio.sleep(0)  # it has heard of that
            go_on.set()
            await asyncio.wait({fetching})
            assert fetching.cancelled()
            kept = await store(issuer, tmp_path).load()
        assert kept is not None
        assert kept.refresh == REFRESH

    async def test_an_issuer_that_gives_no_new_refresh_token_leaves_the_old_one(self, tmp_path: Path):
        new = {name: value for name, value in TOKENS.items() if name != "refresh_token"}
        async with scripted(tokens=[(200, new)]) as issuer:
            await store(issuer, tmp_path).save(OLD)
            assert await Secrets().fetch(reference(issuer.url, tmp_path)) == ACCESS
            kept = await store(issuer, tmp_path).load()
        assert kept is not None
        assert kept.refresh == OLD.refresh

    @pytest.mark.parametrize(
        ("said", "words"),
        [
            ((500, None), "answers with the status 500"),
            (answer(f"<html>{REFRESH}", kind="text/html"), "something else than the standard says"),
            (b"", "closed the connection without an answer"),
            (pending("invalid_client"), "does not know this client"),
        ],
    )
    async def test_what_may_pass_does_not_end_the_sign_in(self, said: Answer, words: str, tmp_path: Path):
        async with scripted(tokens=[said]) as issuer:
            await store(issuer, tmp_path).save(OLD)
            assert words in (await failing(Secrets().fetch(reference(issuer.url, tmp_path)))).message
            kept = await store(issuer, tmp_path).load()
        assert kept == OLD

    async def test_without_a_time_a_token_holds_until_it_is_refused(self, tmp_path: Path):
        lasting = {name: value for name, value in TOKENS.items() if name != "expires_in"}
        async with scripted(tokens=[(200, lasting), (200, {**lasting, "access_token": "newer"})]) as issuer:
            secrets, ref = Secrets(), reference(issuer.url, tmp_path)
            await store(issuer, tmp_path).save(OLD)
            assert [await secrets.fetch(ref) for _ in range(2)] == [ACCESS] * 2
            assert await secrets.fetch(ref, newer_than=float("inf")) == "newer"


class TestKeeping:
    async def test_a_file_is_for_its_owner_alone(self, tmp_path: Path):
        async with scripted() as issuer:
            kept = store(issuer, tmp_path / "data")
            place = await kept.save(OLD, into_file=True)
            assert await kept.load() == OLD
        path = Path(str(place.value)).expanduser()
        modes = [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent, path.parent.parent)]
        assert modes == [0o600, 0o700, 0o700]
        path.chmod(0o644)
        assert "can be read by others" in (await failing(kept.load())).message

    @pytest.mark.parametrize("text", ["", "nonsense", "[]", json.dumps({"access": 3, "obtained": 0})])
    async def test_what_cannot_be_read_is_no_sign_in(self, text: str, tmp_path: Path):
        async with scripted() as issuer:
            kept = store(issuer, tmp_path)
            place = Path(str((await kept.save(OLD, into_file=True)).value)).expanduser()
            place.write_text(text)
            error = await failing(Secrets().fetch(reference(issuer.url, tmp_path)))
        assert error.message == f"you are not signed in at {issuer.url}"

    async def test_another_issuer_client_scope_audience_or_folder_is_another_sign_in(self, tmp_path: Path):
        url = "https://issuer.example"
        await TokenStore(Client(settings(url)).identity, tmp_path).save(OLD)
        assert await TokenStore(Client(settings(url, ca_file="~/x")).identity, tmp_path).load() == OLD
        for other in (settings(f"{url}/x"), settings(url, client_id="y"), settings(url, scope="z"),
                      settings(url, audience="a")):  # fmt: skip
            assert await TokenStore(Client(other).identity, tmp_path).load() is None
        assert await TokenStore(Client(settings(url)).identity, tmp_path / "other").load() is None

    async def test_who_does_not_get_the_lock_says_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(keeping, "_LOCK_PATIENCE", 0.1)
        async with scripted() as issuer:
            await store(issuer, tmp_path).save(OLD)
            with locked(tmp_path / "secrets"):
                error = await failing(Secrets().fetch(reference(issuer.url, tmp_path)))
        assert error.message == "another process does not let go of the tokens"
        assert issuer.forms("/token") == []


class TestKeyring:
    @pytest.fixture
    def use(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
        library = pytest.importorskip("keyring", reason="the package keyring is not installed")
        monkeypatch.setenv("TEST_KEYRING", str(tmp_path / "keyring.json"))

        def use(backend: str) -> None:
            """The library chooses its keyring once in a process: choose anew."""
            monkeypatch.setenv("PYTHON_KEYRING_BACKEND", f"tests.secrets.backends.{backend}")
            monkeypatch.setattr(library.core, "_keyring_backend", None)

        return use

    @pytest.fixture
    def kept(self, tmp_path: Path) -> TokenStore:
        return TokenStore(Client(settings("https://issuer.example")).identity, tmp_path / "data")

    async def test_it_has_the_tokens_where_there_is_one(
        self, use: Callable[[str], None], kept: TokenStore, tmp_path: Path
    ):
        use("InFile")
        assert (await kept.save(OLD)).kind == "keyring"
        assert await kept.load() == OLD
        assert OLD.refresh in (tmp_path / "keyring.json").read_text()
        assert [path for path in (tmp_path / "data").rglob("*") if path.is_file()] == []
        assert await kept.drop()
        assert (await kept.load(), await kept.drop()) == (None, False)

    async def test_one_that_fails_later_is_gone_round_and_then_left_alone(
        self, use: Callable[[str], None], kept: TokenStore
    ):
        use("InFile")
        await kept.save(OLD)
        use("Broken")
        new = Tokens("new", time.time())
        assert (await kept.save(new)).kind == "file"
        use("InFile")
        assert await kept.load() == new
        assert (await kept.save(new)).kind == "file"
        assert await kept.drop()
        assert await kept.load() is None

    async def test_one_that_is_locked_is_told(self, use: Callable[[str], None], kept: TokenStore):
        use("Locked")
        assert (await failing(kept.load())).message == "the keyring is locked"


class TestSigningOut:
    async def test_both_tokens_are_taken_back(self, tmp_path: Path):
        async with scripted() as issuer:
            await store(issuer, tmp_path).save(OLD)
            assert await Oidc(reference(issuer.url, tmp_path)).end()
        revoked = [(form["token_type_hint"], form["token"]) for form in issuer.forms("/revoke")]
        assert revoked == [("refresh_token", OLD.refresh), ("access_token", OLD.access)]

    async def test_an_issuer_that_cannot_is_not_asked(self, tmp_path: Path):
        async with scripted(change=lambda document: document.pop("revocation_endpoint")) as issuer:
            await store(issuer, tmp_path).save(OLD)
            assert await Oidc(reference(issuer.url, tmp_path)).end()
        assert issuer.forms("/revoke") == []

    async def test_an_issuer_that_is_away_is_told_of_and_the_tokens_go(self, tmp_path: Path):
        async with scripted() as issuer:
            await store(issuer, tmp_path).save(OLD)
        error = await failing(Oidc(reference(issuer.url, tmp_path)).end())
        assert error.message == "signed out on this machine alone"
        assert await store(issuer, tmp_path).load() is None


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that of whoever runs the tests."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
