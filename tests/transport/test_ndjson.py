import json
from collections.abc import AsyncIterator

import httpx
from hypothesis import given
from hypothesis import strategies as st

from pluma_tui.transport.ndjson import lines
from pluma_tui.transport.unpacked import Text

DOCUMENTS = st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=20), max_size=3), max_size=5)


class Pieces(httpx.AsyncByteStream):
    """A body in pieces of `size` bytes."""

    def __init__(self, body: bytes, size: int) -> None:
        self.body = body
        self.size = size

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self.body), self.size):
            yield self.body[at : at + self.size]


async def read(body: bytes, size: int = 1 << 20) -> list[str]:
    text = Text(httpx.Response(200, stream=Pieces(body, size)), "here")
    return [line async for line in lines(text)]


@given(DOCUMENTS, st.integers(1, 9), st.sampled_from(["\n", "\r\n", "\n\n"]))
async def test_documents_come_out_as_they_went_in(
    documents: list[dict[str, str]], size: int, end: str
) -> None:
    written = [json.dumps(document, ensure_ascii=False) for document in documents]
    body = "".join(line + end for line in written).encode("utf-8", "surrogatepass")
    assert [json.loads(line) for line in await read(body, size)] == documents


async def test_a_line_ends_at_a_line_feed_and_not_at_another_separator() -> None:
    document = '{"text": "a\u2028b\u2029c\u0085d"}'
    assert await read(f"{document}\n{document}\n".encode()) == [document, document]


async def test_a_last_line_without_its_end_counts_if_it_may_be_whole() -> None:
    assert await read(b'{"a": 1}\n{"b": 2}') == ['{"a": 1}', '{"b": 2}']
    assert await read(b'{"a": 1}\n{"b": ') == ['{"a": 1}']
