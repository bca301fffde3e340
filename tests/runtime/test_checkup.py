"""Looking a profile over, step by step, with real servers where they can be had."""

import asyncio
import json
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pluma_tui import imaging
from pluma_tui.core.errors import ConfigError, Unauthorized, UnknownPlugin
from pluma_tui.core.images import ServerInfo
from pluma_tui.runtime import checkup as module
from pluma_tui.runtime.checkup import STEPS, Section, Step, checkup, works
from pluma_tui.runtime.wiring import Options, Runtime, open_runtime
from tests.servers.by_path import by_path
from tests.servers.llamacpp import LlamaServer
from tests.servers.on_socket import on_socket
from tests.servers.replay import Play, answer, replay
from tests.servers.socks import socks_proxy

DATA = Path(__file__).parents[1] / "data"
CERT, KEY, EXPIRED = (str(DATA / "tls" / name) for name in ("localhost.pem", "localhost.key", "expired.pem"))
SECRET = "sk-nobody-may-see-this"
Opened = Callable[..., Runtime]

MODELS = {"object": "list", "data": [{"id": "model-a"}, {"id": "model-b"}]}
WORD = 'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}\n\n'


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """A runtime with one profile, which has a key unless told otherwise."""
    monkeypatch.setenv("THE_KEY", SECRET)

    def make(url: str, section: Section = "chat", **values: Any) -> Runtime:
        kind = {"compat": "openai"} if section == "chat" else {"kind": "double"}
        whole = {**kind, "base_url": url, "api_key": "env:THE_KEY", **values}
        rows = "".join(f"{key} = {json.dumps(value)}\n" for key, value in whole.items())
        config = tmp_path / "config.toml"
        config.write_text(f"[{section}.profiles.home]\n{rows}")
        config.chmod(0o600)
        return open_runtime(Options(config=str(config), data_dir=str(tmp_path / "data")), {})

    return make


async def steps(runtime: Runtime, section: Section = "chat", name: str | None = None) -> dict[str, Step]:
    """All steps by name; each comes once and in order, and no secret is in them."""
    try:
        found = [step async for step in checkup(runtime, section, name)]
    finally:
        await runtime.aclose()
    assert tuple(step.name for step in found) == STEPS[section]
    assert SECRET not in repr(found) + "".join(str(step.error) for step in found)
    assert works(found) == (found[-1].state == "ok")
    return {step.name: step for step in found}


def states(found: dict[str, Step]) -> str:
    """One letter a step: ok, failed, skipped."""
    return "".join(step.state[0] for step in found.values())


