"""Pictures on disk: the server's bytes under names of our own, and nothing overwritten."""

import json
import os
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluma_tui.core.errors import ConfigError, PlumaError
from pluma_tui.core.images import Hires, ImageRequest, Lora, Picture
from pluma_tui.files import fresh
from pluma_tui.imaging import metadata, naming, saving, sidecar
from pluma_tui.imaging.saving import Origin, Place, Saved
from tests.imaging.annotated import annotated, jpeg, text, webp
from tests.imaging.pictures import png

TEMPLATE = "{date}/{time}-{seed}-{slug}"
REQUEST = ImageRequest(prompt="A cat, on a roof!", seed=42, steps=12, loras=(Lora("ink", 0.5),))
PNG = annotated(text("parameters", "kept"))
RACE = """
import sys
from pathlib import Path
from pluma_tui.files import fresh
folder, who = Path(sys.argv[1]), sys.argv[2].encode()
sys.stdin.read(1)
for number in range(300):
    try:
        fresh.create(folder / str(number), who * 4096)
    except FileExistsError:
        pass
"""


def origin(**request: object) -> Origin:
    return Origin(ImageRequest(**{"prompt": "a cat", **request}), "home", "scripted")  # type: ignore[arg-type]


def keep(place: Place, data: bytes = PNG, *, seed: int | None = 42, **request: object) -> Saved:
    return saving.save(Picture(data, "image/png", seed), origin(**request), place)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


class TestNames:
    AT = datetime(2026, 11, 22, 14, 30, 5).astimezone()

    def name(self, template: str, *, prompt: str = "A cat", seed: int | None = 7) -> str:
        return str(naming.fill(template, naming.fields(prompt=prompt, seed=seed, profile="home", at=self.AT)))

    @pytest.mark.parametrize(
        ("template", "name"),
        [
            (TEMPLATE, "2026-11-22/143005-7-a-cat"),
            ("{profile}/{slug}_{seed}", "home/a-cat_7"),
            ("fixed", "fixed"),
            ("a b/{slug}", "a b/a-cat"),
        ],
    )
    def test_a_template_is_filled_in(self, template: str, name: str):
        assert self.name(template) == name

    @pytest.mark.parametrize(
        ("template", "name"),
        [(TEMPLATE, "2026-11-22/143005-a-cat"), ("{seed}-{slug}", "a-cat"), ("{seed}", "picture")],
    )
    def test_a_seed_that_is_not_known_falls_out(self, template: str, name: str):
        assert self.name(template, seed=None) == name

    @pytest.mark.parametrize(
        "template",
        [
            "", "/tmp/x", "../x", "a/../../x", "a//b", "x/", "./x", "{nothing}", "{slug", "slug}", "{}",
            "a\nb", "{slug.__class__}", "{date!r}", "\x1b[2J",
        ],
    )  # fmt: skip
    def test_a_template_that_leads_elsewhere_or_nowhere_is_a_mistake(self, template: str):
        with pytest.raises(ConfigError) as caught:
            self.name(template)
        assert caught.value.key == "images.template"

    @pytest.mark.parametrize(
        ("prompt", "slug"),
        [
            ("A cat, on a roof!", "a-cat-on-a-roof"),
            ("../../etc/passwd", "etc-passwd"),
            ("", "picture"),
            ("!?", "picture"),
            ("屋根の上の猫", "屋根の上の猫"),
            ("हिन्दी बिल्ली", "हिन्दी-बिल्ली"),
            ("a\x00b\x1b[2Jc\u202ed\ud800", "a-b-2jc-d"),
            ("word " * 50, "word-word-word-word-word-word-word-word"),
            ("x" * 500, "x" * 40),
        ],
    )
    def test_a_prompt_becomes_a_word(self, prompt: str, slug: str):
        assert naming.slug(prompt) == slug

    @given(st.text(max_size=400))
    def test_any_prompt_becomes_a_name_that_a_file_may_have(self, prompt: str):
        slug = naming.slug(prompt)
        assert slug.isprintable()
        assert not set("/\\.\0 ") & set(slug)
        assert 0 < len(slug.encode()) <= 120


