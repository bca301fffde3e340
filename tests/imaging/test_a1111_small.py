"""What stable-diffusion.cpp does in its own way, or does not do and says nothing of."""

from typing import Any

import msgspec
import pytest

from pluma_tui.core.errors import JobFailed, Refused
from pluma_tui.core.images import Hires, ImageRequest
from tests.imaging import conformance
from tests.imaging.annotated import jpeg, webp
from tests.imaging.conformance import REQUEST, Outcome, connected, listen
from tests.imaging.pictures import png
from tests.servers.a1111 import A1111Server, a1111
from tests.servers.replay import answer

pytestmark = pytest.mark.usefixtures("quick")
HOSTILE = "a cat, Seed: 5, Sampler: foo, Model: bar, Schedule type: baz, Steps: 9, Hires scale: 3, x: y"


def asking(**fields: Any) -> ImageRequest:
    return msgspec.structs.replace(REQUEST, **fields)


async def drawn(request: ImageRequest, **settings: Any) -> tuple[Outcome, A1111Server]:
    """What came of a request, and the server that was asked."""
    async with (
        a1111("stable-diffusion.cpp", **settings) as server,
        connected("a1111", server.url) as provider,
    ):
        outcome = await listen(provider, request)
    return outcome, server


class TestTold:
    @pytest.mark.parametrize("prompt", [HOSTILE, f"a\n{HOSTILE}", f"{HOSTILE}, SDCPP: {{}}"])
    async def test_a_prompt_that_looks_like_settings_is_none(self, prompt: str):
        outcome, _ = await drawn(asking(prompt=prompt, sampler="euler_a"))
        assert outcome.notices == []
        (picture,) = outcome.pictures
        infotext = picture.settings.pop("infotext")
        assert infotext.count("Seed: 5") == 2
        said = {"sampler": "euler_a", "checkpoint": "sd15rand.safetensors", "steps": 2, "seed": 42}
        assert (picture.seed, picture.settings) == (42, said)

    async def test_the_scheduler_is_told_apart_from_the_sampler(self):
        outcome, _ = await drawn(asking(sampler="Euler a", scheduler="karras"))
        assert outcome.notices == []
        said = outcome.pictures[0].settings
        assert (said["sampler"], said["scheduler"]) == ("euler_a", "karras")

    @pytest.mark.parametrize("scheduler", ["", "karras"])
    async def test_a_sampler_that_is_ignored_is_told(self, scheduler: str):
        outcome, _ = await drawn(asking(sampler="Nope 3000", scheduler=scheduler))
        assert outcome.notices == ['drawn with its own sampler: the server knows no "Nope 3000"']

    @pytest.mark.parametrize("sampler", ["", "default"])
    async def test_its_own_sampler_may_be_asked_for(self, sampler: str):
        outcome, _ = await drawn(asking(sampler=sampler))
        assert outcome.notices == []

    @pytest.mark.parametrize(("seed", "drawn_with"), [(3_000_000_000, 4848759), (2**32 + 5, 5)])
    async def test_a_seed_that_is_too_large_for_it_is_told(self, seed: int, drawn_with: int):
        outcome, _ = await drawn(asking(seed=seed))
        assert outcome.notices == [f"drawn with the seed {drawn_with} instead of {seed}"]
        assert outcome.pictures[0].seed == drawn_with

    async def test_fewer_steps_than_were_asked_for_are_told(self):
        outcome, _ = await drawn(asking(steps=150))
        assert outcome.notices == ["drawn with 100 steps instead of 150"]

    async def test_an_option_goes_before_and_is_no_surprise(self):
        outcome, _ = await drawn(asking(options={"steps": 3, "seed": 9}))
        assert outcome.notices == []
        assert outcome.pictures[0].seed == 9

    @pytest.mark.parametrize("number", ["9" * 5000, str(2**64)])
    async def test_a_number_that_no_file_can_hold_is_none(self, number: str):
        text = f"a cat\nSteps: {number}, Sampler: euler, Seed: {number}, Version: stable-diffusion.cpp"
        outcome, _ = await drawn(REQUEST, picture=png(64, 64, parameters=text))
        conformance.ends_once(outcome)
        assert outcome.notices == []
        assert outcome.pictures[0].seed == 42

    async def test_too_little_memory_is_told_with_what_helps(self):
        no = answer({"error": "server_error", "message": "std::bad_alloc"}, status=500)
        outcome, _ = await drawn(REQUEST, spoiled={"sdapi/v1/txt2img": no})
        assert isinstance(outcome.error, JobFailed)
        assert outcome.error.message.startswith("server_error: std::bad_alloc")
        assert "smaller picture" in outcome.error.hint


class TestSecondPass:
    async def test_it_is_asked_for_in_its_own_words(self):
        hires = Hires(scale=1.5, upscaler="latent (Bicubic)", steps=7, strength=0.4)
        outcome, server = await drawn(asking(hires=hires))
        assert outcome.notices == []
        body = server.bodies[0]
        assert {name: value for name, value in body.items() if "hr" in name or "denoising" in name} == {
            "enable_hr": True, "hr_scale": 1.5, "hr_upscaler": "Latent (bicubic)", "hr_steps": 7,
            "denoising_strength": 0.4,
        }  # fmt: skip

    async def test_an_upscaler_that_it_refuses_is_told_with_those_there_are(self):
        outcome, _ = await drawn(asking(hires=Hires(upscaler="nope")))
        (notice,) = outcome.notices
        assert notice.startswith('it knows no upscaler "nope". It has: None, Lanczos, Nearest, Latent, ')
        assert isinstance(outcome.error, Refused)
        assert outcome.error.message.startswith("invalid params")

    async def test_with_a_picture_to_begin_with_there_is_none(self):
        outcome, server = await drawn(asking(hires=Hires(), init_image=webp()))
        assert outcome.notices == ["no second pass at a larger size with an init image"]
        assert "enable_hr" not in server.bodies[0]


class TestUnreadable:
    @pytest.mark.parametrize("picture", [png(64, 64), jpeg()], ids=["png", "jpeg"])
    async def test_a_picture_without_colour_is_left_out_with_a_word(self, picture: bytes):
        outcome, _ = await drawn(asking(init_image=picture))
        words = "this server reads no picture without colour: it draws without the init image"
        assert outcome.notices == [words]

    async def test_a_coloured_one_is_taken(self):
        data = png(64, 64)
        palette = data[:25] + b"\3" + data[26:]
        colours = jpeg().replace(b"\6\0\x08\1", b"\6\0\x08\3")
        for picture in (palette, colours, webp()):
            outcome, _ = await drawn(asking(init_image=picture, mask=png(64, 64)))
            assert outcome.notices == []

    async def test_a_server_that_was_built_without_webp(self):
        request = asking(init_image=webp(), mask=webp())
        outcome, _ = await drawn(request, formats=("png", "jpeg"))
        words = "this server was built without WebP: it draws without the"
        assert outcome.notices == [f"{words} init image", f"{words} mask"]
