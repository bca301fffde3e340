"""`pluma image` with servers that mean it no good: an error in words, no file, little memory.

Each kind of server is played as far as one of its routes, where it attacks: tests/servers/hostile_images.py.
"""

import asyncio
import json
import sys
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import Done, Program
from tests.imaging.annotated import annotated
from tests.imaging.pictures import bomb, png
from tests.servers.hostile_images import (
    DRAWS,
    ROUTES,
    Attack,
    HostileServer,
    as_json,
    falling_silent,
    flooding,
    hostile,
    saying,
    written,
)

ROOT = Path(__file__).parents[2]
PATIENCE = 60  # seconds for one run; a profile's own limit is LIMIT
LIMIT = 2
MOST = 200 * 1024 * 1024
MB = 1024 * 1024
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
PART = HEAD + b'Content-Length: 1000\r\n\r\n{"images": ["iVBOR'
PAGE = b"<!doctype html><title>Sign in \x1b]0;x\x07</title>"
WORDS = json.dumps({"error": {"message": "no \x1b[2J\x07\u202e way"}}).encode()

NOBODY, NO, BROKE_OFF = 5, 6, 7
LARGE_OR_ALIKE = ("tells 200 MB", "has headers without end", "says it is no web page")  # one route is enough
SILENT = (falling_silent(), falling_silent(PART))
ATTACKS: dict[str, tuple[Attack, int, dict[str, int]]] = {
    "says nothing": (SILENT[0], NOBODY, {"/history/": BROKE_OFF}),
    "stops in the middle": (
        SILENT[1], NOBODY, {"/object_info/": BROKE_OFF, "/history/": NO, "/view": BROKE_OFF},
    ),
    "hangs up": (saying(b""), NOBODY, {"/history/": BROKE_OFF, "/made/": BROKE_OFF}),
    "hangs up in the headers": (
        saying(PART[:30]), NOBODY, {"/history/": BROKE_OFF, "/made/": BROKE_OFF},
    ),
    "hangs up in the middle": (saying(PART), BROKE_OFF, {}),
    "never ends": (flooding(HEAD + b"\r\n"), BROKE_OFF, {}),
    "has headers without end": (
        flooding(HEAD + b"X: "), NOBODY, {"/history/": BROKE_OFF, "/made/": BROKE_OFF},
    ),
    "is a web page": (
        saying(written(PAGE, kind="text/html")), NO, {"/prompt": BROKE_OFF, "/made/": BROKE_OFF},
    ),
    "says it is no web page": (saying(written(PAGE)), BROKE_OFF, {}),
    "nests without end": (saying(written(b"[" * 500_000 + b"]" * 500_000)), BROKE_OFF, {}),
    "tells 200 MB": (flooding(HEAD + b'\r\n{"images": ["', 200 * MB, b"A" * 65536), BROKE_OFF, {}),
    "is a crowd": (saying(written(b"[" + b"{}," * (7 * MB // 3) + b"NaN]")), BROKE_OFF, {}),
    "is rude": (saying(written(WORDS, status=400)), NO, {"/made/": BROKE_OFF}),
}  # fmt: skip
# Only the route that brings the picture is given room for as much as this.
LARGE = {
    "a1111": ("/sdapi/v1/txt2img", b'{"images": ['),
    "openai-images": ("/v1/images/generations", b'{"data": ['),
}


@dataclass
class Visit:
    """What became of `pluma image "a cat"`. `files` is what it left, `peak` what it held, in bytes."""

    done: Done
    files: dict[str, bytes]
    peak: int
    server: HostileServer

    def failed(self, code: int) -> str:
        """It ended as it should, and left nothing behind; returns what it said."""
        assert (self.done.code, self.done.out) == (code, ""), self.done.err
        assert self.done.err.splitlines()[-1].startswith("pluma: ")
        assert all(line.isprintable() for line in self.done.err.splitlines())
        assert "bug" not in self.done.err
        assert self.files == {}
        assert self.peak < MOST
        return self.done.err

    def drew(self) -> list[str]:
        """It ended well; returns the names of the pictures, which are all in their folder."""
        assert self.done.code == 0, self.done.err
        assert self.peak < MOST
        assert all(name.startswith("a/b/pictures/") for name in self.files)
        return self.kept()

    def kept(self) -> list[str]:
        """The names of the pictures that it left."""
        return [name for name in self.files if not name.endswith(".json")]


@dataclass
class Visitor:
    """pluma, with a home of its own in `home`; what is beside that is nobody's business."""

    home: Path

    async def to(self, kind: str, *, limit: int = 0, **settings: Any) -> Visit:
        """`limit` is the profile's own, in seconds; 0 is none."""
        program = Program(self.home, (sys.executable, "-m", "tests.cli.measured_pluma"))
        peak = self.home.parent / "peak"
        program.env |= {"PYTHONPATH": str(ROOT), "PEAK_FILE": str(peak)}
        async with hostile(kind, **settings) as server:
            program.config.write_text(
                f'[images]\ndirectory = "{self.home}/a/b/pictures"\n[images.profiles.box]\n'
                f'kind = "{kind}"\nbase_url = "{server.url}"\ntimeout = {limit}\n'
            )
            async with asyncio.timeout(PATIENCE):
                done = await program.run("image", "a cat")
        return Visit(done, program.files(), int(peak.read_text()), server)


@pytest.fixture
def visitor(tmp_path: Path) -> Iterator[Visitor]:
    home = tmp_path / "home"
    home.mkdir()
    yield Visitor(home)
    assert {path.name for path in tmp_path.iterdir()} == {"home", "peak"}


def _cases() -> Iterator[Any]:
    for name, (attack, code, others) in ATTACKS.items():
        for kind, routes in ROUTES.items():
            for route in (DRAWS[kind],) if name in LARGE_OR_ALIKE else routes:
                expected = others.get(route, code)
                yield pytest.param(kind, route, attack, expected, id=f"{kind}{route}-{name}")


NAMES = ("../../x", "/etc/pluma-x", "a\0b", "\x1b[2J\n.png")
every_kind = pytest.mark.parametrize("kind", list(ROUTES))


@pytest.mark.parametrize(("kind", "route", "attack", "code"), list(_cases()))
async def test_a_server_that_does_anything_but_answer(
    visitor: Visitor, kind: str, route: str, attack: Attack, code: int
):
    # Where nothing happens the profile's limit is what ends it; ComfyUI's history is asked again until then.
    limit = LIMIT if attack in SILENT or route == "/history/" else 0
    visit = await visitor.to(kind, limit=limit, at=route, attack=attack, linked=route == "/made/")
    visit.failed(code)
    assert any(path.startswith(route) for path in visit.server.paths)


class TestPictures:
    """What is drawn is no picture, or one that nobody wants."""

    @every_kind
    @pytest.mark.parametrize(
        ("picture", "words"),
        [
            (png(64, 64)[:-30], "cut short"),
            (png(64, 64)[:20], "no picture"),
            (bomb(), "30000 by 30000 pixels"),
            (png(8, 8)[:33] + b"\0\0\0\0abCd\0\0\0\0" * 1_000_000, "cut short"),
            (b"#!/bin/sh\ntouch pwned\n", "no picture"),
            (b"", "no picture"),
        ],
        ids=["half", "head", "bomb", "chunks", "script", "nothing"],
    )
    async def test_are_not_kept(self, visitor: Visitor, kind: str, picture: bytes, words: str):
        visit = await visitor.to(kind, picture=picture)
        assert words in visit.failed(BROKE_OFF)

    @pytest.mark.parametrize("kind", list(LARGE))
    @pytest.mark.parametrize("text", ["%%% \x1b[31m", "data:image/png;base64,!", 7, None])
    async def test_that_are_no_base64(self, visitor: Visitor, kind: str, text: Any):
        route, _ = LARGE[kind]
        answer = {"images": [text], "data": [{"b64_json": text}]}
        (await visitor.to(kind, at=route, attack=saying(as_json(answer)))).failed(BROKE_OFF)

    @every_kind
    async def test_of_the_largest_size_are_kept_as_they_are(self, visitor: Visitor, kind: str):
        large = annotated((b"tEXt", b"parameters\0" + b"x" * (56 * MB)))
        visit = await visitor.to(kind, picture=large)
        (name,) = visit.drew()
        assert visit.files[name] == large

    async def test_of_more_than_fits_into_memory_are_kept_as_far_as_they_go(self, visitor: Visitor):
        large = annotated((b"tEXt", b"parameters\0" + b"x" * (40 * MB)))
        visit = await visitor.to("comfy", picture=large, more=[png(8, 8), *[large] * 4, png(9, 9)])
        assert visit.done.code == NO
        assert "more than there is room for" in visit.done.err
        assert len(visit.kept()) == 4
        assert visit.peak < MOST

    async def test_without_end_are_kept_as_far_as_they_go(self, visitor: Visitor):
        visit = await visitor.to("comfy", more=[png(8, 8)] * 300)
        assert visit.done.code == NO
        assert "301 pictures" in visit.done.err
        assert len(visit.kept()) == 250

    async def test_many_more_than_asked_for_are_told_and_left(self, visitor: Visitor):
        visit = await visitor.to("a1111", more=[png(8, 8)] * 300)
        assert len(visit.drew()) == 65
        assert "236 more pictures" in visit.done.err

    @pytest.mark.parametrize("kind", ["a1111", "comfy"])
    async def test_that_are_whole_are_kept_beside_one_that_is_cut(self, visitor: Visitor, kind: str):
        visit = await visitor.to(kind, picture=png(8, 8)[:-30], more=[png(8, 8)])
        assert visit.done.code == NO
        assert "cut short" in visit.done.err
        assert len(visit.kept()) == 1


@every_kind
async def test_bug_a_setting_of_chats_was_named_where_a_server_is_slow(visitor: Visitor, kind: str):
    visit = await visitor.to(kind, limit=LIMIT, at=ROUTES[kind][0], attack=SILENT[0])
    said = visit.failed(NOBODY)
    assert "timeout in the profile" in said
    assert "first_event_timeout" not in said


async def test_bug_a_web_page_in_its_place_was_called_a_deleted_picture(visitor: Visitor):
    page, _, _ = ATTACKS["is a web page"]
    said = (await visitor.to("comfy", at="/view", attack=page)).failed(NO)
    assert "web page" in said
    assert "deleted" not in said


class TestNames:
    """What a server calls its files is nothing that pluma writes to, or runs into."""

    @pytest.mark.parametrize(
        ("kind", "name"),
        [
            *[("comfy", name) for name in (*NAMES, "..", "", "x" * 5000, "\ud800", "C:\\x")],
            *[(kind, name) for kind in LARGE for name in NAMES],
        ],
    )
    async def test_are_not_taken(self, visitor: Visitor, kind: str, name: str):
        names = {"filename": name, "subfolder": name, "sd_model_name": name, "job_timestamp": name}
        info = json.dumps({**names, "infotexts": [name], "all_seeds": [name], "seed": name})
        visit = await visitor.to(kind, name=name, info=info)
        (path,) = visit.drew()
        assert path.endswith("-a-cat.png")
        assert not Path("/etc/pluma-x").exists()
        assert all(line.isprintable() for line in visit.done.err.splitlines())

    @pytest.mark.parametrize(
        "link", ["file:///etc/passwd", "/etc/passwd", "../../x", "gopher://x", "a\0b", "//"]
    )
    async def test_a_link_to_a_file_is_not_opened(self, visitor: Visitor, link: str):
        route, _ = LARGE["openai-images"]
        answer = as_json({"data": [{"url": link}]})
        visit = await visitor.to("openai-images", at=route, attack=saying(answer))
        visit.failed(BROKE_OFF)


class TestBugAnAnswerOfTinyValuesTookTwoGigabytes:
    """Each of 70 MB of `{}` became an object before anybody looked."""

    @pytest.mark.parametrize("kind", list(LARGE))
    async def test_it_is_not_read(self, visitor: Visitor, kind: str):
        route, head = LARGE[kind]
        answer = saying(written(head + b"{}," * (70 * MB // 3) + b"{}]}"))
        visit = await visitor.to(kind, at=route, attack=answer)
        assert "much that is no picture" in visit.failed(BROKE_OFF)


async def test_bug_what_an_a1111_tells_of_its_pictures_was_unpacked_however_long(visitor: Visitor):
    visit = await visitor.to("a1111", info=json.dumps({"infotexts": ["x" * (76 * MB)]}))
    (path,) = visit.drew()
    assert len(visit.files[f"{path}.json"]) < 4096


@pytest.mark.parametrize("name", ["revised_prompt", "url"])
async def test_bug_words_as_long_as_pictures_were_copied_over_and_over(visitor: Visitor, name: str):
    route, _ = LARGE["openai-images"]
    entry = {"b64_json": b64encode(png(8, 8)).decode(), name: "x" * (76 * MB)}
    visit = await visitor.to("openai-images", at=route, attack=saying(as_json({"data": [entry]})))
    (path,) = visit.drew()
    assert len(visit.files[f"{path}.json"]) < 4096
