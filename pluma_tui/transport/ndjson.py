"""JSON documents in a body, one a line: https://github.com/ndjson/ndjson-spec

Lines end at a line feed and nowhere else: httpx's own splitting would cut a document at U+2028.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from pluma_tui.transport.unpacked import Text


async def lines(text: Text) -> AsyncGenerator[str, None]:
    """Each line that is not blank; a last one without its end only if it is a whole document."""
    held: list[str] = []
    async with aclosing(text.aiter_text()) as pieces:
        async for piece in pieces:
            first, *rest = piece.split("\n")
            held.append(first)
            for start in rest:
                line = "".join(held)
                held = [start]
                if line := line.strip("\r \t"):
                    yield line
    last = "".join(held).strip()
    if last.endswith("}"):
        yield last
