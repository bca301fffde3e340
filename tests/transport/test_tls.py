"""Whom TLS trusts, and a client's certificate whose key is encrypted."""

import asyncio
import os
import shutil
import ssl
import sys
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import certifi
import pytest

from pluma_tui.core.errors import ConfigError, SecretError, Unreachable
from pluma_tui.core.profile import Connection, SecretRef
from pluma_tui.transport.exchange import get_json
from pluma_tui.transport.http import ClientPool
from pluma_tui.transport.tls import trusting
from tests.conftest import DATA
from tests.servers.replay import ReplayServer, answer, replay
from tests.servers.terminal import Terminal
from tests.transport.clients import CERT, KEY, LOCKED, outcome

OK = answer({"ok": True})
PASS_PHRASE = "letmein"
REF = SecretRef("env", "PASS_PHRASE")


def server_tls(*, asks: bool = False) -> ssl.SSLContext:
    """`asks`: for the client's certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=CERT)
    context.load_cert_chain(CERT, KEY)
    context.verify_mode = ssl.CERT_REQUIRED if asks else ssl.CERT_NONE
    return context


@asynccontextmanager
async def one_that_asks() -> AsyncIterator[ReplayServer]:
    async with replay(OK, tls=server_tls(asks=True)) as server:
        yield server


class Source:
    """Gives one pass phrase after another, and the last one again; notes what it was asked for."""

    def __init__(self, *phrases: str) -> None:
        self.phrases = list(phrases)
        self.asked: list[SecretRef] = []
        self.anew: list[bool] = []

    async def fetch(self, ref: SecretRef, *, newer_than: float = float("-inf")) -> str:
        await asyncio.sleep(0)
        self.asked.append(ref)
        self.anew.append(newer_than > float("-inf"))
        return self.phrases[min(len(self.asked), len(self.phrases)) - 1]


@pytest.fixture
async def pool() -> AsyncIterator[ClientPool]:
    pool = ClientPool()
    yield pool
    await pool.aclose()


def profile(url: str, **settings: Any) -> Connection:
    usual = {"ca_file": CERT, "client_cert": CERT, "client_key": LOCKED, "client_key_password": REF}
    return Connection(base_url=url, **{**usual, **settings})


async def ask(pool: ClientPool, source: Source, url: str, **settings: Any) -> Any:
    return await get_json(pool.client(profile(url, **settings), secret=source.fetch), "models", timeout=5)


class TestTrust:
    async def test_the_systems_authorities_are_those_of_openssl(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with replay(OK, tls=server_tls()) as server:
            assert type(await outcome(server.url)) is Unreachable
            monkeypatch.setenv("SSL_CERT_FILE", CERT)
            assert await outcome(server.url) == {"ok": True}

    async def test_where_openssl_finds_none_they_are_looked_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """truststore looks where distributions put them; a container without any has those of certifi."""
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        monkeypatch.delenv("SSL_CERT_DIR", raising=False)
        nowhere: Any = SimpleNamespace(cafile=None, capath=None)
        monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
        async with replay(OK, tls=server_tls()) as server:
            error = await outcome(server.url)
            assert "the certificate of" in error.message
            monkeypatch.setattr(certifi, "where", lambda: CERT)
            assert await outcome(server.url) == {"ok": True}

    async def test_an_authority_of_ones_own_stands_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", CERT)
        async with replay(OK, tls=server_tls()) as server:
            error = await outcome(server.url, ca_file=str(DATA / "tls" / "expired.pem"))
        assert "the certificate of" in error.message

    def test_its_file_may_lie_in_the_home_folder(self, home: Path) -> None:
        shutil.copy(CERT, home / "ca.pem")
        assert trusting("~/ca.pem").get_ca_certs() == trusting(CERT).get_ca_certs()


class TestEncryptedKey:
    async def test_its_pass_phrase_is_fetched_once_and_when_it_is_needed(self, pool: ClientPool) -> None:
        source = Source(PASS_PHRASE)
        async with one_that_asks() as server:
            clients = [pool.client(profile(server.url), secret=source.fetch) for _ in range(3)]
            assert source.asked == []
            found = await asyncio.gather(*(get_json(client, "models", timeout=5) for client in clients))
        assert found == [{"ok": True}] * 3
        assert source.asked == [REF]

    async def test_the_time_that_a_person_takes_is_not_the_servers(self, pool: ClientPool) -> None:
        class Slow(Source):
            async def fetch(self, ref: SecretRef, *, newer_than: float = float("-inf")) -> str:
                await asyncio.sleep(0.3)
                return await super().fetch(ref, newer_than=newer_than)

        async with one_that_asks() as server:
            client = pool.client(profile(server.url), secret=Slow(PASS_PHRASE).fetch)
            assert await get_json(client, "models", timeout=0.25) == {"ok": True}

    async def test_without_a_reference_a_person_is_asked(self, pool: ClientPool) -> None:
        source = Source(PASS_PHRASE)
        async with one_that_asks() as server:
            await ask(pool, source, server.url, client_key_password=None)
        assert source.asked == [SecretRef("prompt", LOCKED)]

    async def test_a_key_that_is_not_encrypted_needs_none(self, pool: ClientPool) -> None:
        source = Source()
        async with one_that_asks() as server:
            assert await ask(pool, source, server.url, client_key=KEY) == {"ok": True}
        assert source.asked == []

    async def test_a_wrong_one_is_told_and_the_next_try_fetches_it_anew(self, pool: ClientPool) -> None:
        source = Source("wrong-and-secret", PASS_PHRASE)
        async with one_that_asks() as server:
            with pytest.raises(SecretError) as caught:
                await ask(pool, source, server.url)
            assert server.connections == 0
            assert await ask(pool, source, server.url) == {"ok": True}
        assert caught.value.message == f'the pass phrase from env:PASS_PHRASE does not open "{LOCKED}"'
        assert "client_key_password" in caught.value.hint
        assert "wrong-and-secret" not in "".join(traceback.format_exception(caught.value))
        assert source.anew == [False, True]

    async def test_certificate_and_key_may_stand_in_one_file(self, pool: ClientPool, tmp_path: Path) -> None:
        both = tmp_path / "both.pem"
        both.write_text(Path(CERT).read_text() + Path(LOCKED).read_text())
        async with one_that_asks() as server:
            found = await ask(pool, Source(PASS_PHRASE), server.url, client_cert=str(both), client_key="")
        assert found == {"ok": True}

    async def test_a_key_of_another_certificate_is_a_mistake_in_the_config(
        self, pool: ClientPool, tmp_path: Path
    ) -> None:
        other = str(DATA / "tls" / "other.pem")
        with pytest.raises(ConfigError) as caught:
            await ask(pool, Source(PASS_PHRASE), "https://localhost:9", client_cert=other)
        assert caught.value.key == "client_cert"


ASK = """
import asyncio, sys
from pluma_tui.core.errors import PlumaError
from pluma_tui.core.profile import Connection
from pluma_tui.secrets.base import Secrets
from pluma_tui.transport.exchange import get_json
from pluma_tui.transport.http import ClientPool

