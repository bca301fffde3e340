"""What a picture's bytes are, told by their content: a name or a header of the server's is no proof.

PNG (RFC 2083), JPEG (ITU-T T.81, annex B), GIF89a and WebP (RFC 9649) are read as far as their size and
their ending. Nothing is unpacked, so a picture that would fill the memory costs no more than its header.
"""

import binascii
import struct
from typing import Any, NamedTuple

import msgspec

from pluma_tui.core.errors import BrokenStream
from pluma_tui.core.images import Picture
from pluma_tui.imaging.png import MAX_PARTS, SIGNATURE, chunks, decoded

MAX_BYTES = 64 * 1024 * 1024
"""Bytes of one picture."""
MAX_PIXELS = 100_000_000
"""Pixels of one picture: 10,000 by 10,000."""
_MAX_TEXT = 4 * 1024 * 1024  # bytes of one text

_EXTENSIONS = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "image/gif": ".gif"}
_JPEG = b"\xff\xd8\xff"
_NO_FRAME = {0xC4, 0xC8, 0xCC}  # markers from C0 to CF that begin no frame
_BARE = {0x01, *range(0xD0, 0xD9)}  # markers that no length follows
_SCAN, _END = 0xDA, b"\xff\xd9"
_PADDING = 4096  # bytes at a GIF's end that its trailer, and zeros after it, are looked for in


class Shape(NamedTuple):
    """What a picture's header says; sizes are in pixels. `whole`: its ending is there too."""

    media_type: str
    width: int
    height: int
    whole: bool


def sniff(data: bytes) -> Shape | None:
    """What `data` is; None if it is no PNG, JPEG, WebP or GIF, or is cut before its size is told."""
    try:
        if data.startswith(SIGNATURE):
            return _png(data)
        if data.startswith(_JPEG):
            return _jpeg(data)
        if data.startswith((b"GIF87a", b"GIF89a")):
            width, height = struct.unpack_from("<HH", data, 6)
            return Shape("image/gif", width, height, data[-_PADDING:].rstrip(b"\0").endswith(b";"))
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
    except (struct.error, IndexError):
        pass
    return None


def picture(
    data: bytes, upstream: str, *, seed: int | None = None, settings: dict[str, Any] | None = None
) -> Picture:
    """The picture that `upstream` sent, its bytes unchanged. Raises BrokenStream: it is none, cut or huge."""
    if len(data) > MAX_BYTES:
        raise BrokenStream(f"{upstream} sent a picture of more than {MAX_BYTES >> 20} MB")
    shape = sniff(data)
    if shape is None or not shape.width or not shape.height:
        raise BrokenStream(f"{upstream} sent what is no picture that pluma knows")
    if shape.width * shape.height > MAX_PIXELS:
        size = f"{shape.width} by {shape.height} pixels"
        hint = f"No picture of more than {MAX_PIXELS:,} pixels is taken."
        raise BrokenStream(f"{upstream} sent a picture of {size}", hint=hint)
    if not shape.whole:
        raise BrokenStream(f"{upstream} sent a picture that is cut short")
    return Picture(data, shape.media_type, seed, settings or {})


def from_base64(text: str | msgspec.Raw, upstream: str) -> bytes:
    """The bytes that `upstream` sent as base64, with or without "data:image/png;base64," before it.

    A `msgspec.Raw` is a string that was left in its JSON; it is not copied. Raises BrokenStream.
    """
    view = memoryview(text.encode() if isinstance(text, str) else text)
    start = bytes(view[:64])
    try:
        if isinstance(text, msgspec.Raw) and not start.startswith(b'"'):
            raise ValueError
        # What is no letter of base64 is passed over: the quotes, and a backslash before a slash.
        return binascii.a2b_base64(view[start.find(b",") + 1 :] if b"data:" in start[:6] else view)
    except ValueError:
        raise BrokenStream(f"{upstream} sent a picture that is no base64") from None


def extension(media_type: str) -> str:
    """What a file of that type is called by, with its dot: ".png"; empty for an unknown type."""
    return _EXTENSIONS.get(media_type, "")


def png_texts(data: bytes) -> dict[str, str]:
    """The plain text chunks (tEXt) of a PNG by keyword. A1111's is `parameters`."""
    if not data.startswith(SIGNATURE):
        return {}
    texts = {}
    for kind, start, length in chunks(data):
        if kind == b"tEXt" and length <= _MAX_TEXT and start + length <= len(data):
            name, _, text = data[start : start + length].partition(b"\0")
            texts[name.decode("latin-1")] = decoded(text)
    return texts


def png_has_alpha(data: bytes) -> bool:
    """Whether `data` is a PNG that can be transparent in places."""
    kinds = [kind for kind, _, _ in chunks(data)] if data.startswith(SIGNATURE) else []
    return kinds[:1] == [b"IHDR"] and (data[25:26] in (b"\4", b"\6") or b"tRNS" in kinds)


def is_grey(data: bytes) -> bool:
    """Whether `data` is a PNG or JPEG without colour: with one channel, and perhaps one for transparency."""
    if data.startswith(SIGNATURE):
        return data[25:26] in (b"\0", b"\4")
    try:
        return data.startswith(_JPEG) and data[_jpeg_frame(data)[0] + 9] == 1
    except (struct.error, IndexError):
        return False


def _png(data: bytes) -> Shape:
    if data[12:16] != b"IHDR":
        raise IndexError
    width, height = struct.unpack_from(">II", data, 16)
    end = next((start for kind, start, _ in chunks(data) if kind == b"IEND"), len(data))
    return Shape("image/png", width, height, end + 4 <= len(data))


def _jpeg(data: bytes) -> Shape:
    frame, end = _jpeg_frame(data)
    height, width = struct.unpack_from(">HH", data, frame + 5)
    return Shape("image/jpeg", width, height, data.find(_END, end) >= 0)


def _jpeg_frame(data: bytes) -> tuple[int, int]:
    """Where the last frame's header begins, and where the headers end. Raises IndexError, struct.error."""
    at, frame = 2, 0
    for _ in range(MAX_PARTS):
        if data[at] != 0xFF:
            raise IndexError
        marker = data[at + 1]
        if marker == 0xFF:  # filling
            at += 1
            continue
        if marker == _SCAN:
            break
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            frame = at
        at += 2 if marker in _BARE else 2 + struct.unpack_from(">H", data, at + 2)[0]
        if frame and at >= len(data):
            break
    if not frame:
        raise IndexError
    return frame, at


def _webp(data: bytes) -> Shape:
    whole = len(data) >= struct.unpack_from("<I", data, 4)[0] + 8
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    elif kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        if len(data) < 30:
            raise IndexError
    else:
        raise IndexError
    return Shape("image/webp", width, height, whole)
