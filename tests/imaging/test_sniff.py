"""What a picture is, told by its bytes alone."""

import json
import struct
import tracemalloc
from base64 import b64decode, b64encode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluma_tui.core.errors import BrokenStream
from pluma_tui.imaging.sniff import MAX_BYTES, extension, from_base64, picture, png_texts, sniff
from tests.imaging.pictures import png

# 3 by 5 pixels each, made with ImageMagick.
PNG = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAMAAAAFBAMAAAByX0uRAAAAD1BMVEX/AAC/AD9/AH8/AL8AAP9k2rnYAAAAF0lEQVQI12NgYGAQFGBQ"
    "UmAwNmBwcQAABeEBS7d40jgAAAAASUVORK5CYII="
)
GIF = b64decode("R0lGODlhAwAFAPIAAP8AAL8AQEAAvwAA/4AAgAAAAAAAAAAAACH5BAAAAAAALAAAAAADAAUAAAMHCBpMLnDIBAA7")
LOSSY = b64decode(
    "UklGRlAAAABXRUJQVlA4IEQAAADwAgCdASoDAAUAAgA0JagCdLoBJgP4BhAH6AAdmtw2wAD++G+6PdNv/1xVjD7/+cVYw+//yA//kB/5"
    "V/vs5hPlYwoAAA=="
)
LOSSLESS = b64decode(
    "UklGRjgAAABXRUJQVlA4TCsAAAAvAgABACcQAoEUbnYCgcTfqsme/+iQARSykQQH9xNYhVU4hYvof3zOUwkAAA=="
)
EXTENDED = b64decode(
    "UklGRmAAAABXRUJQVlA4WAoAAAAQAAAAAgAABAAAQUxQSAoAAAABB9C/iAhERP8DVlA4IDAAAADQAQCdASoDAAUAAgA0JaACdLoB+AAD"
    "sAD+8MQL/yC5YXXI1/8gP+QH/ID/+PIAAAA="
)
# The frame of a JPEG as ITU-T T.81 says it; progressive ones differ in the frame's marker only.
# The thumbnail's ending in an early segment is not the picture's.
_EARLY = b"\xff\xdb\0\x04\0\0" + b"\xff\xe1\0\x08\xff\xd9\xff\xc0\0\0"
_FRAME = b"\xff\xff\xc0\0\x0b\x08" + struct.pack(">HH", 5, 3) + b"\1\1\x11\0"
JPEG = b"\xff\xd8" + _EARLY + _FRAME + b"\xff\xda\0\x08\1\1\0\0?\0" + b"abc\xff\0de" + b"\xff\xd9"
PROGRESSIVE = JPEG.replace(b"\xff\xc0\0\x0b", b"\xff\xc2\0\x0b")

PICTURES = [
    (PNG, "image/png"),
    (GIF, "image/gif"),
    (JPEG, "image/jpeg"),
    (PROGRESSIVE, "image/jpeg"),
    (LOSSY, "image/webp"),
    (LOSSLESS, "image/webp"),
    (EXTENDED, "image/webp"),
]
every_kind = pytest.mark.parametrize(
    ("data", "kind"), PICTURES, ids=["png", "gif", "jpeg", "progressive", "lossy", "lossless", "extended"]
)


@every_kind
def test_type_and_size_are_in_the_bytes(data: bytes, kind: str):
    assert sniff(data) == (kind, 3, 5, True)
    assert picture(data, "http://box", seed=7).data is data
    assert extension(kind).startswith(".")


@every_kind
def test_cut_anywhere_it_is_not_whole(data: bytes, kind: str):
    for length in range(len(data)):
        shape = sniff(data[:length])
        assert shape is None or (shape.media_type == kind and not shape.whole)
        with pytest.raises(BrokenStream, match=r"cut short|no picture"):
            picture(data[:length], "http://box")


@pytest.mark.parametrize(
    "data", [b"", b"<html>no</html>", b"\x89PNG\r\n\x1a\n" + bytes(40), b"RIFF\0\0\0\0WAVEfmt "]
)
def test_what_is_no_picture_is_told(data: bytes):
    assert sniff(data) is None
    with pytest.raises(BrokenStream, match="http://box sent what is no picture"):
        picture(data, "http://box")


