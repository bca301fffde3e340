"""`pluma ask` and servers that send too much: the right exit code, what came, and little memory."""

import gzip
import sys
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.conftest import DATA
from tests.providers.test_hostile_streams import DIALECTS
from tests.servers.replay import Play, answer, replay

MOST = 150 << 20
FLOOD = 200 << 20
MEASURED = (sys.executable, str(Path(__file__).with_name("measured_pluma.py")))
ROOT = Path(__file__).parents[2]


@pytest.fixture
def measured(tmp_path: Path) -> Program:
    program = Program(tmp_path, MEASURED)
    program.env |= {"PYTHONPATH": str(ROOT), "PEAK_FILE": str(tmp_path / "peak")}
    return program


def flood(compat: str) -> Play:
    """A good beginning, then 200 MB in one line."""
    name, kind = DIALECTS[compat]
    body = (DATA / "chat" / name).read_bytes()
    return Play(answer(body[: len(body) // 2], kind=kind) + b"x" * FLOOD)


def bomb(compat: str) -> Play:
    """The same, packed into some 200 KB."""
    name, kind = DIALECTS[compat]
    body = (DATA / "chat" / name).read_bytes()
    packed = gzip.compress(body[: len(body) // 2] + bytes(FLOOD), 1)
    return Play(answer(packed, kind=kind, content_encoding="gzip"))  # type: ignore[arg-type]


@pytest.mark.parametrize("attack", [flood, bomb])
@pytest.mark.parametrize("compat", sorted(DIALECTS))
async def test_a_flood_is_cut_off_and_little_of_it_held(measured: Program, compat: str, attack) -> None:
    async with replay(attack(compat)) as server:
        measured.configure(server.url, compat=compat)
        done = await measured.run("ask", "hi", HOME_KEY="k")
    assert done.code == 7
    assert "8 MB" in done.err
    assert int((measured.home / "peak").read_text()) < MOST
    question, message = await measured.stored()
    assert question.text == "hi"
    assert message.ending == "failed"
    assert message.text.strip() == done.out.strip()
