"""Files that go with a message: read once, told apart by what is in them."""

from pluma_tui.core.chat import File, Image
from pluma_tui.core.errors import UsageError
from pluma_tui.files.paths import expanded

LIMIT = 20 * 1024 * 1024  # bytes; more than any server takes


def read(name: str) -> Image | File:
    """The file as a part of a message. Raises UsageError, with what is wrong with it."""
    path = expanded(name)
    try:
        if path.stat().st_size > LIMIT:
            raise UsageError(f"{path} is larger than {LIMIT // 1024 // 1024} MB")
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    media_type = image_type(data)
    if media_type:
        return Image(data, media_type, path.name)
    try:
        if b"\0" in data:  # text has none, and much that is no text would do as UTF-8
            raise ValueError
        return File(path.name, data.decode("utf-8"))
    except ValueError:
        hint = "Pictures (PNG, JPEG, GIF, WebP) and UTF-8 text can go with a message."
        raise UsageError(f"{path} is neither a picture nor text", hint=hint) from None


def image_type(data: bytes) -> str:
    """The media type of a picture by its first bytes; empty if it is none that servers take."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return ""
