"""Keys in the system's keyring: fetched, kept, deleted; and what is said where there is none."""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef
from pluma_tui.secrets import keyring as ours
from pluma_tui.secrets.base import Secrets
from tests.secrets.conftest import KEY

Refused = Callable[[SecretRef], Awaitable[SecretError]]
REF = SecretRef("keyring", "some service/ann/deep")

library = pytest.importorskip("keyring", reason="the package keyring is not installed")


def use(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    """The library chooses its keyring once in a process: choose anew."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", backend)
    monkeypatch.setattr(library.core, "_keyring_backend", None)


@pytest.fixture
def in_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, "tests.secrets.backends.InFile")
    monkeypatch.setenv("TEST_KEYRING", str(tmp_path / "keyring.json"))


@pytest.mark.usefixtures("in_file")
async def test_the_user_is_all_behind_the_first_slash():
    library.set_password("some service", "ann/deep", KEY)
    assert await Secrets().fetch(REF) == KEY


@pytest.mark.usefixtures("in_file")
async def test_what_is_kept_is_fetched_until_it_is_deleted(refused: Refused):
    await ours.store(REF, KEY)
    assert await Secrets().fetch(REF) == KEY
    assert [await ours.remove(REF), await ours.remove(REF)] == [True, False]
    error = await refused(REF)
    assert error.message == "the keyring holds nothing for some service/ann/deep"
    assert error.hint == "keyring set some service ann/deep"


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        ("keyring.backends.fail.Keyring", "there is no keyring on this system"),
        ("keyring.backends.null.Keyring", "the keyring holds nothing for"),
        ("tests.secrets.backends.Locked", "the keyring is locked"),
        ("tests.secrets.backends.Broken", "the keyring does not work: InitError"),
    ],
)
async def test_a_keyring_that_does_not_serve_is_told(
    backend: str, words: str, monkeypatch: pytest.MonkeyPatch, refused: Refused
):
    use(monkeypatch, backend)
    error = await refused(REF)
    assert error.message.startswith(words)
    assert error.hint


async def test_a_keyring_that_forgets_all_is_no_place_for_a_key(monkeypatch: pytest.MonkeyPatch):
    use(monkeypatch, "keyring.backends.null.Keyring")
    with pytest.raises(SecretError, match="does not keep"):
        await ours.store(REF, KEY)


async def test_a_keyring_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch, refused: Refused):
    use(monkeypatch, "tests.secrets.backends.Silent")
    monkeypatch.setattr(ours, "_TIME_LIMIT", 0.1)
    assert "gave no answer within" in (await refused(REF)).message


async def test_without_the_package_the_way_to_get_it_is_told(
    monkeypatch: pytest.MonkeyPatch, refused: Refused
):
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setitem(sys.modules, "keyring.errors", None)
    error = await refused(REF)
    assert (error.message, error.hint) == (
        "the package keyring is not installed",
        "pip install 'pluma-tui[keyring]'",
    )
