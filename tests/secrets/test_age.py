"""Keys in files that age encrypted: by the library, or by the program where a pass phrase is asked for."""

import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef
from pluma_tui.secrets.base import Secrets
from tests.secrets.conftest import KEY

pyrage = pytest.importorskip("pyrage", reason="the package pyrage is not installed")
needs_age = pytest.mark.skipif(not shutil.which("age"), reason="the program age is not installed")
needs_ssh = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen is not installed")

Refused = Callable[[SecretRef], Awaitable[SecretError]]


class Files:
    """An encrypted key, and the identity that opens it."""

    def __init__(self, folder: Path) -> None:
        self.identity = folder / "keys.txt"
        self.secret = folder / "key.age"
        self.owner = pyrage.x25519.Identity.generate()
        self.hold(f"# created: today\n# public key: {self.owner.to_public()}\n\n{self.owner}\n")
        self.encrypt()

    def hold(self, text: str | bytes) -> None:
        self.identity.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.identity.chmod(0o600)

    def encrypt(self, *, armored: bool = False, to: object = None) -> None:
        to = to or self.owner.to_public()
        self.secret.write_bytes(pyrage.encrypt(f"{KEY}\nmore\n".encode(), [to], armored=armored))

    @property
    def ref(self) -> SecretRef:
        return SecretRef("age", str(self.secret), {"identity": str(self.identity)})


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def without_pyrage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyrage", None)


@pytest.mark.parametrize("armored", [False, True])
async def test_the_first_line_is_the_key(files: Files, armored: bool):
    files.encrypt(armored=armored)
    assert await Secrets().fetch(files.ref) == KEY


async def test_one_of_several_identities_is_enough(files: Files):
    files.hold(f"{pyrage.x25519.Identity.generate()}\n{files.owner}\r\n")
    assert await Secrets().fetch(files.ref) == KEY


async def test_without_an_identity_the_usual_one_is_taken(files: Files, home: Path):
    folder = home / ".config" / "age"
    folder.mkdir(parents=True)
    files.identity.rename(folder / "keys.txt")
    assert await Secrets().fetch(SecretRef("age", str(files.secret))) == KEY


@needs_ssh
async def test_an_ssh_key_is_an_identity(files: Files, tmp_path: Path):
    key = tmp_path / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    files.encrypt(to=pyrage.ssh.Recipient.from_str((tmp_path / "id_ed25519.pub").read_text().strip()))
    assert await Secrets().fetch(SecretRef("age", str(files.secret), {"identity": str(key)})) == KEY


@needs_age
async def test_without_the_package_the_program_does_it(files: Files, monkeypatch: pytest.MonkeyPatch):
    without_pyrage(monkeypatch)
    assert await Secrets().fetch(files.ref) == KEY


async def test_without_either_the_way_to_get_them_is_told(
    files: Files, monkeypatch: pytest.MonkeyPatch, refused: Refused
):
    without_pyrage(monkeypatch)
    monkeypatch.setenv("PATH", "/nowhere")
    error = await refused(files.ref)
    assert error.message == "neither the package pyrage nor the program age is installed"


async def test_an_identity_that_others_can_read_is_refused(files: Files, refused: Refused):
    files.identity.chmod(0o640)
    error = await refused(files.ref)
    assert (error.message, error.hint) == (
        f"{files.identity} can be read by others",
        f"chmod 600 {files.identity}",
    )


@pytest.mark.parametrize("armored", [False, True])
async def test_a_protected_identity_needs_the_program_that_asks(
    files: Files, armored: bool, monkeypatch: pytest.MonkeyPatch, refused: Refused,
    double: Callable[[str, str], None],
):  # fmt: skip
    files.hold(pyrage.passphrase.encrypt(str(files.owner).encode(), "open sesame", armored=armored))
    double("age", f"print({KEY!r} if sys.argv[1:] == {arguments(files)!r} else sys.argv)")
    assert await Secrets().fetch(files.ref) == KEY
    monkeypatch.setenv("PATH", "/nowhere")
    assert (await refused(files.ref)).message == f"{files.identity} is protected by a pass phrase"


@needs_ssh
async def test_a_protected_ssh_key_needs_the_program_too(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
):
    key = tmp_path / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "open sesame", "-f", key], check=True)
    monkeypatch.setenv("PATH", "/nowhere")
    error = await refused(SecretRef("age", str(files.secret), {"identity": str(key)}))
    assert error.message == f"{key} is protected by a pass phrase"


@pytest.mark.parametrize("text", ["", "nonsense", f"AGE-SECRET-KEY-1{KEY.upper()}", "\xff"])
async def test_what_is_no_identity_is_told_and_not_quoted(files: Files, text: str, refused: Refused):
    files.hold(text)
    error = await refused(files.ref)
    assert str(files.identity) in error.message
    assert "nonsense" not in error.message


async def test_an_identity_of_another_cannot_open_it(files: Files, refused: Refused):
    files.hold(str(pyrage.x25519.Identity.generate()))
    assert "cannot be decrypted with" in (await refused(files.ref)).message


async def test_what_age_did_not_encrypt_is_told(files: Files, refused: Refused):
    files.secret.write_text(KEY)
    assert "cannot be decrypted with" in (await refused(files.ref)).message


async def test_a_file_that_is_not_there_is_told(files: Files, refused: Refused):
    files.secret.unlink()
    assert (await refused(files.ref)).message == f"{files.secret} cannot be read: No such file or directory"


def arguments(files: Files) -> list[str]:
    return ["--decrypt", "--identity", str(files.identity), str(files.secret)]
