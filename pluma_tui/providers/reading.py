"""Reading a streamed answer: what all dialects have in common. What a document means, a `Reader` knows."""

from collections.abc import AsyncGenerator, Iterator
from typing import TYPE_CHECKING, Any

from pluma_tui.core.chat import Ending
from pluma_tui.core.errors import ProviderError, Refused
from pluma_tui.core.events import ChatEvent, Finished
from pluma_tui.providers.base import Json
from pluma_tui.transport.json import read_json

if TYPE_CHECKING:
    from pluma_tui.transport.stream import Answer

_AFTERWARDS = 5.0  # seconds to wait for token counts once the answer itself is whole
_MOST = 2**53  # more than this nobody has counted


class Reader:
    """Makes events out of the documents of one answer, fed in order; each dialect has its own kind.

    `ended` is set when the server has said how the answer ended, `over` when nothing is to follow that.
    """

    ended = False
    over = False
    ending: Ending = "complete"

    def read(self, document: Json) -> Iterator[ChatEvent]:
        """The events of one document."""
        raise NotImplementedError

    def close(self) -> Iterator[ChatEvent]:
        """What was held back; nothing more comes, for good or ill."""
        return iter(())

    def finished(self) -> Finished:
        """The last event."""
        return Finished(self.ending)

    def knows(self, document: Json) -> bool:
        """Whether a document that came alone, and not as an event of a stream, is an answer at all."""
        return True

    def error(self, document: Json) -> Any:
        """The error that a document is, in one of the shapes that `transport.refusal` reads; else None."""
        return document if document.get("error") or document.get("object") == "error" else None


async def events(answer: "Answer", reader: Reader) -> AsyncGenerator[ChatEvent, None]:
    """What an answer brings, then `Finished`. An answer that is whole is kept, whatever comes after it.

    Raises ProviderError, BrokenStream for a stream that ends without an ending.
    """
    try:
        async for data in answer:
            if data.startswith("[DONE]"):
                await answer.drain()
                break
            for event in reader.read(parsed(data, answer, reader)):
                yield event
            if reader.over:
                await answer.drain()
                break
            if reader.ended:
                answer.between = min(answer.between or _AFTERWARDS, _AFTERWARDS)
        else:
            if not (reader.ended or answer.whole):
                raise answer.broken()
    except ProviderError as error:
        if isinstance(error, Refused) or not reader.ended:
            for event in reader.close():
                yield event
            raise
    for event in reader.close():
        yield event
    yield reader.finished()


def parsed(data: str, answer: "Answer", reader: Reader) -> Json:
    """One document. Raises BrokenStream for what is none, and the refusal for an error."""
    try:
        document = read_json(data)
    except ValueError:
        raise answer.nonsense(data) from None
    if not isinstance(document, dict):
        raise answer.nonsense(data)
    error = reader.error(document)
    if error is not None:
        raise answer.refusal(error)
    if answer.whole and not reader.knows(document):
        raise answer.nonsense(data)
    return document


def table(document: Json, name: str) -> Json:
    """The object `name` of a document; an empty one where there is none."""
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def entries(document: Any, name: str) -> list[Json]:
    """The objects in the list `name` of a document, whatever else it holds."""
    value = document.get(name) if isinstance(document, dict) else None
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def text(document: Json, name: str) -> str:
    """The string `name` of a document, else an empty one."""
    value = document.get(name)
    return value if isinstance(value, str) else ""


def number(document: Json, name: str, default: float = 0) -> float:
    """A count or a time that a server tells, `default` for none and for what can be none."""
    value = document.get(name)
    # Some servers divide by a time of nothing: an infinity is no count.
    return value if isinstance(value, int | float) and 0 <= value < _MOST else default


def count(document: Json, name: str, default: float = 0) -> int:
    """`number`, whole."""
    return int(number(document, name, default))
