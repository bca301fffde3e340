"""Connection profiles: where a server is and how to talk to it."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

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

    base_url: Annotated[
        str, Meta(description="Where the server is; empty: the provider's usual address.")
    ] = ""
    model: Annotated[str, Meta(description="The model to ask for; empty: the server's choice.")] = ""
    api_key: Annotated[
        SecretRef | None, Meta(description="Where the key is: env:NAME, keyring:service/user, a command, ...")
    ] = None
    headers: Annotated[dict[str, str], Meta(description="Headers of every request.")] = {}
    timeout: Annotated[
        Seconds, Meta(description="Seconds between two signs of life before it is given up; 0: no limit.")
    ] = 60.0
    connect_timeout: Annotated[
        Seconds, Meta(description="Seconds until a connection must stand; 0: no limit.")
    ] = 10.0
    proxy: Annotated[str, Meta(description="A proxy: http://, socks5:// or socks5h://.")] = ""
    ca_file: Annotated[str, Meta(description="A file with the certificate authority of the server.")] = ""
    client_cert: Annotated[str, Meta(description="A file with the certificate to show to the server.")] = ""
    client_key: Annotated[str, Meta(description="The file with its key.")] = ""
    client_key_password: Annotated[
        SecretRef | None, Meta(description="Where the pass phrase of that key is.")
    ] = None
    sign_in: Annotated[
        dict[str, str],
        Meta(description='A sign-in for a key, such as { oidc = "https://issuer", client_id = "..." }.'),
    ] = {}
    name: str = ""  # set by the reader from the table's name; not a key of the file


class ConnectionProfile(Connection, frozen=True, kw_only=True):
    """A chat server. `compat` names the provider that talks to it."""

    compat: Annotated[str, Meta(description="The provider that talks to the server.")]
    system: Annotated[str, Meta(description="The system prompt.")] = ""
    first_event_timeout: Annotated[
        Seconds, Meta(description="Seconds until the first sign of an answer; 0: no limit.")
    ] = 600.0
    images: Annotated[str, Meta(description="The image profile that goes with this one.")] = ""
    hand_over: Annotated[
        bool,
        Meta(
            description="One graphics card: unload the chat model before a picture, and the other way round."
        ),
    ] = False
    sampling: Sampling = Sampling()
    options: dict[str, Any] = {}


class ImageProfile(Connection, frozen=True, kw_only=True):
    """An image server. `kind` names the provider that talks to it. Empty or None: the server's own."""

    kind: Annotated[str, Meta(description="The provider that talks to the server.")]
    timeout: Annotated[Seconds, Meta(description="Seconds for a job before it is given up; 0: no limit.")] = (
        0.0
    )
    auth: Annotated[
        SecretRef | None, Meta(description="Where the user:password is, for servers that want one.")
    ] = None
    checkpoint: Annotated[str, Meta(description="The model to draw with; empty: the one in use.")] = ""
    sampler: Annotated[str, Meta(description="How steps are made; empty: the server's own.")] = ""
    scheduler: Annotated[
        str, Meta(description="How noise is spread over the steps; empty: the server's own.")
    ] = ""
    steps: Annotated[int | None, Meta(description="How many steps to draw in.")] = None
    cfg: Annotated[float | None, Meta(description="How closely to keep to the prompt.")] = None
    width: Annotated[int | None, Meta(description="The picture's width in pixels.")] = None
    height: Annotated[int | None, Meta(description="Its height in pixels.")] = None
    negative_prompt: Annotated[str, Meta(description="What is not to be in the picture.")] = ""
    workflow: Annotated[str, Meta(description="A name in the library of workflows, or a file.")] = ""
    options: dict[str, Any] = {}
