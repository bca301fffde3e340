"""The text that programs leave inside a picture: PNG text chunks, and the comment of EXIF.

Read by hand, for nothing here is to unpack a picture: PNG (third edition, 11.3.3), JPEG's APP1 and WebP's
EXIF chunk with a TIFF 6.0 directory in it. What is damaged holds no text; no length that is told is trusted.
"""

import struct
import zlib
from collections.abc import Iterator

from pluma_tui.imaging.png import SIGNATURE, chunks, decoded

MAX_TEXT = 4 * 1024 * 1024
"""Bytes of one text, unpacked."""
_MAX_TEXTS = 4 * MAX_TEXT  # characters of all of them: then no more is unpacked
_EXIF = b"Exif\0\0"
_SCAN = 0xDA  # JPEG: what follows is the picture itself
_EXIF_IFD, _USER_COMMENT = 0x8769, 0x9286  # tags


def texts(data: bytes) -> dict[str, str]:
    """The texts in a picture by keyword; a comment of EXIF goes by `UserComment`."""
    found: dict[str, str] = {}
    room = _MAX_TEXTS
    try:
        if data.startswith(SIGNATURE):
            for kind, content in _told(data):
                if kind in _READ:
                    name, text = _READ[kind](content)
                    found.setdefault(name, text)
                    room -= len(text)
                elif kind == b"eXIf":
                    found |= _comment(content)
                if room < 0:
                    break
        elif data.startswith(b"\xff\xd8"):
            found |= _comment(_jpeg_exif(data))
        elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            found |= _comment(_webp_exif(data))
    except (struct.error, IndexError, ValueError, zlib.error):
        pass  # what was found before the damage counts
    return found


def _told(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and content of the chunks with text in them."""
    for kind, start, length in chunks(png):
        if (kind in _READ or kind == b"eXIf") and length <= MAX_TEXT:
            yield kind, png[start : start + length]


def _plain(content: bytes) -> tuple[str, str]:
    name, _, text = content.partition(b"\0")
    return name.decode("latin-1"), decoded(text)


def _packed(content: bytes) -> tuple[str, str]:
    name, _, rest = content.partition(b"\0")
    return name.decode("latin-1"), decoded(_unpacked(rest[1:]))


def _international(content: bytes) -> tuple[str, str]:
    name, _, rest = content.partition(b"\0")
    packed, rest = rest[0], rest[2:]
    _, _, text = rest.split(b"\0", 2)  # a language and the keyword in it go before
    return name.decode("latin-1"), (_unpacked(text) if packed else text).decode("utf-8", "replace")


_READ = {b"tEXt": _plain, b"zTXt": _packed, b"iTXt": _international}


def _unpacked(data: bytes) -> bytes:
    """At most MAX_TEXT of what was packed; raises ValueError if there is more."""
    unpacker = zlib.decompressobj()
    text = unpacker.decompress(data, MAX_TEXT)
    if unpacker.unconsumed_tail:
        raise ValueError("the text is too long")
    return text


def _jpeg_exif(data: bytes) -> bytes:
    at = 2
    while data[at] == 0xFF and data[at + 1] != _SCAN:
        marker, length = struct.unpack_from(">BH", data, at + 1)
        content = data[at + 4 : at + 2 + length]
        if marker == 0xE1 and content.startswith(_EXIF):
            return content
        at += 2 + length
    return b""


def _webp_exif(data: bytes) -> bytes:
    at = 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        if kind == b"EXIF" and length <= MAX_TEXT:
            return data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    return b""


def _comment(exif: bytes) -> dict[str, str]:
    tiff = exif.removeprefix(_EXIF)
    if tiff[:4] not in (b"II*\0", b"MM\0*"):
        return {}
    order = "<" if tiff[:1] == b"I" else ">"
    (first,) = struct.unpack_from(f"{order}I", tiff, 4)
    inner = _entry(tiff, order, first, _EXIF_IFD)
    found = _entry(tiff, order, inner[1], _USER_COMMENT) if inner else None
    if found is None:
        return {}
    size, where = found
    text = _comment_text(tiff[where : where + min(size, MAX_TEXT)])
    return {"UserComment": text} if text else {}


def _entry(tiff: bytes, order: str, directory: int, wanted: int) -> tuple[int, int] | None:
    """Count and value of a tag in the directory that begins there."""
    (entries,) = struct.unpack_from(f"{order}H", tiff, directory)
    for number in range(entries):
        tag, _, size, value = struct.unpack_from(f"{order}HHII", tiff, directory + 2 + 12 * number)
        if tag == wanted:
            return size, value
    return None


def _comment_text(data: bytes) -> str:
    """EXIF 2.3, 4.6.5: eight bytes of code, then the text."""
    code, text = data[:8], data[8:]
    if code != b"UNICODE\0":
        return decoded(text).strip("\0")
    # The order of its bytes is not told, and not always that of the file. English has a zero in each pair.
    little = text[1::2].count(0) > text[::2].count(0)
    return text.decode("utf-16-le" if little else "utf-16-be", "replace").strip("\0")
