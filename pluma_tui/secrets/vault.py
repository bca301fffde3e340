"""`{ vault = "mount/path#field" }`: a secret of OpenBao or HashiCorp Vault, from its KV engine, version 2.

Where the server is and who asks is said by the reference or, as for the servers' own programs, by BAO_ADDR
or VAULT_ADDR, ..._TOKEN (or ~/.vault-token), ..._NAMESPACE, ..._CACERT, ..._CLIENT_CERT and ..._CLIENT_KEY.
"""

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pluma_tui.core.errors import ConfigError, ProviderError, Refused, SecretError
from pluma_tui.core.profile import Connection, SecretRef
from pluma_tui.files.paths import expanded
from pluma_tui.secrets.file import content

if TYPE_CHECKING:
    from pluma_tui.transport.http import ClientPool

_TIME_LIMIT = 15.0  # seconds for each of its answers
_TOKEN_FILE = "~/.vault-token"  # noqa: S105 - a path, the one that `bao login` writes to


async def fetch(ref: SecretRef) -> str:
    """One field of the secret's newest version. Raises SecretError."""
    from pluma_tui.transport.http import ClientPool

    pool = ClientPool()
    try:
        vault = _Vault(ref, pool)
        token = await vault.sign_in() if "role_id" in ref.more else _token()
        return await vault.read(token)
    except ConfigError as error:
        raise SecretError(f"vault: {error.message}", hint=error.hint) from None
    finally:
        await pool.aclose()


class _Vault:
    """One server, as one reference sees it."""

    def __init__(self, ref: SecretRef, pool: "ClientPool") -> None:
        self._ref = ref
        self._pool = pool
        path, _, self._field = str(ref.value).partition("#")
        self._path = path.strip("/")
        self._address = str(ref.more.get("address") or _environ("ADDR"))
        if not self._address:
            hint = 'Set VAULT_ADDR, or address = "https://..." beside vault.'
            raise SecretError("nothing says where vault is", hint=hint)

    async def sign_in(self) -> str:
        """A token for the role whose `role_id` and `secret_id` the reference names."""
        proof = {name: self._ref.more.get(name, "") for name in ("role_id", "secret_id")}
        try:
            document = await self._ask("v1/auth/approle/login", "", proof)
        except Refused:
            hint = "Is the role right, and its secret_id not used up?"
            raise SecretError("vault does not accept this role_id and secret_id", hint=hint) from None
        return str(_at(document, "auth", "client_token") or "")

    async def read(self, token: str) -> str:
        """The field's value."""
        mount, inner = self._parts()
        try:
            document = await self._ask(f"v1/{quote(mount)}/data/{quote(inner)}", token)
        except Refused as error:
            raise self._refused(error) from None
        return self._chosen(_at(document, "data", "data"))

    async def _ask(self, url: str, token: str, post: Any = None) -> Any:
        from pluma_tui.transport.exchange import get_json

        client = self._pool.client(
            self._connection(token), secret=_itself, auth_header="X-Vault-Token", auth_prefix=""
        )
        try:
            return await get_json(client, url, timeout=_TIME_LIMIT, post=post)
        except Refused as error:
            if error.status in (429, 472, 473, 501, 503):
                hint = "Unseal it, or ask who runs it."
                raise SecretError("vault is sealed or not ready", hint=hint) from None
            raise
        except ProviderError as error:
            raise SecretError(
                f"vault: {error.message}", hint="Check VAULT_ADDR and that vault runs."
            ) from None

    def _connection(self, token: str) -> Connection:
        namespace = str(self._ref.more.get("namespace") or _environ("NAMESPACE"))
        return Connection(
            base_url=self._address,
            api_key=SecretRef("literal", token) if token else None,
            headers={"X-Vault-Namespace": namespace} if namespace else {},
            ca_file=_path(self._ref, "ca_file", "CACERT"),
            client_cert=_path(self._ref, "client_cert", "CLIENT_CERT"),
            client_key=_path(self._ref, "client_key", "CLIENT_KEY"),
        )

    def _parts(self) -> tuple[str, str]:
        """The engine's mount point and the path below it; `mount` says where the one ends."""
        mount = str(self._ref.more.get("mount") or self._path.split("/")[0]).strip("/")
        inner = f"{self._path}/".removeprefix(f"{mount}/").strip("/")
        if not inner:
            raise SecretError("vault: the path names no secret", hint='Write vault = "mount/path#field".')
        return mount, inner.removeprefix("data/")  # as the server's own addresses have it

    def _refused(self, error: Refused) -> SecretError:
        """Our words alone: the server's might repeat the token."""
        if error.status == 403:
            hint = "Has the token run out, and does its policy allow to read there?"
            return SecretError(f"vault does not let this token read {self._path}", hint=hint)
        if error.status == 404:
            hint = "Its first part names the KV engine, version 2; say mount where that name is longer."
            return SecretError(f"vault has nothing at {self._path}", hint=hint)
        return SecretError(f"vault answers {error.status} for {self._path}")

    def _chosen(self, fields: Any) -> str:
        if not isinstance(fields, dict):
            raise SecretError(f"what vault has at {self._path} is no secret of a KV engine, version 2")
        only = next(iter(fields)) if len(fields) == 1 else ""
        name = self._field or next((name for name in ("value", "key") if name in fields), only)
        if name not in fields:
            hint = f"It has: {', '.join(sorted(fields))}. Name one: {self._path}#FIELD"
            raise SecretError(
                f"the secret at {self._path} has no field {name or 'called value or key'}", hint=hint
            )
        if not isinstance(fields[name], str):
            raise SecretError(f"the field {name} of {self._path} is no text")
        return str(fields[name])


def _at(document: Any, *names: str) -> Any:
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _token() -> str:
    token = _environ("TOKEN")
    if not token and expanded(_TOKEN_FILE).exists():
        token = content(expanded(_TOKEN_FILE)).decode("utf-8", "replace").strip()
    if not token:
        hint = "Set VAULT_TOKEN, run `bao login`, or give role_id and secret_id beside vault."
        raise SecretError("there is no token for vault", hint=hint)
    return token


def _environ(name: str) -> str:
    return os.environ.get(f"BAO_{name}") or os.environ.get(f"VAULT_{name}") or ""


def _path(ref: SecretRef, option: str, variable: str) -> str:
    name = str(ref.more.get(option) or _environ(variable))
    return str(expanded(name)) if name else ""


async def _itself(ref: SecretRef, /, *, newer_than: float = 0.0) -> str:
    if ref.kind == "prompt":
        hint = "For a vault store the key without a pass phrase."
        raise SecretError(f"{ref.value} is encrypted, and cannot be opened here", hint=hint)
    return str(ref.value)
