"""Servers on this machine's usual ports."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from pluma_tui.runtime.discover import HOST, PROBES, Found, Probe, discover
from tests.servers.replay import Play, answer, replay

MODELS = '{"object": "list", "data": []}'


@asynccontextmanager
async def port(*plays: Play | bytes) -> AsyncIterator[int]:
    async with replay(*plays) as server:
        yield int(server.url.rpartition(":")[2])


def probe(port: int, needle: str = '"data"', label: str = "a server") -> Probe:
    return Probe(label, port, "/v1/models", needle, label.replace(" ", "-"))


async def test_a_server_that_answers_is_found():
    async with port(answer(MODELS)) as here:
        assert await discover((probe(here),)) == [Found("a server", "a-server", f"http://{HOST}:{here}")]


async def test_what_answers_otherwise_is_not():
    answers = [
        answer(MODELS, status=404),
        answer("<html>something else</html>", kind="text/html"),
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"",
        Play(answer(MODELS), cut=20, silent=True),  # falls silent: given up within the time limit
        answer(b"\xff" * 100, content_encoding="gzip"),
    ]
    async with AsyncExitStack() as stack:
        ports = [await stack.enter_async_context(port(play)) for play in answers]
        assert await discover(tuple(probe(one) for one in ports)) == []


async def test_a_port_where_nobody_listens_is_passed_over():
    async with port(answer(MODELS)) as gone:
        pass
    assert await discover((probe(gone),)) == []


async def test_one_port_is_one_server_named_by_the_first_probe_that_fits():
    async with port(answer(MODELS)) as here:
        special, plain = probe(here, '"special"', "special"), probe(here, '"data"', "plain")
        assert [found.label for found in await discover((special, plain))] == ["plain"]
        assert [found.label for found in await discover((plain, plain))] == ["plain"]


async def test_servers_are_asked_all_at_once():
    """Each answers only when all have been asked."""
    asked = asyncio.Barrier(5)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asked.wait()
        writer.write(answer(MODELS))
        writer.close()

    async with AsyncExitStack() as stack:
        servers = [await asyncio.start_server(serve, HOST, 0) for _ in range(5)]
        for server in servers:
            await stack.enter_async_context(server)
        ports = [server.sockets[0].getsockname()[1] for server in servers]
        assert len(await discover(tuple(probe(one) for one in ports))) == 5


async def test_nothing_but_this_machine_is_asked(monkeypatch):
    """A proxy of the environment would hear of it."""
    async with replay(answer(MODELS)) as proxy, port(answer(MODELS)) as here:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert len(await discover((probe(here),))) == 1
        assert proxy.requests == []


def test_every_usual_server_is_asked():
    assert {probe.port for probe in PROBES} >= {11434, 1234, 8080, 8000, 5000, 5001}