class TestWithLlamaCpp:
    async def test_all_is_well(self, opened: Opened, llama: LlamaServer, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("THE_KEY", llama.key)
        found = await steps(opened(llama.url, model="micro"))
        assert states(found) == "osooo"
        assert found["address"].words == f"{llama.url.removeprefix('http://')} lets us in"
        assert found["tls"].words == "plain HTTP"
        assert found["key"].words == "from env:THE_KEY, and not refused"
        assert found["models"].words == "1 model, micro among them"
        assert found["answer"].words == "the first word of an answer came"
        assert all(step.seconds > 0 for step in found.values() if step.state == "ok")
        assert not any(step.hint for step in found.values())

    async def test_a_model_that_it_has_not_got_is_told(
        self, opened: Opened, llama: LlamaServer, monkeypatch: pytest.MonkeyPatch
    ):
        """llama.cpp answers whatever the model is called: so it works, and is told."""
        monkeypatch.setenv("THE_KEY", llama.key)
        found = await steps(opened(llama.url, model="mikro"))
        assert states(found) == "osooo"
        assert found["models"].words == '1 model, and none is called "mikro"'
        assert found["models"].hint == 'Did you mean "micro"?'

    async def test_a_wrong_key(self, opened: Opened, llama: LlamaServer):
        found = await steps(opened(llama.url))
        assert states(found) == "osfss"
        assert "Invalid API Key" in found["key"].words
        assert "Check api_key" in found["key"].hint
        assert isinstance(found["key"].error, Unauthorized)

    async def test_a_missing_key(self, opened: Opened, llama: LlamaServer):
        found = await steps(opened(llama.url, api_key=""))
        assert states(found) == "osfss"
        assert "wants a key" in found["key"].hint

    async def test_its_slot_is_free_again(
        self, opened: Opened, llama: LlamaServer, monkeypatch: pytest.MonkeyPatch
    ):
        """An answer is stopped after its first word: more checkups than there are slots get one."""
        monkeypatch.setenv("THE_KEY", llama.key)
        for _ in range(llama.slots + 1):
            assert states(await steps(opened(llama.url))) == "osooo"


class TestAddress:
    async def test_nobody_listens(self, opened: Opened):
        async with replay(answer("")) as gone:
            pass
        found = await steps(opened(gone.url))
        assert states(found) == "fssss"
        assert found["address"].words == f"nobody listens at {gone.url.removeprefix('http://')}"
        assert "server running" in found["address"].hint

    async def test_a_name_that_nobody_has(self, opened: Opened, monkeypatch: pytest.MonkeyPatch):
        def unknown(*_: Any, **__: Any) -> Any:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        found = await steps(opened("https://no-such-host.invalid/v1"))
        assert states(found) == "fssss"
        assert found["address"].words == "no host is known by the name no-such-host.invalid"

    async def test_nobody_answers_in_time(self, opened: Opened, monkeypatch: pytest.MonkeyPatch):
        async def never(*_: Any, **__: Any) -> Any:
            await asyncio.Event().wait()

        monkeypatch.setattr(asyncio, "open_connection", never)
        found = await steps(opened("http://127.0.0.1:9", connect_timeout=0.01))
        assert states(found) == "fssss"
        assert found["address"].words == "no connection to 127.0.0.1:9 in time"
        assert "connect_timeout" in found["address"].hint

    async def test_the_second_address_of_a_host_will_do(
        self, opened: Opened, monkeypatch: pytest.MonkeyPatch
    ):
        async with by_path({"/v1/models": (200, MODELS)}) as server:
            rows = [
                (socket.AF_INET6, 1, 6, "", ("::1", 1, 0, 0)),
                (socket.AF_INET, 1, 6, "", ("127.0.0.1", 1)),
            ]
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: rows)
            found = await steps(opened(f"http://twofold:{server.port}"))
        assert found["address"].state == "ok"

    async def test_a_proxy_is_named_and_its_password_is_not(self, opened: Opened):
        async with replay(answer(MODELS), answer(WORD)) as proxy:
            address = proxy.url.removeprefix("http://")
            found = await steps(opened("http://far.invalid", proxy=f"http://me:{SECRET}@{address}"))
        assert found["address"].words == f"the proxy {address} lets us in"
        assert found["key"].state == "ok"

    async def test_a_key_in_the_open_behind_a_proxy_is_told_too(self, opened: Opened):
        """However near the proxy is: what is behind it is not."""
        async with replay(answer(MODELS), answer(WORD)) as proxy:
            assert "everybody" in (await steps(opened("http://far.invalid", proxy=proxy.url)))["tls"].hint

    async def test_a_proxy_that_is_away(self, opened: Opened):
        async with replay(answer("")) as gone:
            pass
        address = gone.url.removeprefix("http://")
        found = await steps(opened("http://far.onion", proxy=f"tor://{address}"))
        assert found["address"].words == f"nobody listens at {address}"
        assert "Is the proxy running" in found["address"].hint

    async def test_a_proxy_that_speaks_socks(self, opened: Opened):
        async with replay(answer(MODELS), answer(WORD)) as server, socks_proxy(server.url) as proxy:
            found = await steps(opened("http://far.onion", proxy=f"socks5h://{proxy.where}"))
        assert states(found) == "osooo"
        assert found["address"].words == f"the proxy {proxy.where} lets us in"
        assert found["tls"].hint == ""  # Tor encrypts the way to an onion service
        assert set(proxy.asked) == {"far.onion"}

    async def test_a_proxy_whose_address_is_none_is_a_config_error(self, opened: Opened):
        with pytest.raises(ConfigError):
            await steps(opened("http://far.invalid", proxy="http://"))

    async def test_a_key_in_the_open_is_told(self, opened: Opened, monkeypatch: pytest.MonkeyPatch):
        async with by_path({"/v1/models": (200, MODELS)}) as server:
            monkeypatch.setattr("pluma_tui.transport.reach.is_loopback", lambda host: False)
            assert "everybody" in (await steps(opened(f"http://127.0.0.1:{server.port}")))["tls"].hint
            monkeypatch.undo()
            found = await steps(opened(f"http://127.0.0.1:{server.port}", api_key=""))
            assert found["tls"].hint == ""


