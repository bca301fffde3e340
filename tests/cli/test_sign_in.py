"""pluma secret sign-in and what follows: a code that a person enters, and tokens that are sent as the key."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pluma_tui.secrets.oidc_client import Client
from pluma_tui.secrets.tokens import Tokens, TokenStore
from tests.cli.program import PLUMA, Program
from tests.secrets.issuers import settings, use_keyring
from tests.servers import oidc_provider
from tests.servers.oidc_provider import OidcProvider
from tests.servers.replay import Play, ReplayServer, Request, answer, replay
from tests.servers.sse import whole
from tests.servers.terminal import Terminal

pytestmark = pytest.mark.skipif(bool(oidc_provider.missing()), reason=oidc_provider.missing())

COMPLETE = re.compile(rb"code in it: (\S+)")
NO_KEYRING = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
REFUSED = answer({"error": {"message": "invalid token"}}, status=401)


@pytest.fixture(scope="module")
def provider() -> Iterator[OidcProvider]:
    with oidc_provider.run() as running:
        yield running


class Person:
    """pluma in a home of its own, with a profile that signs in; and who sits before it."""

    def __init__(self, program: Program, provider: OidcProvider) -> None:
        self.program = program
        self.provider = provider
        self.store = TokenStore(Client(settings(provider.url)).identity, program.home / "data")
        program.env |= NO_KEYRING

    @asynccontextmanager
    async def server(self, *plays: Play | bytes, **more: Any) -> AsyncIterator[ReplayServer]:
        """The profile's server."""
        async with replay(*plays or [answer(whole("hello"))]) as server:
            sign_in = ", ".join(f'{key} = "{value}"' for key, value in settings(self.provider.url).items())
            rows = {"compat": "openai", "base_url": server.url, "model": "m", **more}
            text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in rows.items())
            self.program.config.write_text(f"[chat.profiles.home]\n{text}sign_in = {{ {sign_in} }}\n")
            self.program.config.chmod(0o600)
            yield server

    def at(self, *args: str) -> Terminal:
        """A terminal of 200 columns, for addresses to stand on one line."""
        return Terminal([*PLUMA, *args], self.program.env, columns=200)

    def enters(self, terminal: Terminal, *, abort: bool = False) -> None:
        """What the terminal says that a person should do."""
        terminal.until("ctrl+c ends it")
        found = COMPLETE.search(terminal.output)  # what an app had painted before may still be on the screen
        assert found
        self.provider.enter(found[1].decode(), abort=abort)

    async def signed_in(self, *, expired: bool = False) -> Tokens:
        """Sign in by the command; `expired`: an hour ago."""
        await asyncio.to_thread(self._sign_in)
        tokens = await self.store.load()
        assert tokens is not None
        if expired:
            tokens = replace(tokens, obtained=time.time() - 3600, expires=time.time())
            await self.store.save(tokens)
        return tokens

    def _sign_in(self) -> None:
        with self.at("secret", "sign-in", "home") as terminal:
            self.enters(terminal)
            assert terminal.wait() == 0, terminal.text()


@pytest.fixture
def person(program: Program, provider: OidcProvider, monkeypatch: pytest.MonkeyPatch) -> Person:
    use_keyring(monkeypatch)
    return Person(program, provider)


def keys(*requests: Request) -> list[str]:
    return [request.headers["authorization"].removeprefix("Bearer ") for request in requests]


def untold(tokens: Tokens, *said: str | bytes) -> None:
    """No token is in what was said."""
    text = b"".join(one.encode() if isinstance(one, str) else one for one in said)
    assert not [token for token in (tokens.access, tokens.refresh) if token.encode() in text]


async def test_signing_in_asking_and_signing_out(person: Person):
    async with person.server() as server:
        tokens = await person.signed_in()
        asked = await person.program.run("ask", "hi")
        checked = await person.program.run("secret", "check")
        told = await person.program.run("secret", "check", "--json")
        gone = await person.program.run("secret", "sign-out", "home")
    assert (asked.code, asked.out, keys(*server.requests)) == (0, "hello\n", [tokens.access])
    assert person.provider.person(tokens.access) is None
    assert checked.code == 0
    assert checked.out.split() == ["chat", "home", "sign_in", f"oidc:{person.provider.url}", "signed", "in"]
    assert told.json[0]["key"] == "sign_in"
    assert (gone.code, gone.err) == (0, f"pluma: signed out at {person.provider.url}.\n")
    untold(tokens, asked.out, asked.err, checked.out, told.out, gone.err, *person.program.files().values())


async def test_the_tokens_are_in_one_file_that_nobody_else_can_read(person: Person):
    async with person.server():
        tokens = await person.signed_in()
    found = {name for name, data in person.program.files().items() if tokens.refresh.encode() in data}
    assert len(found) == 1
    path = person.program.home / found.pop()
    assert path.parent == person.program.home / "data" / "secrets"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


async def test_eight_at_once_spend_a_refresh_token_once(person: Person):
    """Whoever gets the lock renews; this provider ends the sign-in of who spends a token twice."""
    async with person.server() as server:
        old = await person.signed_in(expired=True)
        before = len(person.provider.asked("refresh_token"))
        done = await asyncio.gather(*(person.program.run("ask", "hi", "--no-save") for _ in range(8)))
    assert [(one.code, one.out) for one in done] == [(0, "hello\n")] * 8, done
    assert person.provider.asked("refresh_token")[before:] == [None]
    sent = keys(*server.requests)
    assert len(sent) == 8
    assert len({*sent, old.access}) == 2
    untold(old, *(one.out + one.err for one in done))


