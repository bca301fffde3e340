import sys
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef
from pluma_tui.secrets.base import Secrets

KEY = "sk-a-key-that-nobody-may-see"


@pytest.fixture
def refused() -> Callable[[SecretRef], Awaitable[SecretError]]:
    """Fetches what cannot be fetched and gives the error; whatever it is asked, no key is in it."""

    async def fetch(ref: SecretRef) -> SecretError:
        with pytest.raises(SecretError) as caught:
            await Secrets().fetch(ref)
        error = caught.value
        said = [*traceback.format_exception(error), error.message, error.hint, repr(error)]
        assert KEY not in "".join(said)
        return error

    return fetch


@pytest.fixture
def double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Puts a program of that name, in Python, before all others."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")

    def make(name: str, body: str) -> None:
        path = folder / name
        path.write_text(f"#!{sys.executable}\nimport os, sys\n{body}\n")
        path.chmod(0o755)

    return make
