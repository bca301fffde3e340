"""Reading a response's body piece by piece, never more of it than was agreed."""

import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx

MAX_BODY = 8 * 1024 * 1024
"""Bytes of a JSON document, or of one event of a stream."""
MAX_ERROR = 64 * 1024
"""Bytes that are read of an answer that says no."""
_MAX_PIECE = 1024 * 1024  # bytes unpacked at a time


async def pieces(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """The body as it comes, unpacked. httpx's own decoding would unpack a bomb whole, into memory.

    Raises httpx's errors, and httpx.DecodingError for a packing that was not asked for.
    """
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity", "gzip"):
        raise httpx.DecodingError(f"the answer is packed as {coding[:40]}, which nobody asked for")
    async with aclosing(response.aiter_raw()) as raw:  # type: ignore[type-var]
        if coding != "gzip":
            async for piece in raw:
                yield piece
            return
        unpacker = zlib.decompressobj(31)
        async for packed in raw:
            piece = unpacker.decompress(packed, _MAX_PIECE)
            while piece:
                yield piece
                piece = unpacker.decompress(unpacker.unconsumed_tail, _MAX_PIECE)


async def read_into(body: bytearray, response: httpx.Response, limit: int) -> None:
    """Put at most `limit` bytes of the response into `body`; what comes after them is not read.

    What had come before an error or a cancellation stays in `body`.
    """
    async with aclosing(pieces(response)) as stream:
        async for piece in stream:
            body += piece[: limit - len(body)]
            if len(body) >= limit:
                return
