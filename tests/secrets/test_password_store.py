"""Keys in pass, with a real gpg; its pass phrase is asked for on the terminal."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef
from pluma_tui.secrets.base import Secrets
from tests.secrets.conftest import KEY
from tests.secrets.test_program import fetching

NEEDED = ("pass", "gpg", "gpgconf", "pinentry-curses")
MISSING = [program for program in NEEDED if not shutil.which(program)]
pytestmark = [pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")]

PHRASE = "open sesame"
REF = SecretRef("pass", "chat/home")


class Store:
    """A password store and the key ring of gpg that opens it; what to put into the environment is `env`."""

    def __init__(self, folder: Path) -> None:
        self.env = {
            "GNUPGHOME": str(folder / "gnupg"),
            "PASSWORD_STORE_DIR": str(folder / "store"),
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
        }
        (folder / "gnupg").mkdir(mode=0o700)
        settings = f"pinentry-program {shutil.which('pinentry-curses')}\ns2k-count 65536\n"
        (folder / "gnupg" / "gpg-agent.conf").write_text(settings)

    def make(self, phrase: str) -> None:
        gpg = ["gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase", phrase]
        self.run(*gpg, "--quick-generate-key", "ann", "future-default", "default", "never")
        self.run("pass", "init", "ann")
        self.run("pass", "insert", "--multiline", str(REF.value), text=f"{KEY}\nlogin: ann\n")
        self.run("gpgconf", "--kill", "gpg-agent")

    def run(self, *argv: str, text: str = "") -> None:
        subprocess.run(argv, env=self.env, input=text, text=True, check=True, capture_output=True)


@pytest.fixture
def store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory(prefix="g") as folder:  # gpg's sockets need a short path
        store = Store(Path(folder))
        yield store
        store.run("gpgconf", "--kill", "gpg-agent")


def use(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in store.env.items():
        monkeypatch.setenv(name, value)


async def test_the_first_line_of_an_entry_is_the_key(store: Store, monkeypatch: pytest.MonkeyPatch):
    store.make("")
    use(store, monkeypatch)
    assert await Secrets().fetch(REF) == KEY


def test_the_pass_phrase_is_asked_for_on_the_terminal(store: Store):
    store.make(PHRASE)
    with fetching(REF, env=store.env) as terminal:
        terminal.until("Passphrase:")
        terminal.send(f"{PHRASE}\r")
        terminal.until(f"fetched {len(KEY)} characters")
        assert terminal.wait() == 0
        assert KEY.encode() not in terminal.output


async def test_without_a_terminal_a_locked_store_is_told(
    store: Store, monkeypatch: pytest.MonkeyPatch, refused: Callable[[SecretRef], Awaitable[SecretError]]
):
    store.make(PHRASE)
    use(store, monkeypatch)
    monkeypatch.delenv("GPG_TTY", raising=False)
    error = await refused(REF)
    assert error.message.startswith("pass ended with status ")


async def test_an_entry_that_is_not_there_is_told(
    store: Store, monkeypatch: pytest.MonkeyPatch, refused: Callable[[SecretRef], Awaitable[SecretError]]
):
    use(store, monkeypatch)
    error = await refused(SecretRef("pass", "nothing"))
    assert error.message == "pass ended with status 1"
