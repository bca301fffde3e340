"""Servers that fall short or mean ill, over a real socket, for every dialect: the right error, in time."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pluma_tui.core.errors import BrokenStream, ConnectionDropped, ProviderError, TimedOut, Unreachable
from pluma_tui.core.events import Finished, TextDelta
from pluma_tui.transport.body import MAX_BODY
from pluma_tui.transport.http import ClientPool
from tests.conftest import DATA
from tests.providers.feeding import Outcome, listen, make_provider
from tests.providers.test_conformance import RECORDINGS
from tests.servers.replay import Play, answer, replay

LIMIT = 0.3  # seconds
CUTS = 20
DIALECTS = {compat: (name, kind) for compat, name, kind in reversed(RECORDINGS)}  # the first one of each

every_dialect = pytest.mark.parametrize("compat", sorted(DIALECTS))


def wire(compat: str, **headers: Any) -> tuple[bytes, bytes]:
    """Head and body of an answer in that dialect."""
    name, kind = DIALECTS[compat]
    return answer(b"", kind=kind, **headers), (DATA / "chat" / name).read_bytes()


@asynccontextmanager
async def asked(compat: str, url: str) -> AsyncIterator[Any]:
    pool = ClientPool()
    limits = {"connect_timeout": LIMIT, "first_event_timeout": LIMIT, "timeout": LIMIT}
    yield make_provider(compat, url, pool, **limits)
    await pool.aclose()


async def outcome(compat: str, *plays: Play | bytes) -> Outcome:
    async with replay(*plays) as server, asked(compat, server.url) as provider:
        return await listen(provider)


@every_dialect
async def test_an_answer_that_is_cut_short_anywhere_keeps_what_came(compat: str) -> None:
    head, body = wire(compat)
    whole = (await outcome(compat, head + body)).text
    for cut in range(0, len(body), len(body) // CUTS):
        done = await outcome(compat, Play(head + body[:cut]))
        assert whole.startswith(done.text)
        if done.error is None:
            assert isinstance(done.events[-1], Finished)
        else:
            assert isinstance(done.error, BrokenStream if done.events else ConnectionDropped | BrokenStream)


@every_dialect
async def test_silence_after_the_headers_is_a_time_out(compat: str) -> None:
    head, _ = wire(compat)
    assert isinstance((await outcome(compat, Play(head, silent=True))).error, TimedOut)


@every_dialect
async def test_silence_in_mid_event_breaks_the_stream_and_keeps_the_text(compat: str) -> None:
    head, body = wire(compat)
    for share in (3, 2):
        done = await outcome(compat, Play(head + body[: len(body) * share // 4], silent=True))
        assert isinstance(done.error, BrokenStream | TimedOut)
        assert isinstance(done.error, BrokenStream) or not done.text


@every_dialect
async def test_a_byte_a_second_is_silence(compat: str) -> None:
    head, body = wire(compat)
    done = await outcome(compat, Play(head + body, piece=len(head) + 1, every=1.0))
    assert isinstance(done.error, TimedOut)


@every_dialect
async def test_a_server_that_hangs_up_while_tls_is_set_up(compat: str) -> None:
    def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with asked(compat, f"https://127.0.0.1:{port}") as provider:
            assert isinstance((await listen(provider)).error, Unreachable)


@every_dialect
async def test_a_line_without_end_is_given_up(compat: str) -> None:
    head, body = wire(compat)
    start = body[: body.index(b"{") + 2]
    done = await outcome(compat, Play(head + start, again=b"x" * (1 << 18)))
    assert isinstance(done.error, BrokenStream)
    assert f"{MAX_BODY >> 20} MB" in done.error.message


@every_dialect
async def test_a_bomb_in_the_packing_does_not_go_off(compat: str) -> None:
    head, body = wire(compat, content_encoding="gzip")
    bomb = gzip.compress(body[: body.index(b"{") + 2] + bytes(4 * MAX_BODY), 9)
    done = await outcome(compat, Play(head + bomb))
    assert isinstance(done.error, BrokenStream)


@every_dialect
async def test_a_good_start_before_the_flood_is_kept(compat: str) -> None:
    head, body = wire(compat)
    done = await outcome(compat, Play(head + body[: len(body) // 2], again=b"y" * (1 << 18)))
    assert isinstance(done.error, ProviderError)
    whole = (await outcome(compat, head + body)).text
    assert whole.startswith(done.text)
    assert all(event.text for event in done.events if isinstance(event, TextDelta))
