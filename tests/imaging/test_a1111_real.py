"""A real stable-diffusion.cpp, with a small model of random weights: the least of A1111's imitators."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from pluma_tui.core.errors import NotFound, Refused
from pluma_tui.core.images import Hires, ImageRequest, Lora, Progress, Queued, Ready, ServerInfo
from pluma_tui.imaging.a1111 import A1111
from pluma_tui.imaging.base import ImageProvider
from pluma_tui.imaging.sniff import sniff
from tests.cli.program import Program
from tests.imaging.annotated import annotated, webp
from tests.imaging.conformance import Outcome, connected, ends_once, listen
from tests.imaging.pictures import png
from tests.servers.real_sdcpp import PROGRAM, SdCpp, real_sdcpp

pytestmark = [
    pytest.mark.real_backends,
    pytest.mark.skipif(not PROGRAM, reason="PLUMA_TEST_SDCPP names no server of stable-diffusion.cpp"),
    pytest.mark.timeout(300),
]
SMALL: dict[str, Any] = {"prompt": "a cat", "width": 64, "height": 64, "steps": 2, "seed": 42}
GREY = annotated((b"PLTE", bytes(768)))
COLOURED = GREY[:25] + b"\3" + GREY[26:]
HOSTILE = "a cat, Seed: 5, Sampler: foo, Model: bar, Steps: 9, Hires scale: 3, Denoising strength: 0.1"
LONG = 99  # steps: one less than it ever takes, and no other test has it draw so many


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SdCpp]:
    with real_sdcpp(PROGRAM, tmp_path_factory.mktemp("sdcpp") / "base") as running:
        yield running


@pytest.fixture
async def box(server: SdCpp) -> AsyncIterator[ImageProvider]:
    async with connected("a1111", server.url) as provider:
        yield provider


async def drawn(box: ImageProvider, **fields: Any) -> Outcome:
    """What came of a request that the server can fulfil."""
    outcome = await listen(box, ImageRequest(**{**SMALL, **fields}))
    ends_once(outcome)
    return outcome


def pixels(data: bytes) -> bytes:
    """A PNG from its first packed pixel on: what stands before that tells how it was made."""
    return data.partition(b"IDAT")[2]


def shown(outcome: Outcome) -> list[bytes]:
    return [pixels(picture.data) for picture in outcome.pictures]


async def test_it_says_what_it_is_and_has(box: A1111):
    assert await box.ping() == ServerInfo("stable-diffusion.cpp")
    assert await box.checkpoints() == ["random"]
    assert {"euler", "euler_a"} <= set(await box.samplers())
    assert {"discrete", "karras"} <= set(await box.schedulers())
    assert await box.loras() == ["ink"]
    assert {"Lanczos", "Latent"} <= set(await box.upscalers())


@pytest.mark.parametrize("seed", [0, 2**31 - 1])
async def test_a_seed_makes_the_same_picture_again(box: ImageProvider, seed: int):
    first = await drawn(box, seed=seed)
    assert first.notices == []
    (picture,) = first.pictures
    assert picture.seed == seed
    assert sniff(picture.data)[:3] == ("image/png", 64, 64)  # type: ignore[index]
    assert (await drawn(box, seed=seed)).pictures == first.pictures
    assert shown(await drawn(box, seed=1)) != shown(first)


async def test_several_come_at_once_and_count_on_from_the_seed(box: ImageProvider):
    several = await drawn(box, count=9)
    assert [picture.seed for picture in several.pictures] == list(range(42, 51))
    assert len(set(shown(several))) == 9
    assert shown(await drawn(box, seed=50)) == shown(several)[8:]


async def test_nobody_tells_how_far_it_is(server: SdCpp, box: ImageProvider):
    outcome = await drawn(box, steps=40)
    assert "| 20/40 " in server.said()
    assert outcome.of(Progress) == []
    assert outcome.events == [Queued(), Ready(outcome.pictures)]


async def test_a_sampler_by_its_a1111_name(box: ImageProvider):
    outcome = await drawn(box, sampler="Euler a")
    assert outcome.notices == []
    assert outcome.pictures[0].settings["sampler"] == "euler_a"
    assert shown(outcome) == shown(await drawn(box, sampler="euler_a"))
    assert shown(outcome) != shown(await drawn(box, sampler="euler"))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"sampler": "Nope 3000"}, 'the server knows no "Nope 3000"'),
        ({"scheduler": "nope"}, 'it knows no scheduler "nope". It has: default, discrete, karras'),
        ({"loras": (Lora("gone"),)}, 'it knows no LoRA "gone". It has: ink.'),
        ({"vae": "other"}, 'this server cannot change its VAE: "other" is ignored'),
        ({"width": 100}, "made 112 by 64 instead of 100 by 64"),
        ({"steps": 101}, "drawn with 100 steps instead of 101"),
        ({"seed": 2**32 + 5}, "drawn with the seed 5 instead of 4294967301"),
        ({"sampler": "Nope 3000", "scheduler": "karras"}, "drawn with its own sampler"),
        ({"hires": Hires(), "init_image": COLOURED}, "no second pass at a larger size with an init image"),
    ],
)
async def test_what_it_leaves_out_without_a_word_is_told(
    box: ImageProvider, fields: dict[str, Any], said: str
):
    (notice,) = (await drawn(box, **fields)).notices
    assert said in notice


async def test_a_checkpoint_that_it_has_not_loaded(box: ImageProvider):
    assert (await drawn(box, checkpoint="random.safetensors")).notices == []
    notices = (await drawn(box, checkpoint="dreams")).notices
    assert notices == ['it draws with "random"; it cannot change to "dreams"']


async def test_a_seed_that_is_too_large_for_it_is_another(box: ImageProvider):
    outcome = await drawn(box, seed=3_000_000_000)
    (picture,) = outcome.pictures
    assert outcome.notices == [f"drawn with the seed {picture.seed} instead of 3000000000"]
    assert shown(await drawn(box, seed=picture.seed)) == shown(outcome)


async def test_a_prompt_that_looks_like_settings_is_none(box: ImageProvider):
    outcome = await drawn(box, prompt=HOSTILE, sampler="euler_a", scheduler="karras")
    assert outcome.notices == []
    (picture,) = outcome.pictures
    said = {name: value for name, value in picture.settings.items() if name != "infotext"}
    assert said == {
        "sampler": "euler_a", "scheduler": "karras", "checkpoint": "random.safetensors",
        "steps": 2, "seed": 42,
    }  # fmt: skip


async def test_a_second_pass(box: ImageProvider):
    outcome = await drawn(box, hires=Hires(scale=2, upscaler="lanczos", steps=1, strength=0.4))
    assert outcome.notices == []
    assert sniff(outcome.pictures[0].data)[1:3] == (128, 128)  # type: ignore[index]
    one, two = [await drawn(box, hires=Hires(strength=part)) for part in (0.3, 0.9)]
    assert shown(one) != shown(two)


async def test_a_picture_that_it_cannot_read_is_as_none_at_all(box: ImageProvider):
    plain = await drawn(box)
    grey, picture, no_webp = [
        await drawn(box, init_image=data, strength=0.3) for data in (GREY, COLOURED, webp())
    ]
    assert "without colour" in grey.notices[0]
    assert "built without WebP" in no_webp.notices[0]
    assert shown(grey) == shown(no_webp) == shown(plain) != shown(picture)
    assert picture.notices == []


async def test_what_it_has_no_route_for(box: A1111):
    with pytest.raises(NotFound, match="cannot unload its checkpoint: it has no sdapi") as caught:
        await box.free()
    assert caught.value.hint == ""


async def test_a_lora_is_found_and_weighed(box: ImageProvider):
    plain, light, heavy = [
        await drawn(box, loras=loras) for loras in ((), (Lora("ink", 0.2),), (Lora("ink"),))
    ]
    assert plain.notices == light.notices == heavy.notices == []
    assert len({*shown(plain), *shown(light), *shown(heavy)}) == 3
    assert shown(await drawn(box)) == shown(plain)


async def test_a_picture_to_begin_with(box: ImageProvider):
    start = (await drawn(box, seed=7)).pictures[0].data
    plain = await drawn(box, steps=4)
    near, far = [await drawn(box, init_image=start, strength=part, steps=4) for part in (0.3, 0.6)]
    kept = await drawn(box, init_image=start, mask=png(64, 64), strength=0.3, steps=4)
    assert len({*shown(plain), *shown(near), *shown(far), *shown(kept)}) == 4


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"prompt": ""}, 400, "prompt required"),
        ({"width": 0}, 400, "width and height must be positive"),
        ({"width": 4_000_000, "height": 4_000_000}, 500, "bad_alloc"),
    ],
)
async def test_a_refusal_is_told_in_its_words_and_it_draws_on(
    box: ImageProvider, fields: dict[str, Any], status: int, said: str
):
    error = (await listen(box, ImageRequest(**{**SMALL, **fields}))).error
    assert isinstance(error, Refused)
    assert error.status == status
    assert said in error.message
    assert ("smaller picture" in error.hint) is (status == 500)
    await drawn(box)


async def test_two_people_get_their_own(server: SdCpp, box: ImageProvider):
    async with connected("a1111", server.url) as other:
        mine, theirs = await asyncio.gather(drawn(box, seed=1), drawn(other, seed=2))
    assert (mine.pictures[0].seed, theirs.pictures[0].seed) == (1, 2)
    assert shown(mine) == shown(await drawn(box, seed=1)) != shown(theirs)


async def test_stopping_waits_for_nothing_though_it_draws_on(server: SdCpp, box: ImageProvider):
    async with asyncio.timeout(100):
        drawing = asyncio.create_task(drawn(box, steps=LONG, width=256, height=256))
        while not re.search(rf"\| \d+/{LONG} ", server.said()):
            await asyncio.sleep(0.05)
        drawing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await drawing
        assert f"{LONG}/{LONG} " not in server.said()
        # The next one has to wait for the one that nobody wants any more.
        await drawn(box)
        assert f"{LONG}/{LONG} " in server.said()


@pytest.mark.parametrize(
    ("prompt", "more"),
    [
        ("a cat", ["--sampler", "euler_a"]),
        ('a "quoted" {cat}\\, 日本 🎉\nSteps: two', ["--sampler", "euler_a", "--scheduler", "karras"]),
        (HOSTILE, ["--scheduler", "karras"]),
        (f" {HOSTILE}\nNegative prompt: x\n", []),
        ("a cat", ["--set", 'loras=[{ name = "ink", weight = 0.2 }]']),
        ("a cat", ["--set", 'hires={ scale = 1.5, upscaler = "Lanczos", strength = 0.4 }']),
    ],
)
async def test_a_picture_alone_says_how_to_make_it_again(
    server: SdCpp, home: Path, prompt: str, more: list[str]
):
    program = Program(home)
    program.config.write_text(f'[images.profiles.box]\nkind = "a1111"\nbase_url = {json.dumps(server.url)}\n')
    made = ("-n", "blurry", "--size", "64x80", "--steps", "3", "--cfg", "4.5", *more)
    first = await program.run("image", prompt, *made, "--seed", "42", "-o", "first.png")
    assert (first.code, first.err) == (0, "")
    alone = (home / "first.png").rename(home / "alone.png")
    again = await program.run("image", "--again", "alone.png", "-o", "second.png")
    assert (again.code, again.err) == (0, "")
    assert (home / "second.png").read_bytes() == alone.read_bytes()
    other = await program.run("image", "--again", "alone.png", "--seed", "43", "-o", "third.png")
    assert other.code == 0
    assert pixels((home / "third.png").read_bytes()) != pixels(alone.read_bytes())