async def main():
    url, ca, key, times = sys.argv[1:]
    pool, secrets = ClientPool(), Secrets()
    profile = Connection(base_url=url, ca_file=ca, client_cert=ca, client_key=key)
    for _ in range(int(times)):
        try:
            print("answer:", await get_json(pool.client(profile, secret=secrets.fetch), "models", timeout=5))
        except PlumaError as error:
            print("failed:", error.message, "|", error.hint)
    await pool.aclose()

asyncio.run(main())
"""


class TestPrompt:
    """On a terminal, with the real source of secrets; the server is asked in a program of its own."""

    @pytest.fixture
    async def url(self) -> AsyncIterator[str]:
        async with one_that_asks() as server:
            yield server.url

    def terminal(self, url: str, *, times: int = 1) -> Terminal:
        env = {name: os.environ[name] for name in ("PATH", "HOME")}
        path = {"PYTHONPATH": os.pathsep.join(sys.path)}
        argv = [sys.executable, "-c", ASK, url, CERT, LOCKED, str(times)]
        return Terminal(argv, {**env, **path}, columns=400)

    async def test_it_asks_once_and_shows_nothing(self, url: str) -> None:
        def talk() -> bytes:
            with self.terminal(url, times=3) as terminal:
                terminal.until(f"Pass phrase of {LOCKED}:")
                terminal.send(f"{PASS_PHRASE}\n")
                terminal.until(lambda: terminal.text().count("answer: {'ok': True}") == 3)
                assert terminal.wait() == 0
                return bytes(terminal.output)

        output = await asyncio.to_thread(talk)
        assert output.count(b"Pass phrase") == 1
        assert PASS_PHRASE.encode() not in output

    async def test_a_slip_is_told_and_the_next_time_it_asks_again(self, url: str) -> None:
        def talk() -> None:
            with self.terminal(url, times=2) as terminal:
                terminal.until("Pass phrase")
                terminal.send("wrong\n")
                terminal.until(f'failed: the pass phrase does not open "{LOCKED}"')
                terminal.until(lambda: terminal.text().count("Pass phrase of") == 2)
                terminal.send(f"{PASS_PHRASE}\n")
                terminal.until("answer: {'ok': True}")

        await asyncio.to_thread(talk)

    @pytest.mark.parametrize("keys", ["\x03", "\x04", "\n"])
    async def test_who_does_not_want_to_say_it_is_let_off(self, url: str, keys: str) -> None:
        def talk() -> None:
            with self.terminal(url) as terminal:
                terminal.until("Pass phrase")
                terminal.send(keys)
                terminal.until("failed: the ")
                terminal.until("client_key_password")
                assert terminal.wait() == 0

        await asyncio.to_thread(talk)

    async def test_without_a_terminal_it_says_what_to_do(self, url: str) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", ASK, url, CERT, LOCKED, "1",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, _ = await process.communicate()
        assert f"failed: {LOCKED} is encrypted, and there is no terminal to ask on".encode() in output
        assert b'client_key_password = { env = "NAME" }' in output
