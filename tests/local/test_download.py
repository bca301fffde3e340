"""Installing from an address: checked by its checksum, gone on with where it broke off."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from pluma_tui.core.errors import (
    BrokenStream,
    NotFound,
    ProviderError,
    Refused,
    Unauthorized,
    Unreachable,
    UsageError,
)
from pluma_tui.local.fetch import install
from pluma_tui.local.models import Model, folder, installed
from tests.servers.replay import Play, answer, replay

GGUF = b"GGUF" + bytes(range(256)) * 4000
SHA256 = hashlib.sha256(GGUF).hexdigest()
HALF = len(GGUF) // 2


def whole(content: bytes = GGUF) -> bytes:
    return answer(content, kind="application/octet-stream", Content_Length=str(len(content)))


def rest(start: int, content: bytes = GGUF) -> bytes:
    """The answer to a request for everything from `start` on."""
    said = {"Content_Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
    return answer(content[start:], status=206, kind="application/octet-stream", **said)


def cut_in_half() -> Play:
    data = whole()
    return Play(data, cut=len(data) - len(GGUF) + HALF)


async def get(url: str, data: Path, sha256: str = SHA256) -> tuple[Model, list[tuple[int, int | None]]]:
    seen: list[tuple[int, int | None]] = []

    def work() -> Model:
        return install(url, data, sha256=sha256, progress=lambda *now: seen.append(now))

    return await asyncio.to_thread(work), seen


def left(data: Path) -> list[str]:
    return sorted(path.name for path in folder(data).iterdir() if path.name != ".lock")


async def test_a_model_comes_from_its_address(tmp_path: Path) -> None:
    async with replay(whole()) as server:
        model, seen = await get(f"{server.url}/resolve/Tiny%20Q4.gguf?download=true", tmp_path)
    assert model.name == "Tiny-Q4"
    assert model.path.read_bytes() == GGUF
    assert model.path.stat().st_mode & 0o777 == 0o600
    assert seen[0] == (0, len(GGUF))
    assert seen[-1] == (len(GGUF), len(GGUF))
    assert "range" not in server.requests[0].headers
    assert left(tmp_path) == ["Tiny-Q4.gguf"]


async def test_what_broke_off_is_gone_on_with(tmp_path: Path) -> None:
    async with replay(cut_in_half(), rest(HALF)) as server:
        with pytest.raises(BrokenStream) as caught:
            await get(f"{server.url}/m.gguf", tmp_path)
        assert "goes on" in caught.value.hint
        assert installed(tmp_path) == []
        model, seen = await get(f"{server.url}/m.gguf", tmp_path)
    assert server.requests[1].headers["range"] == f"bytes={HALF}-"
    assert model.path.read_bytes() == GGUF
    assert seen[0] == (HALF, len(GGUF))
    assert left(tmp_path) == ["m.gguf"]


async def test_a_server_without_ranges_sends_all_of_it_again(tmp_path: Path) -> None:
    async with replay(cut_in_half(), whole()) as server:
        with pytest.raises(BrokenStream):
            await get(f"{server.url}/m.gguf", tmp_path)
        model, _ = await get(f"{server.url}/m.gguf", tmp_path)
    assert model.path.read_bytes() == GGUF


async def test_a_part_that_is_whole_needs_no_more_bytes(tmp_path: Path) -> None:
    folder(tmp_path).mkdir(parents=True)
    (folder(tmp_path) / f".{SHA256}.part").write_bytes(GGUF)
    nothing_left = answer("", status=416, Content_Range=f"bytes */{len(GGUF)}")
    async with replay(nothing_left) as server:
        model, _ = await get(f"{server.url}/m.gguf", tmp_path)
    assert model.path.read_bytes() == GGUF


@pytest.mark.parametrize("refusal", [answer("", status=416, Content_Range="bytes */7"), rest(0)])
async def test_a_part_that_does_not_fit_is_begun_anew(tmp_path: Path, refusal: bytes) -> None:
    folder(tmp_path).mkdir(parents=True)
    (folder(tmp_path) / f".{SHA256}.part").write_bytes(b"something else")
    async with replay(refusal, whole()) as server:
        model, _ = await get(f"{server.url}/m.gguf", tmp_path)
    assert "range" not in server.requests[1].headers
    assert model.path.read_bytes() == GGUF


async def test_a_redirect_is_followed(tmp_path: Path) -> None:
    async with replay(whole()) as store:
        moved = answer("", status=302, Location=f"{store.url}/blob/123")
        async with replay(moved) as server:
            model, _ = await get(f"{server.url}/m.gguf", tmp_path)
    assert model.name == "m"
    assert store.requests[0].path == "/blob/123"


async def test_another_checksum_is_refused_and_both_are_told(tmp_path: Path) -> None:
    other = "0" * 64
    async with replay(whole()) as server:
        with pytest.raises(ProviderError) as caught:
            await get(f"{server.url}/m.gguf", tmp_path, other)
    assert SHA256 in caught.value.message
    assert other in caught.value.message
    assert left(tmp_path) == []


async def test_the_right_checksum_of_something_else_is_refused(tmp_path: Path) -> None:
    page = b"<html>Sign in</html>"
    async with replay(whole(page)) as server:
        with pytest.raises(ProviderError, match="no GGUF"):
            await get(f"{server.url}/m.gguf", tmp_path, hashlib.sha256(page).hexdigest())
    assert left(tmp_path) == []


async def test_what_is_there_is_not_asked_for_again(tmp_path: Path) -> None:
    async with replay(whole()) as server:
        model, _ = await get(f"{server.url}/m.gguf", tmp_path)
        assert (await get(f"{server.url}/m.gguf", tmp_path))[0] == model
        with pytest.raises(UsageError, match="already"):
            await get(f"{server.url}/m.gguf", tmp_path, "0" * 64)
        assert len(server.requests) == 1


async def test_an_address_needs_a_checksum(tmp_path: Path) -> None:
    async with replay(whole()) as server:
        with pytest.raises(UsageError) as caught:
            await get(f"{server.url}/m.gguf", tmp_path, "")
        assert "--sha256" in caught.value.hint
        assert not server.requests


@pytest.mark.parametrize(
    ("status", "kind"), [(401, Unauthorized), (403, Unauthorized), (404, NotFound), (500, Refused)]
)
async def test_a_refusal_says_the_status_and_keeps_what_came(
    tmp_path: Path, status: int, kind: type[Refused]
) -> None:
    async with replay(cut_in_half(), answer("no", status=status)) as server:
        with pytest.raises(BrokenStream):
            await get(f"{server.url}/m.gguf", tmp_path)
        with pytest.raises(kind) as caught:
            await get(f"{server.url}/m.gguf", tmp_path)
    assert caught.value.status == status
    assert str(status) in caught.value.message
    assert left(tmp_path) == [f".{SHA256}.part"]


async def test_no_password_of_an_address_is_told(tmp_path: Path) -> None:
    async with replay(answer("no", status=404)) as server:
        url = server.url.replace("//", "//me:hush@") + "/m.gguf?token=hush"
        with pytest.raises(NotFound) as caught:
            await get(url, tmp_path)
    assert "hush" not in caught.value.message + caught.value.hint
    assert "/m.gguf" in caught.value.message


async def test_nobody_answers(tmp_path: Path) -> None:
    async with replay(whole()) as server:
        url = server.url
    with pytest.raises(Unreachable) as caught:
        await get(f"{url}/m.gguf", tmp_path)
    assert "base_url" not in caught.value.hint


async def test_raising_from_progress_keeps_what_came(tmp_path: Path) -> None:
    def stop(done: int, total: int | None) -> None:
        if done:
            raise KeyboardInterrupt

    async with replay(whole()) as server:
        with pytest.raises(KeyboardInterrupt):
            install_in_thread = asyncio.to_thread(
                install, f"{server.url}/m.gguf", tmp_path, sha256=SHA256, progress=stop
            )
            await install_in_thread
    assert left(tmp_path) == [f".{SHA256}.part"]
    assert (folder(tmp_path) / f".{SHA256}.part").stat().st_size > 0
