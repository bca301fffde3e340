"""Programs that print a key: with the terminal where a person sits at one, without it elsewhere."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef
from pluma_tui.secrets.base import Secrets
from tests.secrets.conftest import KEY
from tests.servers.terminal import Terminal

Refused = Callable[[SecretRef], Awaitable[SecretError]]
Double = Callable[[str, str], None]

FETCH = """
import asyncio, sys, tty
from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef
from pluma_tui.secrets.base import Secrets
if {raw}:
    tty.setcbreak(0)
try:
    key = asyncio.run(Secrets().fetch(SecretRef({kind!r}, {value!r})))
    print("fetched", len(key), "characters")
except SecretError as error:
    print("failed:", error.message)
"""
ASK = f"""
import os, sys
try:
    open("/dev/tty").close()
    own = "a terminal"
except OSError:
    own = "no terminal"
sys.stderr.write(f"to open there is {{own}}, GPG_TTY={{os.environ.get('GPG_TTY', 'unset')}}; pass phrase? ")
sys.stderr.flush()
print({KEY!r} if sys.stdin.readline() == "open sesame\\n" else "-")
"""


def fetching(ref: SecretRef, *, raw: bool = False, env: Mapping[str, str] | None = None) -> Terminal:
    """A terminal in which a secret is fetched; `raw`: as a full-screen app has it."""
    code = FETCH.format(kind=ref.kind, value=ref.value, raw=raw)
    names = ("PATH", "HOME")
    given = {name: os.environ[name] for name in names} | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return Terminal([sys.executable, "-c", code], {**given, **(env or {})})


ASKING = SecretRef("command", (sys.executable, "-c", ASK))


class TestTerminal:
    def test_a_program_may_ask_the_person_at_the_terminal(self):
        with fetching(ASKING) as terminal:
            terminal.until("to open there is a terminal, GPG_TTY=/dev/")
            terminal.send("open sesame\n")
            terminal.until(f"fetched {len(KEY)} characters")
            assert terminal.wait() == 0
            assert KEY.encode() not in terminal.output

    def test_a_terminal_that_gpg_was_told_of_stays_the_one(self):
        with fetching(ASKING, env={"GPG_TTY": "/dev/mine"}) as terminal:
            terminal.until("GPG_TTY=/dev/mine")

    def test_an_app_that_has_taken_the_terminal_over_keeps_it(self):
        with fetching(ASKING, raw=True) as terminal:
            terminal.until("fetched 1 characters")
            assert b"pass phrase" not in terminal.output

    def test_interrupting_the_program_ends_it_alone(self):
        with fetching(ASKING) as terminal:
            terminal.until("pass phrase?")
            terminal.send("\x03")
            terminal.until(f"failed: {sys.executable} was ended by SIGINT")
            assert terminal.wait() == 0

    async def test_who_has_the_terminal_gives_it_back_around_each_program(self):
        log: list[str] = []

        @contextlib.asynccontextmanager
        async def lend() -> AsyncIterator[None]:
            log.append("lent")
            try:
                yield
            finally:
                log.append("back")

        secrets = Secrets(lend)
        programs = [SecretRef("command", (sys.executable, "-c", f"print({n})")) for n in range(3)]
        assert await asyncio.gather(*map(secrets.fetch, programs)) == ["0", "1", "2"]
        assert log == ["lent", "back"] * 3
        with pytest.raises(SecretError):
            await secrets.fetch(SecretRef("command", ("pluma-no-such-program",)))
        assert log == ["lent", "back"] * 4
        await secrets.fetch(SecretRef("literal", KEY))
        await secrets.fetch(programs[0])
        assert len(log) == 8


class TestNoTerminal:
    async def test_what_a_program_started_ends_with_it(self, tmp_path: Path):
        pid = tmp_path / "pid"
        ref = SecretRef("command", ("sh", "-c", f"sleep 600 & echo $! >{pid}; wait"))
        fetching = asyncio.create_task(Secrets().fetch(ref))
        while not (pid.exists() and pid.read_text().endswith("\n")):
            await asyncio.sleep(0.01)
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching
        while alive(int(pid.read_text())):
            await asyncio.sleep(0.01)

    async def test_the_time_limit_can_be_set(self, refused: Refused):
        ref = SecretRef("command", (sys.executable, "-c", "import time; time.sleep(600)"), {"timeout": 0.2})
        assert (await refused(ref)).message == f"{sys.executable} gave no key within 0.2 seconds"


def alive(pid: int) -> bool:
    """Whether it runs; one that ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class TestOnePassword:
    REF = SecretRef("op", "op://Private/OpenAI key/credential")

    async def test_the_program_is_asked_for_the_very_reference(self, double: Double):
        double("op", f"print({KEY!r} if sys.argv[1:] == ['read', {self.REF.value!r}] else sys.argv)")
        assert await Secrets().fetch(self.REF) == KEY

    async def test_what_it_says_when_it_fails_is_not_repeated(self, double: Double, refused: Refused):
        double("op", f"print({KEY!r}, file=sys.stderr); print({KEY!r}); sys.exit(6)")
        error = await refused(self.REF)
        assert (error.message, error.hint) == (
            "op ended with status 6",
            "Run it by hand to see what it says.",
        )

    async def test_a_program_that_is_not_there_is_told(
        self, monkeypatch: pytest.MonkeyPatch, refused: Refused
    ):
        monkeypatch.setenv("PATH", "/nowhere")
        error = await refused(self.REF)
        assert error.message == "op cannot be run: No such file or directory"
        assert "1Password" in error.hint

    async def test_it_is_asked_once_in_a_run(self, double: Double, tmp_path: Path):
        runs = tmp_path / "runs"
        double("op", f"open({str(runs)!r}, 'a').write('.'); print({KEY!r})")
        secrets = Secrets()
        assert [await secrets.fetch(self.REF) for _ in range(3)] == [KEY] * 3
        assert runs.read_text() == "."
