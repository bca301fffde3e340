"""Pictures for tests, made by hand: real ones of any size, and ones that no program should open."""

import struct
import zlib

_HEAD = b"\x89PNG\r\n\x1a\n"


def png(width: int, height: int, **texts: str) -> bytes:
    """A black PNG of that size, one bit a pixel, with text chunks."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    said = [_chunk(b"tEXt", f"{name}\0{text}".encode()) for name, text in texts.items()]
    packer = zlib.compressobj(9)
    row = bytes(1 + -(-width // 8))
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return _HEAD + _chunk(b"IHDR", header) + b"".join(said) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def bomb() -> bytes:
    """A true PNG of 30,000 by 30,000 pixels: a hundred kilobytes, unpacked a hundred megabytes."""
    return png(30_000, 30_000)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
