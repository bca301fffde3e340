"""Servers at unix sockets: how they are written, how they are asked, and what may be wrong."""

import socket
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluma_tui.core.errors import BrokenStream, ConfigError, Unreachable
from pluma_tui.transport.address import is_loopback, origin, read_base_url, upstream
from pluma_tui.transport.exchange import get_json
from pluma_tui.transport.stream import ask
from pluma_tui.transport.unix import shown_socket, socket_path
from tests.servers.on_socket import on_socket
from tests.servers.replay import Play, answer, replay
from tests.transport.clients import PASSWORD, asking, outcome

OK = answer({"ok": True})
STREAM = answer(b"") + b"data: one\n\ndata: two\n\n"


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a socket may be: a path of about a hundred bytes is the longest."""
    return tmp_path_factory.mktemp("s") / "Llama.sock"


@pytest.mark.parametrize(
    ("written", "path", "shown"),
    [
        ("unix:///run/llama.sock", "/run/llama.sock", "unix:///run/llama.sock:/v1"),
        ("unix:///run/llama.sock:/", "/run/llama.sock", "unix:///run/llama.sock:/v1"),
        ("unix:///run/llama.sock:/api/", "/run/llama.sock", "unix:///run/llama.sock:/api"),
        ("http+unix://%2Frun%2FLlama.sock", "/run/Llama.sock", "unix:///run/Llama.sock:/v1"),
        ("http+unix://%2Frun%2Fllama.sock/api", "/run/llama.sock", "unix:///run/llama.sock:/api"),
        ("HTTP+unix:///run/a%20b%25.sock:/api", "/run/a b%.sock", "unix:///run/a%20b%25.sock:/api"),
        ("unix:///run/ä.sock", "/run/ä.sock", "unix:///run/%C3%A4.sock:/v1"),
        ("unix://@/x", "", ""),
        ("unix://run/llama.sock", "", ""),
        ("unix://", "", ""),
        ("unix:///a%00b", "", ""),
    ],
)
def test_how_a_socket_is_written(written: str, path: str, shown: str) -> None:
    if not path:
        with pytest.raises(ConfigError) as caught:
            read_base_url(written, "/v1")
        assert (caught.value.key, "unix:///" in caught.value.hint) == ("base_url", True)
        return
    url = read_base_url(written, "/v1")
    assert (socket_path(url.host), upstream(url)) == (path, shown)
    assert read_base_url(shown) == url
    assert is_loopback(url.host)


def test_a_socket_may_lie_in_the_home_folder(home: Path) -> None:
    assert socket_path(read_base_url("unix://~/llama.sock").host) == f"{home}/llama.sock"


@given(path=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_every_path_comes_back_as_it_was(path: str) -> None:
    url = read_base_url(shown_socket(f"/{path}", "/v1"))
    assert (socket_path(url.host), url.path) == (str(Path(f"/{path}")), "/v1")


def test_two_sockets_are_two_servers() -> None:
    one, other = (origin(read_base_url(f"unix:///run/{name}.sock")) for name in "ab")
    assert len({one, other, origin(httpx.URL("http://localhost"))}) == 3


async def test_a_server_at_a_socket_answers(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5h://127.0.0.1:9")
    async with replay(OK) as server, on_socket(place, server.url):
        assert await outcome(f"unix://{place}:/v1") == {"ok": True}
        assert await outcome(f"http+unix://{quote(str(place), safe='')}/v1") == {"ok": True}
        assert await outcome(f"unix://{place}", proxy=f"http://ann:{PASSWORD}@127.0.0.1:9") == {"ok": True}
    assert [request.path for request in server.requests] == ["/v1/models", "/v1/models", "/models"]
    assert {request.headers["host"] for request in server.requests} == {"localhost"}


async def test_its_answers_are_streamed_and_stopped(place: Path) -> None:
    plays = Play(STREAM), Play(STREAM, silent=True)
    async with replay(*plays) as server, on_socket(place, server.url), asking(f"unix://{place}") as client:
        async with ask(client, "chat", {}, first=5, between=5) as reply:
            assert [data async for data in reply] == ["one", "two"]
        async with ask(client, "chat", {}, first=5, between=5) as reply:
            assert await anext(reply) == "one"
        await server.left.wait()


async def test_what_breaks_off_is_told_with_the_socket(place: Path) -> None:
    cut = answer(b"[1", kind="application/json", Content_Length="9")
    async with replay(cut) as server, on_socket(place, server.url):
        error = await outcome(f"unix://{place}")
    assert type(error) is BrokenStream
    assert f"unix://{place}" in error.message


async def test_a_socket_that_is_not_there(place: Path) -> None:
    error = await outcome(f"unix://{place}:/v1")
    assert type(error) is Unreachable
    assert error.message == f"there is no unix://{place}"
    assert "base_url" in error.hint


async def test_a_socket_that_nobody_listens_at(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(place))
    error = await outcome(f"unix://{place}")
    assert error.message == f"nobody listens at unix://{place}"


async def test_a_file_that_is_no_socket(place: Path) -> None:
    place.write_text("")
    error = await outcome(f"unix://{place}")
    assert error.message == f"unix://{place} is a file, and no socket"


async def test_a_socket_that_may_not_be_opened(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The superuser, as whom tests may run, may open all of them."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    error = await outcome(f"unix://{place}")
    assert error.message == f"this user may not open unix://{place}"
    assert "ls -l" in error.hint


async def test_a_path_that_is_too_long_for_a_socket() -> None:
    error = await outcome(f"unix:///{'x' * 300}")
    assert type(error) is Unreachable
    assert "too long" in error.message


async def test_another_server_is_not_sought_at_the_socket(place: Path) -> None:
    """Pictures may lie elsewhere than the server that made them."""
    async with (
        replay(OK) as server,
        replay(OK) as other,
        on_socket(place, server.url),
        asking(f"unix://{place}") as client,
    ):
        await get_json(client, f"{other.url}/picture", timeout=5)
    assert (len(server.requests), other.requests[0].path) == (0, "/picture")
