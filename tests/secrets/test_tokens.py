"""Tokens that are renewed, kept and given back, whoever goes, fails or hangs meanwhile."""

import asyncio
import json
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pluma_tui.files.lock import locked
from pluma_tui.secrets import tokens as keeping
from pluma_tui.secrets.base import Secrets
from pluma_tui.secrets.oidc import Oidc
from pluma_tui.secrets.oidc_client import Client
from pluma_tui.secrets.tokens import Tokens, TokenStore
from tests.secrets.issuers import (
    ACCESS,
    OLD,
    REFRESH,
    TOKENS,
    Scripted,
    failing,
    pending,
    reference,
    scripted,
    settings,
    use_keyring,
)
from tests.servers.http import Answer
from tests.servers.replay import answer


def store(issuer: Scripted, data: Path) -> TokenStore:
    return TokenStore(Client(settings(issuer.url)).identity, data)


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    use_keyring(monkeypatch)


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
        pytest.importorskip("keyring", reason="the package keyring is not installed")
        monkeypatch.setenv("TEST_KEYRING", str(tmp_path / "keyring.json"))
        return lambda backend: use_keyring(monkeypatch, f"tests.secrets.backends.{backend}")

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
