"""Downloading one large file over HTTP into a part file, and going on where an earlier run was cut off."""

import re
from contextlib import ExitStack
from pathlib import Path

import httpx

from pluma_tui import __version__
from pluma_tui.core.errors import BrokenStream, NotFound, ProviderError, Refused, Unauthorized, UsageError
from pluma_tui.local.incoming import Progress, need_room
from pluma_tui.transport.address import upstream
from pluma_tui.transport.mapping import mapped

_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_ATTEMPTS = 2  # the second one for a part file that the server cannot go on from
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")


def download(url: str, part: Path, progress: Progress) -> None:
    """Fetch `url` into `part`, which may hold the beginning already. Raises ProviderError, OSError.

    What came stays in `part` when it breaks off.
    """
    shown = _shown(url)
    # The checksum, not the scheme, is what the file is trusted by: redirects may lead anywhere.
    with httpx.Client(follow_redirects=True, timeout=_TIMEOUT, headers=_HEADERS) as client:
        for _ in range(_ATTEMPTS):
            if _attempt(client, url, shown, part, progress):
                return
            part.unlink(missing_ok=True)
    raise BrokenStream(f"{shown} does not send the file from its beginning")


# Packed, the bytes of a range would not be those of the file.
_HEADERS = {"User-Agent": f"pluma/{__version__}", "Accept-Encoding": "identity"}


def _attempt(client: httpx.Client, url: str, shown: str, part: Path, progress: Progress) -> bool:
    """One request for what is missing; False if `part` is nothing to go on from."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    with ExitStack() as stack:
        try:
            with mapped(shown):  # not the rest: a full disk is no trouble of the network
                response = stack.enter_context(client.stream("GET", url, headers=headers))
        except ProviderError as error:
            error.hint = "Check the address and the network."  # there is no base_url to be checked
            raise
        start, total = _range(response)
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            return have == total
        if not response.is_success:
            raise _refusal(response, shown)
        if response.status_code == httpx.codes.PARTIAL_CONTENT and start != have:
            return False
        if response.status_code != httpx.codes.PARTIAL_CONTENT:
            have = 0  # the server sends all of it again
        _receive(response, shown, part, have, total, progress)
    return True


def _receive(
    response: httpx.Response, shown: str, part: Path, have: int, total: int | None, progress: Progress
) -> None:
    need_room(part.parent, (total or have) - have)
    with part.open("r+b" if have else "wb") as file:
        file.seek(have)
        progress(have, total)
        try:
            for piece in response.iter_raw():  # as they come: a size would hold some back, to be lost
                file.write(piece)
                have += len(piece)
                progress(have, total)
        except httpx.TransportError as error:
            hint = "The same command goes on from there."
            raise BrokenStream(f"{shown} broke off after {have:,} bytes", hint=hint) from error


def _range(response: httpx.Response) -> tuple[int, int | None]:
    """Where the body starts in the file, and the file's size where the server tells."""
    if match := _CONTENT_RANGE.fullmatch(response.headers.get("content-range", "").strip()):
        return int(match[1] or 0), None if match[2] == "*" else int(match[2])
    length = response.headers.get("content-length", "")
    return 0, int(length) if length.isdecimal() else None


def _refusal(response: httpx.Response, shown: str) -> Refused:
    status = response.status_code
    kind = {401: Unauthorized, 403: Unauthorized, 404: NotFound, 410: NotFound}.get(status, Refused)
    return kind(f"{shown} answers {status} {response.reason_phrase}", status=status)


def _shown(url: str) -> str:
    """The address for people: without a password or a signed query. Raises UsageError."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise UsageError(f"this is no address: {error}") from error
    return upstream(parsed)