@given(st.binary(max_size=200), st.sampled_from([data[:n] for data, _ in PICTURES for n in (8, 12, 16, 30)]))
def test_any_bytes_are_read_without_an_accident(tail: bytes, head: bytes):
    shape = sniff(head + tail)
    assert shape is None or shape.media_type.startswith("image/")
    assert isinstance(png_texts(head + tail), dict)


def test_a_picture_that_would_fill_the_memory_is_not_taken():
    assert picture(png(10_000, 10_000), "http://box").media_type == "image/png"
    with pytest.raises(BrokenStream, match="30000 by 30000 pixels"):
        picture(png(30_000, 30_000), "http://box")
    with pytest.raises(BrokenStream, match="no picture"):
        picture(png(0, 5), "http://box")
    with pytest.raises(BrokenStream, match="more than 64 MB"):
        picture(PNG + bytes(MAX_BYTES), "http://box")


def test_the_texts_of_a_png_may_be_latin_or_utf8():
    text = b"parameters\0a cat\nSteps: 2"
    chunk = struct.pack(">I", len(text)) + b"tEXt" + text + bytes(4)
    late = "Title\0caf\xe9".encode("latin-1")
    chunk += struct.pack(">I", len(late)) + b"tEXt" + late + bytes(4)
    assert png_texts(PNG[:33] + chunk + PNG[33:]) == {"parameters": "a cat\nSteps: 2", "Title": "café"}
    assert png_texts(GIF) == {}


@given(st.binary(max_size=100), st.booleans(), st.booleans())
def test_base64_is_read_from_text_and_out_of_json(data: bytes, prefixed: bool, escaped: bool):
    text = "data:image/png;base64," * prefixed + b64encode(data).decode()
    in_json = json.dumps(text).replace("/", r"\/") if escaped else json.dumps(text)
    assert from_base64(text, "http://box") == data
    assert from_base64(msgspec.Raw(in_json.encode()), "http://box") == data


@pytest.mark.parametrize("sent", ["abcde", msgspec.Raw(b"5"), msgspec.Raw(b"null"), msgspec.Raw(b'["abcd"]')])
def test_what_is_no_base64_is_told(sent: str | msgspec.Raw):
    with pytest.raises(BrokenStream, match="http://box sent a picture that is no base64"):
        from_base64(sent, "http://box")


class TestBugSmallPartsWithoutEndTookSecondsAndMemory:
    """A picture's size and ending are looked for in a hundred thousand parts and not beyond."""

    def test_chunks_of_a_png(self):
        chunk = struct.pack(">I4sI", 0, b"abCd", 0)
        assert sniff(PNG[:33] + chunk * 1000 + PNG[33:]) == ("image/png", 3, 5, True)
        assert sniff(PNG[:33] + chunk * 200_000 + PNG[33:]) == ("image/png", 3, 5, False)

    @pytest.mark.parametrize("part", [b"\xff", b"\xff\xfe\0\2", b"\xff\xd0"])
    def test_segments_of_a_jpeg(self, part: bytes):
        assert sniff(JPEG[:2] + part * 1000 + JPEG[2:]) == ("image/jpeg", 3, 5, True)
        assert sniff(JPEG[:2] + part * 200_000 + JPEG[2:]) is None

    @pytest.mark.parametrize(
        "data",
        [PNG[:33] + struct.pack(">I4sI", 0, b"IEND", 0) * 90_000, GIF + b"x" * 1_000_000 + b";\0"],
        ids=["ends of a png", "zeros after a gif"],
    )
    def test_what_is_looked_at_is_not_copied(self, data: bytes):
        tracemalloc.start()
        try:
            assert sniff(data)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 100_000

    def test_a_text_that_is_longer_than_any_is_left_where_it_is(self):
        assert set(png_texts(png(8, 8, a="short", b="x" * (5 << 20)))) == {"a"}