class TestBytes:
    @pytest.mark.parametrize(
        ("data", "ending", "size"),
        [
            (PNG, ".png", (8, 6)),
            (jpeg(), ".jpg", (8, 6)),
            (webp(), ".webp", (8, 6)),
            (b"no picture", ".png", (None, None)),
        ],
    )
    def test_they_are_the_servers_and_the_ending_is_what_they_are(
        self, tmp_path: Path, data: bytes, ending: str, size: tuple[int | None, int | None]
    ):
        """The server always says PNG; where nothing can be told, it is believed."""
        saved = keep(Place(tmp_path, TEMPLATE), data)
        path = Path(saved.path)
        assert path.read_bytes() == data
        assert re.fullmatch(rf"\d{{4}}-\d\d-\d\d/\d{{6}}-42-a-cat\{ending}", str(path.relative_to(tmp_path)))
        assert (saved.width, saved.height, saved.seed) == (*size, 42)

    def test_a_type_that_nobody_knows_is_bin(self, tmp_path: Path):
        saved = saving.save(Picture(b"?", "../../x"), origin(), Place(tmp_path, "x"))
        assert saved.path == str(tmp_path / "x.bin")

    def test_a_name_that_is_given_is_kept_as_it_is(self, tmp_path: Path):
        saved = keep(Place(tmp_path, name="cat"), jpeg())
        assert saved.path == str(tmp_path / "cat")
        assert saved.media_type == "image/jpeg"


