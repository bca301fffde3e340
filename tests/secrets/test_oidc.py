"""Signing in at a real OpenID provider: by a code, with refresh tokens that may be spent once."""

import asyncio
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef
from pluma_tui.secrets.base import Secrets
from pluma_tui.secrets.device_flow import signed_in
from pluma_tui.secrets.oidc import Oidc
from pluma_tui.secrets.oidc_client import Client
from pluma_tui.secrets.tokens import Tokens, TokenStore
from tests.secrets.issuers import reference, settings, use_keyring
from tests.servers import oidc_provider
from tests.servers.oidc_provider import OidcProvider

pytestmark = pytest.mark.skipif(bool(oidc_provider.missing()), reason=oidc_provider.missing())


@pytest.fixture(scope="module")
def provider() -> Iterator[OidcProvider]:
    with oidc_provider.run() as running:
        yield running


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    use_keyring(monkeypatch)


@pytest.fixture
def ref(provider: OidcProvider, tmp_path: Path) -> SecretRef:
    return reference(provider.url, tmp_path)


@pytest.fixture
def store(provider: OidcProvider, tmp_path: Path) -> TokenStore:
    return TokenStore(Client(settings(provider.url)).identity, tmp_path)


async def sign_in(provider: OidcProvider, *, abort: bool = False) -> Tokens:
    """Sign in as a person does, who is quick: all is entered before the first poll."""
    told: list[str] = []

    async def enter(seconds: float) -> None:
        assert seconds == 1  # as this provider wants it
        await asyncio.to_thread(provider.enter, told[2].split()[-1], abort=abort)

    tokens = await signed_in(Client(settings(provider.url)), told.append, enter)
    assert told[1].startswith(f"Open {provider.url}/device and enter ")
    return tokens


async def expired(provider: OidcProvider, store: TokenStore) -> Tokens:
    """The tokens of a sign-in of which an hour is over."""
    tokens = replace(await sign_in(provider), obtained=time.time() - 3600, expires=time.time())
    await store.save(tokens)
    return tokens


async def test_a_code_that_is_entered_gives_a_token(provider: OidcProvider):
    tokens = await sign_in(provider)
    assert provider.person(tokens.access) == "ann"
    assert tokens.refresh
    assert tokens.expires is not None
    assert tokens.expires - tokens.obtained == 3600
    assert tokens.access not in repr(tokens)
    assert tokens.refresh not in repr(tokens)


async def test_a_person_who_says_no_is_understood(provider: OidcProvider):
    with pytest.raises(SecretError, match="the sign-in was denied"):
        await sign_in(provider, abort=True)


async def test_a_token_is_used_as_long_as_it_holds(provider: OidcProvider, store: TokenStore, ref: SecretRef):
    tokens = await sign_in(provider)
    before = len(provider.asked("refresh_token"))
    await store.save(tokens)
    assert [await Secrets().fetch(ref) for _ in range(2)] == [tokens.access] * 2
    assert len(provider.asked("refresh_token")) == before


async def test_one_that_has_run_out_is_renewed_and_kept(
    provider: OidcProvider, store: TokenStore, ref: SecretRef
):
    old = await expired(provider, store)
    new = await Secrets().fetch(ref)
    assert new != old.access
    assert provider.person(new) == "ann"
    kept = await store.load()
    assert kept is not None
    assert (kept.access, kept.refresh != old.refresh) == (new, True)
    await store.save(replace(kept, expires=0.0))  # the refresh token that came with it is good as well
    assert provider.person(await Secrets().fetch(ref)) == "ann"


async def test_one_that_a_server_refuses_is_renewed_once(
    provider: OidcProvider, store: TokenStore, ref: SecretRef
):
    secrets = Secrets()
    await store.save(await sign_in(provider))
    old = await secrets.fetch(ref)
    before = len(provider.asked("refresh_token"))
    asked = time.monotonic()
    new = await asyncio.gather(*(secrets.fetch(ref, newer_than=asked) for _ in range(3)))
    assert new == [new[0]] * 3
    assert new[0] != old
    assert provider.asked("refresh_token")[before:] == [None]


async def test_one_that_somebody_else_renewed_is_taken(
    provider: OidcProvider, store: TokenStore, ref: SecretRef
):
    mine, other = Secrets(), Secrets()
    await store.save(await sign_in(provider))
    await mine.fetch(ref)
    await other.fetch(ref)
    before = len(provider.asked("refresh_token"))
    new = await other.fetch(ref, newer_than=float("inf"))
    assert await mine.fetch(ref, newer_than=float("inf")) == new
    assert provider.asked("refresh_token")[before:] == [None]


async def test_a_sign_in_that_has_ended_is_told_and_forgotten(
    provider: OidcProvider, store: TokenStore, ref: SecretRef
):
    old = await expired(provider, store)
    await Secrets().fetch(ref)
    await store.save(old)  # as one who restored a backup: its refresh token is spent
    with pytest.raises(SecretError) as caught:
        await Secrets().fetch(ref)
    assert caught.value.message == f"you are not signed in at {provider.url}"
    assert caught.value.hint == "Run: pluma secret sign-in home"
    said = "".join(traceback.format_exception(caught.value))
    assert old.refresh not in said
    assert old.access not in said
    assert await store.load() is None
    asked = len(provider.asked("refresh_token"))
    with pytest.raises(SecretError):
        await Secrets().fetch(ref)
    assert len(provider.asked("refresh_token")) == asked


async def test_signing_out_ends_the_sign_in_at_the_provider(
    provider: OidcProvider, store: TokenStore, ref: SecretRef
):
    tokens = await sign_in(provider)
    await store.save(tokens)
    assert await Oidc(ref).end()
    assert await store.load() is None
    assert provider.person(tokens.access) is None
    assert not await Oidc(ref).end()
    await store.save(replace(tokens, expires=0.0))
    with pytest.raises(SecretError, match="not signed in"):
        await Secrets().fetch(ref)
