"""What is said: messages, their parts, and a request for an answer."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Role = Literal["system", "user", "assistant", "tool"]
Ending = Literal["complete", "length", "stopped", "tool_calls", "refused", "failed"]
"""How an answer ended. `stopped` by the user, `failed` with an error; None while it is being written."""


class Usage(msgspec.Struct, frozen=True):
    """Tokens of one exchange. `input` includes `cached`, `output` includes `reasoning`.

    `rate` is in output tokens a second and `first` the seconds until the first token, both as the server
    measured them, else as they were seen here. `context` is how many tokens the model holds, `cost` what the
    host says it charged, in US dollars. 0: unknown.
    """

    input: int = 0
    output: int = 0
    reasoning: int = 0
    cached: int = 0
    rate: float = 0.0
    first: float = 0.0
    context: int = 0
    cost: float = 0.0

    @property
    def fill(self) -> float:
        """How much of the context the conversation takes now, from 0 to 1; 0 where that is unknown."""
        return min((self.input + self.output) / self.context, 1.0) if self.context else 0.0


class Image(msgspec.Struct, frozen=True, tag="image"):
    """A picture that goes with a message. `data` are the file's bytes, `media_type` e.g. image/png."""

    data: bytes
    media_type: str
    name: str = ""


class File(msgspec.Struct, frozen=True, tag="file"):
    """A text file that goes with a message, its text already read."""

    name: str
    text: str


class ToolCall(msgspec.Struct, frozen=True, tag="tool_call"):
    """A call that the model asks for. `arguments` is the JSON text exactly as it came, maybe cut short."""

    id: str
    name: str
    arguments: str


class ToolResult(msgspec.Struct, frozen=True, tag="tool_result"):
    """What a tool answered to the call of that id."""

    id: str
    text: str
    error: bool = False


class Opaque(msgspec.Struct, frozen=True, tag="opaque"):
    """Something that only one dialect understands and wants back unchanged (a signature, say)."""

    dialect: str
    data: dict[str, Any]


class Citation(msgspec.Struct, frozen=True, tag="citation"):
    """A source that an answer refers to. `text` is what it quotes, `extra` what else the server says."""

    url: str = ""
    title: str = ""
    text: str = ""
    extra: dict[str, Any] = {}


Part = Image | File | ToolCall | ToolResult | Opaque | Citation


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message of a conversation, which is a tree: `parent` is the id of the message before it.

    `created` is RFC 3339 in UTC. `text` is exactly what was written or came, not yet safe for a terminal.
    `ending` is None for what people wrote, and for an answer that is still being written or was cut off
    with its program. `extra` keeps fields of imported files that pluma does not know.
    """

    role: Role
    text: str = ""
    reasoning: str = ""
    parts: tuple[Part, ...] = ()
    id: str = ""
    parent: str | None = None
    created: str = ""
    model: str = ""
    profile: str = ""
    ending: Ending | None = None
    error: str = ""
    usage: Usage | None = None
    extra: dict[str, Any] = {}


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation without its messages. `head` is the last message of the chosen path.

    `created` and `updated` are RFC 3339 in UTC; `messages` counts all of the tree.
    """

    id: str
    title: str = ""
    created: str = ""
    updated: str = ""
    profile: str = ""
    model: str = ""
    head: str | None = None
    messages: int = 0
    extra: dict[str, Any] = {}


class Sampling(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the next token is chosen. None: the server's own default. `context_size` is in tokens."""

    temperature: Annotated[
        float | None, Meta(description="How freely to choose: 0 takes the likeliest token every time.")
    ] = None
    top_p: Annotated[
        float | None,
        Meta(description="Choose among the likeliest tokens that together have this probability."),
    ] = None
    top_k: Annotated[int | None, Meta(description="Choose among so many of the likeliest tokens.")] = None
    min_p: Annotated[
        float | None,
        Meta(description="Leave out tokens that are less likely than this part of the likeliest."),
    ] = None
    typical_p: Annotated[
        float | None, Meta(description="Choose among tokens that are about as likely as is to be expected.")
    ] = None
    repetition_penalty: Annotated[
        float | None, Meta(description="Make tokens less likely that were there before; 1 does nothing.")
    ] = None
    frequency_penalty: Annotated[
        float | None,
        Meta(description="Make tokens less likely the more often they were there; 0 does nothing."),
    ] = None
    presence_penalty: Annotated[
        float | None, Meta(description="Make tokens less likely that were there at all; 0 does nothing.")
    ] = None
    max_tokens: Annotated[int | None, Meta(description="The longest answer, in tokens.")] = None
    seed: Annotated[
        int | None, Meta(description="The same seed gives the same answer, where the server keeps to it.")
    ] = None
    stop: Annotated[tuple[str, ...] | None, Meta(description="Texts at which the answer ends.")] = None
    context_size: Annotated[
        int | None,
        Meta(description="How many tokens the model is to hold, where that is the client's to say."),
    ] = None


class Tool(msgspec.Struct, frozen=True):
    """A tool the model may call. `parameters` is a JSON Schema."""

    name: str
    description: str
    parameters: dict[str, Any]


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """All that a provider needs to answer. `messages` is a path of the tree, oldest first.

    `options` is what only this provider knows (a profile's `options` table, and `--set`).
    """

    model: str
    messages: tuple[Message, ...]
    system: str = ""
    sampling: Sampling = Sampling()
    tools: tuple[Tool, ...] = ()
    options: dict[str, Any] = {}
