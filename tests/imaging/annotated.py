"""Small pictures made by hand, with the texts in them that programs leave."""

import struct
import zlib

from tests.imaging.pictures import png

_HEADER = 33  # bytes up to the end of the first chunk
A1111 = (
    "a cat, <lora:ink:0.8>\non a roof\nNegative prompt: blurry, bad\n"
    "Steps: 12, Sampler: Euler a, Schedule type: Karras, CFG scale: 6.5, Seed: 42, Size: 64x96, "
    'Model: ink_v1, VAE: kl-f8, Clip skip: 2, Lora hashes: "ink: 1a2b, other: 3c", Version: 1.10.1'
)


def annotated(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of 8 by 6 pixels with those chunks after its header."""
    whole = png(8, 6)
    return whole[:_HEADER] + b"".join(_chunk(*chunk) for chunk in chunks) + whole[_HEADER:]


def text(name: str, words: str) -> tuple[bytes, bytes]:
    return b"tEXt", name.encode() + b"\0" + words.encode()


def packed(name: str, words: str) -> tuple[bytes, bytes]:
    return b"zTXt", name.encode() + b"\0\0" + zlib.compress(words.encode())


def international(name: str, words: str, *, small: bool = False) -> tuple[bytes, bytes]:
    content = zlib.compress(words.encode()) if small else words.encode()
    return b"iTXt", name.encode() + b"\0" + bytes([small, 0]) + b"en\0" + b"\0" + content


def exif(comment: bytes, order: str = ">") -> bytes:
    """A TIFF with a directory that leads to another, which holds the comment."""
    head = b"MM\0*" if order == ">" else b"II*\0"
    first = struct.pack(f"{order}IHHHIII", 8, 1, 0x8769, 4, 1, 26, 0)
    second = struct.pack(f"{order}HHHIII", 1, 0x9286, 7, len(comment), 44, 0)
    return head + first + second + comment


def jpeg(comment: bytes = b"", order: str = ">") -> bytes:
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, 6, 8, 1) + b"\1\x11\0"
    inside = b"Exif\0\0" + exif(comment, order)
    app1 = b"\xff\xe1" + struct.pack(">H", len(inside) + 2) + inside if comment else b""
    return b"\xff\xd8" + app1 + frame + b"\xff\xda\0\x08\1\1\0\0\x3f\0" + b"\x11" + b"\xff\xd9"


def webp(comment: bytes = b"") -> bytes:
    head = b"VP8X" + struct.pack("<I", 10) + b"\x08\0\0\0" + b"\x07\0\0" + b"\x05\0\0"
    inside = exif(comment, "<")
    chunk = b"EXIF" + struct.pack("<I", len(inside)) + inside + b"\0" * (len(inside) % 2)
    body = b"WEBP" + head + chunk
    return b"RIFF" + struct.pack("<I", len(body)) + body


def unicode_comment(words: str, encoding: str = "utf-16-be") -> bytes:
    return b"UNICODE\0" + words.encode(encoding)


def _chunk(kind: bytes, content: bytes) -> bytes:
    crc = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)
