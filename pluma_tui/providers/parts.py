"""Parts of a message in the forms that several dialects share."""

import base64
import re
from collections.abc import Iterator
from typing import TypeVar

from pluma_tui.core.chat import File, Image, Message, Part

P = TypeVar("P", bound=Part)


def parts(message: Message, kind: type[P]) -> Iterator[P]:
    """The parts of one kind, in order."""
    return (part for part in message.parts if isinstance(part, kind))


def words(message: Message) -> str:
    """The text of a message, and after it the text files that go with it."""
    return "\n\n".join(piece for piece in (message.text, *map(_fenced, parts(message, File))) if piece)


def encoded(image: Image) -> str:
    """A picture's bytes in base64."""
    return base64.b64encode(image.data).decode("ascii")


def _fenced(file: File) -> str:
    """The file's name, and its text in a fence that nothing inside it can close."""
    longest = max((len(run) for run in re.findall("`{3,}", file.text)), default=2)
    fence = "`" * (longest + 1)
    newline = "" if file.text.endswith("\n") else "\n"
    return f"File {file.name}:\n{fence}\n{file.text}{newline}{fence}"
