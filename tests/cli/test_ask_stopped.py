"""`pluma ask` ended from outside: what came is printed and kept."""

import asyncio
import json
import signal
import time
import urllib.request

import pytest

from tests.cli.program import Program
from tests.servers.llamacpp import LlamaServer
from tests.servers.replay import Play, answer, replay
from tests.servers.sse import chunk

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


def endless_words(every: float = 0.01) -> Play:
    return Play(answer(chunk("first ")), again=chunk("word "), every=every)


def busy_slots(llama: LlamaServer) -> int:
    request = urllib.request.Request(f"{llama.url}/slots", headers={"Authorization": f"Bearer {llama.key}"})
    with urllib.request.urlopen(request, timeout=5) as response:
        return sum(slot["is_processing"] for slot in json.load(response))


@pytest.mark.parametrize(("number", "code"), SIGNALS)
async def test_a_signal_stops_it_and_keeps_what_came(program: Program, number: signal.Signals, code: int):
    async with replay(endless_words()) as server:
        program.configure(server.url)
        async with program.started("ask", "hi", HOME_KEY="k") as process:
            assert process.stdout is not None
            assert process.stderr is not None
            out = await process.stdout.readexactly(20)
            process.send_signal(number)
            async with asyncio.timeout(5):
                out += await process.stdout.read()
                assert await process.wait() == code
                await server.left.wait()
            assert await process.stderr.read() == b""
    message = (await program.stored())[-1]
    assert (message.text.rstrip(), message.ending) == (out.decode().rstrip(), "stopped")
    assert message.text.startswith("first word ")


async def test_json_says_that_it_was_stopped(program: Program):
    async with replay(endless_words()) as server:
        program.configure(server.url)
        async with program.started("ask", "hi", "--json", HOME_KEY="k") as process:
            assert process.stdout is not None
            await process.stdout.readline()
            process.send_signal(signal.SIGINT)
            *_, last = (await process.stdout.read()).splitlines()
            assert await process.wait() == 130
    finished = json.loads(last)
    assert (finished["type"], finished["ending"]) == ("finished", "stopped")


async def test_a_signal_before_the_first_word(program: Program):
    async with replay(Play(b"", silent=True)) as server:
        program.configure(server.url)
        async with program.started("ask", "hi", HOME_KEY="k") as process:
            async with asyncio.timeout(10):
                while not server.requests:
                    await asyncio.sleep(0.01)
                process.send_signal(signal.SIGINT)
                assert await process.wait() == 130
    assert [message.ending for message in await program.stored()] == [None, "stopped"]


@pytest.mark.parametrize(("number", "code"), SIGNALS[:2])
async def test_a_real_server_stops_working_within_a_second(
    program: Program, endless: LlamaServer, number: signal.Signals, code: int
):
    program.configure(endless.url)
    async with program.started("ask", "long", HOME_KEY=endless.key) as process:
        assert process.stdout is not None
        await process.stdout.readexactly(100)
        assert await asyncio.to_thread(busy_slots, endless) == 1
        process.send_signal(number)
        async with asyncio.timeout(1):
            while await asyncio.to_thread(busy_slots, endless):
                pass
        await process.stdout.read()
        assert await process.wait() == code
    message = (await program.stored())[-1]
    assert message.text.startswith("ping pong w0")
    assert message.ending == "stopped"


async def test_after_a_kill_at_most_the_last_second_is_missing(program: Program):
    async with replay(endless_words(every=0.02)) as server:
        program.configure(server.url)
        async with program.started("ask", "hi", HOME_KEY="k") as process:
            assert process.stdout is not None
            seen = [(time.monotonic(), await process.stdout.readexactly(1))]
            must_be_there = b""
            while len(must_be_there) < 20:
                piece = await process.stdout.read(4096)
                killed = time.monotonic()
                seen.append((killed, piece))
                must_be_there = b"".join(piece for moment, piece in seen if moment < killed - 1)
            process.kill()
            await process.wait()
    question, message = await program.stored()
    assert question.text == "hi"
    assert message.text.startswith(must_be_there.decode())
    assert message.ending is None
    async with replay(answer(chunk("again") + chunk(finish="stop"))) as server:
        program.configure(server.url)
        assert (await program.run("ask", "go on", "-c", "last", HOME_KEY="k")).code == 0
    sent = server.requests[0].json["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "user"]
