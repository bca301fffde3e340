"""The chunks of a PNG (third edition, 5.3), none of them unpacked; no length that is told is trusted."""

import struct
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_PARTS = 100_000
"""Chunks of a picture that are looked at; large pictures have some thousands."""


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Each chunk's type, where its content begins, and how long it says it is: that may be past the end."""
    at = len(SIGNATURE)
    for _ in range(MAX_PARTS):
        if at + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, at + 8, length
        at += length + 12


def decoded(text: bytes) -> str:
    """The text of a tEXt or zTXt chunk. The standard says Latin-1; programs write UTF-8 all the same."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")