async def test_a_token_that_the_server_refuses_is_renewed(person: Person):
    async with person.server(REFUSED, answer(whole("hello"))) as server:
        old = await person.signed_in()
        done = await person.program.run("ask", "hi")
    assert (done.code, done.out) == (0, "hello\n")
    new = await person.store.load()
    assert new is not None
    assert keys(*server.requests) == [old.access, new.access]


async def test_a_sign_in_that_has_ended_says_how_to_sign_in_again(person: Person):
    async with person.server(REFUSED):
        tokens = await person.signed_in()
        await person.store.save(replace(tokens, refresh="spent"))
        done = [
            await person.program.run(*args) for args in (("ask", "hi"), ("ask", "hi", "--json"), ("models",))
        ]
    assert [one.code for one in done] == [4, 4, 4]
    assert done[0].err == (
        f"pluma: you are not signed in at {person.provider.url}. Run: pluma secret sign-in home\n"
    )
    assert done[1].lines[-1]["kind"] == "SecretError"
    assert done[1].lines[-1]["exit_code"] == 4


async def test_where_nobody_can_be_asked_the_command_is_named(person: Person):
    async with person.server() as server:
        piped = await person.program.run("ask", "hi")
        checked = await person.program.run("secret", "check", "home")
        code, shown = await person.program.on_terminal("ask", "hi", "--json")
    assert (piped.code, checked.code, code) == (4, 4, 4)
    assert "Run: pluma secret sign-in home" in piped.err
    assert "failed: you are not signed in" in checked.out
    assert b"pluma secret sign-in home" in shown
    assert b"Open" not in shown
    assert server.requests == []


async def test_at_a_terminal_a_question_asks_to_sign_in_first(person: Person):
    """However short the time is that the profile gives its server."""

    def ask() -> tuple[int, str]:
        with person.at("ask", "hi") as terminal:
            person.enters(terminal)
            return terminal.wait(), terminal.text()

    async with person.server(first_event_timeout=1, timeout=1) as server:
        code, text = await asyncio.to_thread(ask)
        tokens = await person.store.load()
    assert tokens is not None
    assert (code, "hello" in text) == (0, True)
    assert keys(*server.requests) == [tokens.access]
    untold(tokens, text)


async def test_the_command_itself_needs_no_terminal(person: Person):
    async with person.server(), person.program.started("secret", "sign-in", "home") as process:
        assert process.stderr is not None
        told = b""
        while not (found := COMPLETE.search(told)):
            told += await process.stderr.readline()
        await asyncio.to_thread(person.provider.enter, found[1].decode())
        assert await process.wait() == 0
        tokens = await person.store.load()
    assert tokens is not None
    assert person.provider.person(tokens.access) == "ann"


@pytest.mark.parametrize("args", [("ask", "hi"), ("secret", "sign-in", "home")])
async def test_ctrl_c_ends_it(person: Person, args: tuple[str, ...]):
    def interrupt() -> int:
        with person.at(*args) as terminal:
            terminal.until("ctrl+c ends it")
            terminal.send("\x03")
            return terminal.wait()

    async with person.server() as server:
        assert await asyncio.to_thread(interrupt) == 130
    assert server.requests == []
    assert await person.store.load() is None


async def test_a_person_who_says_no_is_understood(person: Person):
    def deny() -> tuple[int, str]:
        with person.at("secret", "sign-in", "home") as terminal:
            person.enters(terminal, abort=True)
            return terminal.wait(), terminal.text()

    async with person.server():
        code, text = await asyncio.to_thread(deny)
    assert (code, "pluma: the sign-in was denied" in text) == (4, True)


class TestApp:
    async def test_it_steps_aside_until_that_is_done(self, person: Person):
        def chat() -> None:
            with person.at() as terminal:
                terminal.until("Message")
                terminal.send("hi\r")
                person.enters(terminal)
                terminal.until("hello")
                terminal.send("\x11")
                assert terminal.wait() == 0

        async with person.server() as server:
            await asyncio.to_thread(chat)
            tokens = await person.store.load()
        assert tokens is not None
        assert keys(*server.requests) == [tokens.access]

    async def test_ctrl_c_ends_the_sign_in_alone(self, person: Person):
        def chat() -> None:
            with person.at() as terminal:
                terminal.until("Message")
                terminal.send("hi\r")
                terminal.until("ctrl+c ends it")
                terminal.send("\x03")
                terminal.until("the sign-in was interrupted")
                terminal.send("\x11")
                assert terminal.wait() == 0

        async with person.server() as server:
            await asyncio.to_thread(chat)
        assert server.requests == []


@pytest.mark.parametrize("action", ["sign-in", "sign-out"])
async def test_a_profile_without_sign_in(program: Program, action: str):
    program.configure("http://127.0.0.1:1")
    done = await program.run("secret", action, "home")
    assert (done.code, done.out) == (2, "")
    assert '"home" has no sign_in. Put sign_in = {' in done.err


async def test_a_profile_with_a_key_is_not_signed_in(person: Person):
    async with person.server(api_key="env:HOME_KEY") as server:
        done = await person.program.run("secret", "sign-in", "home")
        assert (done.code, "pluma config unset chat.profiles.home.api_key" in done.err) == (2, True)
        await person.program.run("ask", "hi", HOME_KEY="mine")
    assert keys(*server.requests) == ["mine"]


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="no /proc on this system")
async def test_no_process_list_shows_a_token(person: Person):
    async with person.server(Play(answer(whole("hello")), silent=True)):
        tokens = await person.signed_in()
        async with person.program.started("ask", "hi") as process:
            assert process.stdout is not None
            assert await process.stdout.readexactly(5) == b"hello"
            for name in ("cmdline", "environ"):
                untold(tokens, Path(f"/proc/{process.pid}/{name}").read_bytes())
