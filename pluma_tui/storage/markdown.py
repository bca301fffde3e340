"""Conversations for people to read: Markdown."""

import re
from collections.abc import Iterator, Sequence

from pluma_tui.core.chat import Citation, Conversation, File, Image, Message, Part, ToolCall, ToolResult

_SPEAKERS = {"system": "System", "user": "You", "assistant": "Assistant", "tool": "Tool"}
_ENDINGS = {
    "length": "cut off: the answer reached its limit of tokens",
    "stopped": "stopped",
    "refused": "the model declined to answer",
    "failed": "broken off",
}


def markdown(conversation: Conversation, path: Sequence[Message]) -> str:
    """The messages of one path under headings. Their text stands as it is: it mostly is Markdown."""
    blocks = [f"# {_line(conversation.title) or 'Conversation'}"]
    facts = (conversation.created, conversation.profile, conversation.model, conversation.id)
    blocks.append(f"*{' · '.join(_line(fact) for fact in facts if fact)}*")
    for message in path:
        blocks += _message(message)
    return "\n\n".join(blocks) + "\n"


def _message(message: Message) -> Iterator[str]:
    speaker = _SPEAKERS[message.role]
    yield f"## {speaker} ({_line(message.model)})" if message.model else f"## {speaker}"
    if message.reasoning.strip():
        yield "\n".join(f"> {line}".rstrip() for line in message.reasoning.strip().split("\n"))
    if message.text.strip():
        yield message.text.strip("\r\n")
    for part in message.parts:
        yield from _part(part)
    if message.ending in _ENDINGS:
        why = f": {_line(message.error)}" if message.error else ""
        yield f"*({_ENDINGS[message.ending]}{why})*"


def _part(part: Part) -> Iterator[str]:
    if isinstance(part, Image):
        size = f"{part.media_type}, {len(part.data):,} bytes"
        yield f"*Picture: {_line(f'{part.name} ({size})' if part.name else size)}*"
    elif isinstance(part, File):
        yield f"*File: {_line(part.name)}*"
        yield _fenced(part.text)
    elif isinstance(part, ToolCall):
        yield f"*Calls {_line(part.name)}:*"
        yield _fenced(part.arguments, "json")
    elif isinstance(part, ToolResult):
        yield f"*{'Error' if part.error else 'Result'}:*"
        yield _fenced(part.text)
    elif isinstance(part, Citation):
        yield f"*Source: {_line(f'{part.title} {part.url}')}*"


def _fenced(text: str, language: str = "") -> str:
    """A code block whose fence is longer than any run of backticks within."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    body = text.rstrip("\n")
    return f"{fence}{language}\n{body}\n{fence}"


def _line(text: str) -> str:
    return " ".join(text.split())
