"""Connection profiles: where a server is and how to talk to it."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from pluma_tui.core.chat import Sampling

SecretKind = Literal[
    "literal", "env", "file", "command", "keyring", "pass", "age", "vault", "op", "plugin", "prompt", "oidc"
]
SECRET_KINDS: tuple[str, ...] = (
    "env", "file", "command", "keyring", "pass", "age", "vault", "op", "plugin",
)  # fmt: skip


class SecretRef:
    """Says where a secret is; holds none itself, but for kind `literal`, which no repr shows.

    `value` is the variable's name, the path, the argv, ...; `more` the other keys of the table.
    """

    __slots__ = ("kind", "more", "value")

    def __init__(
        self, kind: SecretKind, value: str | tuple[str, ...], more: Mapping[str, Any] | None = None
    ) -> None:
        self.kind = kind
        self.value = value
        self.more = dict(more or {})

    def __repr__(self) -> str:
        return f"SecretRef({self})"

    def __str__(self) -> str:
        if self.kind == "literal":
            return "(hidden)"
        if self.kind == "env" and not str(self.value).isidentifier():
            return "env:(hidden)"  # the key itself may have been put where its variable's name belongs
        shown = " ".join(self.value) if isinstance(self.value, tuple) else self.value
        return f"{self.kind}:{shown}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretRef):
            return NotImplemented
        return (self.kind, self.value, self.more) == (other.kind, other.value, other.more)

    def __hash__(self) -> int:
        return hash((self.kind, self.value))


class AuthScheme(msgspec.Struct, frozen=True):
    """How a dialect carries its key: the header's name and what stands before the key in it."""

    header: str = "Authorization"
    prefix: str = "Bearer "


Seconds = Annotated[float, msgspec.Meta(ge=0)]
"""A time limit; 0 means none."""


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """What chat and image profiles share."""

    base_url: str = ""
    model: str = ""
    api_key: SecretRef | None = None
    headers: dict[str, str] = {}
    timeout: Seconds = 60.0
    connect_timeout: Seconds = 10.0
    proxy: str = ""
    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""
    client_key_password: SecretRef | None = None
    sign_in: dict[str, str] = {}
    name: str = ""  # set by the reader from the table's name; not a key of the file


class ConnectionProfile(Connection, frozen=True, kw_only=True):
    """A chat server. `compat` names the provider that talks to it."""

    compat: str
    system: str = ""
    first_event_timeout: Seconds = 600.0
    images: str = ""
    hand_over: bool = False
    sampling: Sampling = Sampling()
    options: dict[str, Any] = {}


class ImageProfile(Connection, frozen=True, kw_only=True):
    """An image server. `kind` names the provider that talks to it. Empty or None: the server's own."""

    kind: str
    timeout: Seconds = 0.0
    auth: SecretRef | None = None
    checkpoint: str = ""
    sampler: str = ""
    scheduler: str = ""
    steps: int | None = None
    cfg: float | None = None
    width: int | None = None
    height: int | None = None
    negative_prompt: str = ""
    workflow: str = ""
    options: dict[str, Any] = {}
