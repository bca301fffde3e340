"""Files that a message names: `@notes.txt`, `@"my notes.txt"`, `@~/cat.png`."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pluma_tui.core.chat import File, Image
from pluma_tui.files import attach
from pluma_tui.files.paths import expanded

_MENTION = re.compile(r'(?<![^\s(\[{])@(?:"([^"\n]+)"|([^\s"]+))')
_AFTER = ".,;:!?)]}'"  # what may follow a name in a sentence
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp")
MOST = 4096  # characters of a path


def mentioned(text: str) -> list[str]:
    """The names of those files that are there, each once, in their order. What is no file is plain text."""
    if "@" not in text:
        return []
    names = (_existing(quoted, bare) for quoted, bare in _MENTION.findall(text))
    return list(dict.fromkeys(name for name in names if name))


def read(text: str) -> tuple[Image | File, ...]:
    """The files that a text names, as parts of the message. Raises UsageError for one that cannot be read."""
    return tuple(attach.read(name) for name in mentioned(text))


def mention(name: str) -> str:
    """The way to name a file in a text."""
    return f'@"{name}"' if re.search(r"\s", name) else f"@{name}"


def picture(pasted: str) -> str:
    """The path of a picture, if that is all that was pasted; else empty.

    Terminals paste a file that is dropped on them quoted, with backslashes, or as a file: address.
    """
    name = pasted.strip()
    if len(name) > MOST or "\n" in name or not name.strip("'\"").lower().endswith(PICTURES):
        return ""
    if name.startswith("file://"):
        name = unquote(urlsplit(name).path)
    elif name[:1] in "'\"" and name[:1] == name[-1:]:
        name = name[1:-1]
    else:
        name = re.sub(r"\\(.)", r"\1", name)
    return name if name.startswith(("/", "~/")) and '"' not in name and _is_file(name) else ""


def _existing(quoted: str, bare: str) -> str:
    if quoted:
        return quoted if _is_file(quoted) else ""
    return next((name for name in (bare, bare.rstrip(_AFTER)) if name and _is_file(name)), "")


def _is_file(name: str) -> bool:
    try:
        return len(name) <= MOST and Path(expanded(name)).is_file()
    except (OSError, ValueError):  # a name that is too long, or holds what no name can
        return False