class TestSocket:
    @pytest.fixture
    def place(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return tmp_path_factory.mktemp("s") / "llama.sock"

    async def test_all_is_well(self, opened: Opened, place: Path):
        async with replay(answer(MODELS), answer(WORD)) as server, on_socket(place, server.url):
            found = await steps(opened(f"unix://{place}:/v1"))
        assert states(found) == "osooo"
        assert found["address"].words == f"unix://{place} lets us in"
        assert (found["tls"].words, found["tls"].hint) == ("plain HTTP", "")

    async def test_it_is_not_there(self, opened: Opened, place: Path):
        found = await steps(opened(f"unix://{place}"))
        assert states(found) == "fssss"
        assert found["address"].words == f"there is no unix://{place}"

    async def test_nobody_listens(self, opened: Opened, place: Path):
        with socket.socket(socket.AF_UNIX) as left_behind:
            left_behind.bind(str(place))
        found = await steps(opened(f"unix://{place}"))
        assert found["address"].words == f"nobody listens at unix://{place}"

    async def test_it_may_not_be_opened(self, opened: Opened, place: Path, monkeypatch: pytest.MonkeyPatch):
        async def refuse(*_: Any, **__: Any) -> Any:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(asyncio, "open_unix_connection", refuse)
        found = await steps(opened(f"unix://{place}"))
        assert found["address"].words == f"this user may not open unix://{place}"


class TestTls:
    @staticmethod
    def context(cert: str = CERT) -> ssl.SSLContext:
        made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        made.load_cert_chain(cert, KEY)
        return made

    async def look(self, opened: Opened, *, cert: str = CERT, host: str = "127.0.0.1", **values: Any) -> Step:
        async with replay(answer(MODELS), answer(WORD), tls=self.context(cert)) as server:
            found = await steps(opened(server.url.replace("127.0.0.1", host), **values))
        failed = found["tls"].state == "failed"
        assert states(found).startswith("of" if failed else "oo")
        assert not failed or states(found).endswith("sss")
        return found["tls"]

    async def test_a_certificate_that_is_trusted(self, opened: Opened):
        step = await self.look(opened, ca_file=CERT)
        assert step.words.startswith("the certificate is trusted, and good for ")
        assert step.words.endswith("years")
        assert step.hint == ""

    async def test_one_that_is_to_be_renewed(self, opened: Opened, monkeypatch: pytest.MonkeyPatch):
        async def soon(*_: Any) -> float:
            return 5.2

        monkeypatch.setattr("pluma_tui.transport.reach.Route.certificate", soon)
        step = await self.look(opened, ca_file=CERT)
        assert step.words.endswith("good for 5 days")
        assert "renewed" in step.hint

    @pytest.mark.parametrize(
        ("cert", "host", "values", "words", "hint"),
        [
            (CERT, "127.0.0.1", {}, "is self-signed", "ca_file"),
            (EXPIRED, "127.0.0.1", {"ca_file": EXPIRED}, "has expired", "clock"),
            (CERT, "127.1", {"ca_file": CERT}, "is for another host", "base_url"),
        ],
    )
    async def test_one_that_is_not(
        self, opened: Opened, cert: str, host: str, values: dict, words: str, hint: str
    ):
        step = await self.look(opened, cert=cert, host=host, **values)
        assert step.words == f"the certificate of {host} {words}"
        assert hint in step.hint

    async def test_a_clients_key_is_opened_first(self, opened: Opened, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("PASS_PHRASE", "letmein")
        locked = {"client_cert": CERT, "client_key": str(DATA / "tls" / "locked.key")}
        asked = {**locked, "ca_file": CERT, "client_key_password": "env:PASS_PHRASE"}
        assert (await self.look(opened, **asked)).state == "ok"
        monkeypatch.setenv("PASS_PHRASE", SECRET)
        step = await self.look(opened, **asked)
        assert "the pass phrase from env:PASS_PHRASE does not open" in step.words

    async def test_a_ca_file_that_is_not_there(self, opened: Opened):
        with pytest.raises(ConfigError):
            await self.look(opened, ca_file="/no/such/file")

    async def test_a_server_that_speaks_plain_http(self, opened: Opened):
        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            found = await steps(opened(f"https://127.0.0.1:{port}"))
        assert states(found) == "ofsss"
        assert "base_url begins with http://" in found["tls"].hint

    async def test_one_that_waits_for_the_rest_of_it(self, opened: Opened):
        async with replay(answer("")) as server:
            found = await steps(opened(server.url.replace("http:", "https:"), connect_timeout=0.2))
        assert states(found) == "ofsss"
        assert found["tls"].words.endswith("has not set up TLS in time")
        assert "base_url begins with http://" in found["tls"].hint

    async def test_one_that_hangs_up(self, opened: Opened):
        async def leave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.transport.abort()

        async with await asyncio.start_server(leave, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            found = await steps(opened(f"https://127.0.0.1:{port}"))
        assert states(found) == "ofsss"
        assert "base_url begins with http://" in found["tls"].hint


class TestKey:
    async def test_one_that_cannot_be_fetched(self, opened: Opened):
        async with by_path({}) as server:
            url = f"http://127.0.0.1:{server.port}"
            found = await steps(opened(url, api_key="env:NOT_SET"))
        assert states(found) == "osfss"
        assert found["key"].words == "the variable NOT_SET is not set"
        assert server.paths == []

    async def test_none_is_set_and_none_is_wanted(self, opened: Opened):
        async with by_path({"/v1/models": (200, MODELS)}) as server:
            found = await steps(opened(f"http://127.0.0.1:{server.port}", api_key=""))
        assert found["key"].words == "none is set, and none was asked for"

    async def test_a_command_is_not_repeated(self, opened: Opened):
        async with by_path({"/v1/models": (200, MODELS)}) as server:
            found = await steps(opened(f"http://127.0.0.1:{server.port}", api_key=f"command:echo {SECRET}"))
        assert found["key"].words == "from command, and not refused"

    async def test_a_server_that_shows_its_models_to_all_and_answers_nobody_without_a_key(
        self, opened: Opened
    ):
        answers = {"/v1/models": (200, MODELS)}
        async with by_path(answers, (401, {"error": {"message": "no"}})) as server:
            found = await steps(opened(f"http://127.0.0.1:{server.port}"))
        assert states(found) == "osoof"
        assert "Check api_key" in found["answer"].hint


class TestServer:
    async def look(self, opened: Opened, *plays: Play | bytes, **values: Any) -> dict[str, Step]:
        async with replay(*plays) as server:
            return await steps(opened(server.url, **values))

    async def test_a_web_page(self, opened: Opened):
        found = await self.look(opened, answer("<html></html>", kind="text/html"))
        assert states(found) == "osofs"
        assert found["models"].words.endswith("answers with a web page")
        assert "Check base_url" in found["models"].hint

    async def test_a_path_that_lm_studio_does_not_know(self, opened: Opened):
        wrong = answer({"error": "Unexpected endpoint or method. (GET /models)"})
        found = await self.look(opened, wrong)
        assert states(found) == "osofs"
        assert "Check base_url" in found["models"].hint

    async def test_a_path_that_is_not_there(self, opened: Opened):
        found = await self.look(opened, answer({"detail": "Not Found"}, status=404))
        assert states(found) == "osoff"
        assert "it ends in /v1" in found["models"].hint

    async def test_a_server_without_a_list_of_models_works(self, opened: Opened):
        found = await self.look(opened, answer("", status=404), answer(WORD), model="model-a")
        assert states(found) == "osofo"

    async def test_a_model_that_is_being_loaded(self, opened: Opened):
        loading = (DATA / "chat" / "llamacpp-err-503-loading-v1-chat-completions.http").read_bytes()
        found = await self.look(opened, loading)
        assert states(found) == "osofs"
        assert "being loaded" in found["models"].hint

    async def test_a_model_that_the_server_does_not_know(self, opened: Opened):
        no = answer(
            {"error": {"message": 'model "model-c" not found', "code": "model_not_found"}}, status=404
        )
        found = await self.look(opened, answer(MODELS), no, model="model-c")
        assert states(found) == "osoof"
        assert found["models"].hint.startswith("Did you mean")
        assert 'model "model-c" not found' in found["answer"].words

    async def test_without_a_model_in_the_profile_the_servers_first_is_asked(self, opened: Opened):
        async with replay(answer(MODELS), answer(WORD)) as server:
            found = await steps(opened(server.url))
            assert server.requests[-1].json["model"] == "model-a"
            assert server.requests[-1].json["max_tokens"] == module._TOKENS
        assert found["models"].hint == 'None is set in the profile: model = "model-a"?'

    async def test_an_answer_without_a_word(self, opened: Opened):
        empty = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
        found = await self.look(opened, answer(MODELS), answer(empty))
        assert states(found) == "osoof"
        assert found["answer"].words == "the answer ended without a word"

    async def test_a_model_that_thinks_in_secret_for_all_its_tokens(self, opened: Opened):
        cut = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}\n\ndata: [DONE]\n\n'
        assert states(await self.look(opened, answer(MODELS), answer(cut))) == "osooo"

    async def test_it_leaves_after_the_first_word(self, opened: Opened):
        async with replay(answer(MODELS), Play(answer(WORD), silent=True)) as server:
            assert states(await steps(opened(server.url))) == "osooo"
            await asyncio.wait_for(server.left.wait(), 5)


class Double:
    """An image provider without a wire."""

    kind = "double"

    def __init__(self, upstream: str, says: ServerInfo | Exception) -> None:
        self.upstream = upstream
        self._says = says

    async def ping(self) -> ServerInfo:
        if isinstance(self._says, Exception):
            raise self._says
        return self._says


class TestImages:
    @pytest.fixture(autouse=True)
    def only_here(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(imaging.registry, "_added", {})

    async def look(self, opened: Opened, says: ServerInfo | Exception, **values: Any) -> dict[str, Step]:
        async with by_path({}) as server:
            url = f"http://127.0.0.1:{server.port}"
            imaging.register_image_provider("double", lambda *_: Double(url, says))  # type: ignore[arg-type, return-value]
            return await steps(opened(url, "images", **values), "images")

    async def test_all_is_well(self, opened: Opened):
        found = await self.look(opened, ServerInfo("ComfyUI", "0.33.0"))
        assert states(found) == "osoo"
        assert found["ping"].words == "ComfyUI 0.33.0"

    async def test_user_and_password_are_fetched_too(self, opened: Opened):
        found = await self.look(opened, ServerInfo("x"), auth="env:NOT_SET")
        assert states(found) == "osfs"

    async def test_a_wrong_password(self, opened: Opened):
        found = await self.look(opened, Unauthorized("Incorrect username or password"))
        assert states(found) == "osfs"
        assert found["key"].words == "Incorrect username or password"


async def test_a_provider_without_a_network(opened: Opened, tmp_path: Path):
    """The embedded one has no address; that its model is missing is told."""
    found = await steps(opened("", compat="local", api_key=""))
    assert states(found)[:2] == "ss"
    assert found["address"].words == "embedded llama.cpp"
    assert states(found)[-1] == "f"


@pytest.mark.parametrize(("values", "error"), [({"compat": "opnai"}, UnknownPlugin), ({}, ConfigError)])
async def test_what_is_no_profile_is_raised(opened: Opened, values: dict, error: type[Exception]):
    with pytest.raises(error):
        await steps(opened("http://127.0.0.1:1", **values), name="home" if values else "other")
