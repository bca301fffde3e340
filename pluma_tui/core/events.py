"""What a provider says while it answers: a closed union, deltas first, then exactly one `Finished`."""

from typing import Any

import msgspec

from pluma_tui.core.chat import Citation, Ending, Usage


class TextDelta(msgspec.Struct, frozen=True, tag="text"):
    """More of the answer. All deltas joined are the answer exactly as the server sent it."""

    text: str


class ReasoningDelta(msgspec.Struct, frozen=True, tag="reasoning"):
    """More of the model's thinking."""

    text: str


class ToolCallDelta(msgspec.Struct, frozen=True, tag="tool_call_delta"):
    """A fragment of the tool call number `index`. `id` and `name` come once; `arguments` is appended."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


class OpaqueDelta(msgspec.Struct, frozen=True, tag="opaque"):
    """Something to be kept with the answer and sent back unchanged; see `core.chat.Opaque`."""

    dialect: str
    data: dict[str, Any]


class UsageUpdate(msgspec.Struct, frozen=True, tag="usage"):
    """Tokens so far, as the server counts them. A later one replaces an earlier one."""

    usage: Usage


class Notice(msgspec.Struct, frozen=True, tag="notice"):
    """Something worth telling the person: a retry, a model being loaded, a setting that was ignored."""

    message: str


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """The answer has ended. Nothing follows."""

    ending: Ending


ChatEvent = (
    TextDelta | ReasoningDelta | ToolCallDelta | Citation | OpaqueDelta | UsageUpdate | Notice | Finished
)