class TestNothingIsOverwritten:
    @pytest.mark.parametrize(
        ("place", "names"),
        [
            ({"template": "x"}, ["x-2.png", "x-3.png", "x.png"]),
            ({"name": "cat.png"}, ["cat-2.png", "cat-3.png", "cat.png"]),
            ({"name": "cat"}, ["cat", "cat-2", "cat-3"]),
        ],
    )
    def test_the_next_of_a_name_is_numbered(self, tmp_path: Path, place: dict[str, str], names: list[str]):
        for number in range(3):
            keep(Place(tmp_path, **place), png(8, 6 + number))
        assert files(tmp_path) == names
        assert len({(tmp_path / name).read_bytes() for name in names}) == 3

    @pytest.mark.parametrize("taken", ["x.png", "x.png.json"])
    def test_neither_a_file_nor_a_link_to_nowhere_nor_a_sidecar_left_alone(self, tmp_path: Path, taken: str):
        (tmp_path / taken).symlink_to(tmp_path / "elsewhere")
        assert keep(Place(tmp_path, "x")).path == str(tmp_path / "x-2.png")
        assert not (tmp_path / "elsewhere").exists()

    def test_two_programs_at_once(self, tmp_path: Path):
        programs = [
            subprocess.Popen([sys.executable, "-c", RACE, tmp_path, who], stdin=subprocess.PIPE)
            for who in ("a", "b")
        ]
        for program in programs:
            assert program.stdin is not None
            program.stdin.write(b"!")
            program.stdin.flush()
        assert [program.wait(30) for program in programs] == [0, 0]
        for program in programs:
            assert program.stdin is not None
            program.stdin.close()
        assert len(files(tmp_path)) == 300  # no half of a file is left either
        assert {path.read_bytes() for path in tmp_path.iterdir()} <= {b"a" * 4096, b"b" * 4096}

    def test_a_file_system_without_links(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        def refused(self: Path, target: Path) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(Path, "hardlink_to", refused)
        keep(Place(tmp_path, "x"))
        keep(Place(tmp_path, "x"), png(9, 9))
        assert files(tmp_path) == ["x-2.png", "x.png"]
        assert (tmp_path / "x.png").read_bytes() == PNG

    def test_a_write_that_fails_leaves_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        def full(handle: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(PlumaError, match="No space left on device"):
            keep(Place(tmp_path, "x"))
        assert files(tmp_path) == []


class TestModes:
    def test_what_pluma_keeps_is_its_owners_alone(self, tmp_path: Path):
        saved = keep(Place(tmp_path / "new" / "pictures", TEMPLATE))
        path = Path(saved.path)
        assert path.stat().st_mode & 0o777 == 0o600
        assert {folder.stat().st_mode & 0o777 for folder in path.parents[:3]} == {0o700}

    def test_where_a_person_says_it_is_as_they_have_it(self, tmp_path: Path):
        before = os.umask(0o027)
        try:
            saved = keep(Place(tmp_path / "new", "x", private=False))
        finally:
            os.umask(before)
        assert Path(saved.path).stat().st_mode & 0o777 == 0o640
        assert Path(saved.path).parent.stat().st_mode & 0o777 == 0o750


class TestBefore:
    def test_a_folder_that_cannot_be_made_is_told_before_anything_is_drawn(self, tmp_path: Path):
        (tmp_path / "file").write_text("")
        with pytest.raises(PlumaError, match="cannot be kept in"):
            saving.prepare(Place(tmp_path / "file" / "below", TEMPLATE), origin())

    def test_so_is_a_template_that_is_none(self, tmp_path: Path):
        with pytest.raises(ConfigError):
            saving.prepare(Place(tmp_path, "{slugg}"), origin())


class TestSidecar:
    def both(self, folder: Path, request: ImageRequest, picture: Picture, **more: object) -> Saved:
        made = Origin(request, "home", "scripted", more.pop("paths", {}))  # type: ignore[arg-type]
        saved = saving.save(picture, made, Place(folder, "x"))
        saving.describe(saved, picture, made, **{"index": 0, "shared": False, "private": True, **more})  # type: ignore[arg-type]
        return saved

    def test_it_can_repeat_the_picture(self, tmp_path: Path):
        request = ImageRequest(
            prompt='a "cat" 😀\n\x07\u2028', negative_prompt="x", seed=2**63, cfg=6.5, count=1, workflow="w",
            hires=Hires(scale=1.5), loras=(Lora("ink", 0.5),), options={"scripts": {"a": [1, None, "x"]}},
        )  # fmt: skip
        saved = self.both(tmp_path, request, Picture(PNG, "image/png", 2**63, {"info": "y"}))
        again = metadata.read(Path(saved.path), tmp_path)
        assert again == metadata.Again(request, "home")
        assert metadata.read(sidecar.path_of(Path(saved.path)), tmp_path) == again

    def test_each_of_several_has_a_seed_of_its_own(self, tmp_path: Path):
        request = ImageRequest(prompt="a cat", seed=42, count=3)
        saved = self.both(tmp_path, request, Picture(PNG, "image/png", 44), index=2)
        again = metadata.read(Path(saved.path), tmp_path).request
        assert (again.seed, again.count) == (44, 1)

    def test_a_batch_with_one_seed_is_made_again_as_a_whole(self, tmp_path: Path):
        request = ImageRequest(prompt="a cat", seed=42, count=3)
        saved = self.both(tmp_path, request, Picture(PNG, "image/png", 42), index=2, shared=True)
        again = metadata.read(Path(saved.path), tmp_path).request
        assert (again.seed, again.count) == (42, 3)
        assert json.loads(sidecar.path_of(Path(saved.path)).read_bytes())["index"] == 2

    def test_the_picture_it_began_with_is_looked_up(self, tmp_path: Path):
        first = tmp_path / "first.png"
        first.write_bytes(png(9, 9))
        request = ImageRequest(prompt="a cat", init_image=png(9, 9), strength=0.5)
        paths = {"init_image": str(first)}
        saved = self.both(tmp_path, request, Picture(PNG, "image/png", 1), paths=paths)
        assert png(9, 9).hex() not in sidecar.path_of(Path(saved.path)).read_text()
        again = metadata.read(Path(saved.path), tmp_path)
        assert (again.request.init_image, again.paths) == (png(9, 9), paths)
        first.write_bytes(png(9, 10))
        for change in (lambda: None, first.unlink):
            change()
            with pytest.raises(PlumaError, match="gone or not the same") as caught:
                metadata.read(Path(saved.path), tmp_path)
            assert "--init" in caught.value.hint
        assert metadata.read(Path(saved.path), tmp_path, anew=["init_image"]).paths == {}

    def test_a_picture_that_was_changed_is_not_what_it_tells_of(self, tmp_path: Path):
        saved = self.both(tmp_path, REQUEST, Picture(PNG, "image/png", 42))
        Path(saved.path).write_bytes(png(8, 8))
        with pytest.raises(PlumaError, match="says what made it"):
            metadata.read(Path(saved.path), tmp_path)

    @pytest.mark.parametrize("told", [{"x": "y" * sidecar.MAX_BYTES}, {"cfg": float("nan")}])
    def test_what_a_server_tells_does_not_make_it_unreadable(self, tmp_path: Path, told: dict[str, object]):
        saved = self.both(tmp_path, REQUEST, Picture(PNG, "image/png", 42, told))
        assert metadata.read(Path(saved.path), tmp_path).request == REQUEST

    @given(st.text(max_size=80), st.text(max_size=80))
    def test_any_text_comes_back_from_it(self, prompt: str, negative: str):
        request = ImageRequest(prompt=prompt, negative_prompt=negative)
        made = sidecar.Sidecar(
            format="pluma-picture", version=1, created="", profile="p", kind="k", sha256="", request=request
        )
        assert sidecar.loads(sidecar.dumps(made)) == made


def test_a_new_file_is_new(tmp_path: Path):
    fresh.create(tmp_path / "x", b"1")
    with pytest.raises(FileExistsError):
        fresh.create(tmp_path / "x", b"2")
    assert files(tmp_path) == ["x"]
    assert (tmp_path / "x").read_bytes() == b"1"
